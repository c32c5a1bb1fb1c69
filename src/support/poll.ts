import type { Effects } from "./effects.ts";

/** How to wait between two looks. */
export interface Pauses {
  readonly effects: Pick<Effects, "sleep">;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, or a function of the number of looks so far, from 1. */
  readonly pauseMs: number | ((looks: number) => number);
}

/**
 * Looks again and again until a look finds something.
 *
 * @param look returns undefined to be called again. Throw to give up.
 * @throws the signal's reason, if it aborts during a pause.
 */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  { effects, signal, pauseMs }: Pauses,
): Promise<T> {
  for (let looks = 1; ; looks++) {
    const found = await look();
    if (found !== undefined) return found;
    await effects.sleep(typeof pauseMs === "number" ? pauseMs : pauseMs(looks), signal);
  }
}
