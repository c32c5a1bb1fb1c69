import type { Lake } from "../lake/lake.ts";
import { openLake, openOrCreateLake } from "../lake/open.ts";
import type { WaitOptions } from "../lake/store.ts";
import type { LakeContext } from "./context.ts";
import { checkWritable } from "./locate-lake.ts";
import type { RunOptions } from "./settings.ts";

/** Opens the lake for an action that writes, and creates it if necessary; then closes it. */
export async function writing<T>(
  context: LakeContext,
  options: RunOptions,
  action: (lake: Lake) => Promise<T>,
): Promise<T> {
  const place = await context.place();
  checkWritable(place);
  return await closing(await openOrCreateLake(place.uri, context.opening(options.signal)), action);
}

/** Opens the existing lake for an action, and closes it. */
export async function reading<T>(
  context: LakeContext,
  options: RunOptions,
  action: (lake: Lake) => Promise<T>,
): Promise<T> {
  const { uri } = await context.place();
  return await closing(await openLake(uri, context.opening(options.signal)), action);
}

export function waitingOf({ options }: LakeContext, { signal, onProgress }: RunOptions): WaitOptions {
  return { signal: signal ?? options.signal, onProgress: onProgress ?? options.onProgress };
}

export async function closing<T>(lake: Lake, action: (lake: Lake) => Promise<T>): Promise<T> {
  try {
    return await action(lake);
  } finally {
    await lake.close();
  }
}
