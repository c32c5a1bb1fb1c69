import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Lake } from "../lake/lake.ts";
import { UsageError } from "../support/errors.ts";
import type { Granularity } from "../usage/period.ts";

/** The raw rows, for the blueprint's own way: an object for each answer, in a folder for each granularity. */
export const SOURCE_FOLDER = "gc_usage_api_source/";

/** Where an answer's raw rows stand in the lake. */
export function sourcePath(granularity: Granularity, id: string): string {
  return `${SOURCE_FOLDER}granularity=${granularity}/${id}.json`;
}

/** Raw rows are never replaced by others: an id names one answer. @throws {UsageError} refused */
export async function checkSource(lake: Lake, path: string, hash: string): Promise<void> {
  const current = await lake.store.head(path);
  if (!current || (await hashOf(join(await lake.store.localize([current]), path))) === hash) return;
  throw new UsageError("refused", `The lake has other rows under ${path} already. Nothing was written.`, {
    hint: "Is it the id of another answer? Leave --id out, or give --force where the command has it.",
  });
}

/**
 * Puts raw rows in their place, and not over others unless forced.
 *
 * @param file may be moved away.
 * @param options.hash of the file.
 * @returns there, where the very same rows are there already.
 */
export async function keepSource(
  lake: Lake,
  path: string,
  file: string,
  { hash, force }: { hash: string; force: boolean },
): Promise<"written" | "there"> {
  for (;;) {
    const current = await lake.store.head(path);
    if (current) {
      if ((await hashOf(join(await lake.store.localize([current]), path))) === hash) return "there";
      if (!force) await checkSource(lake, path, hash);
    }
    if (await lake.store.replace(path, file, current?.version)) return "written";
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
