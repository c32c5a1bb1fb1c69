import { expect } from "vitest";
import type { Grouping } from "../../src/usage/grouping.ts";
import type { Place } from "./places.ts";
import { readThroughout, runWell } from "./runs.ts";

export interface KillOptions {
  readonly place: Place;
  readonly kills: number;
  /** The command that fills a lake, as a person would repeat it. */
  readonly command: (lake: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly grouping: Grouping;
  /** Throws if the lake, in a folder, is wrong. */
  readonly check: (folder: string) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Runs a command repeatedly, killed with SIGKILL at random points, until it has filled its lake, with a concurrent reader and
 * for two lakes at the same time; then once more. Each lake must be correct, and nothing may be left of killed runs.
 */
export async function killLoop(options: KillOptions): Promise<void> {
  const { place, kills, grouping, random } = options;
  const check = async (name: string): Promise<void> => options.check(await place.folder(name));

  /** The shortest complete run so far: on a busy machine the first one may take several times as long. */
  let whole = Number.POSITIVE_INFINITY;
  const run = async (name: string, killAfterMs?: number): Promise<boolean> => {
    const env = { ...options.env, ...place.env(name) };
    const began = performance.now();
    const ended = await runWell(options.command(place.lake(name)), { env, killAfterMs });
    if (ended) whole = Math.min(whole, performance.now() - began);
    return ended;
  };
  await run("whole");
  await check("whole");

  const count = { kills: 0 };
  const oneLake = async (name: string): Promise<void> => {
    const reading = new AbortController();
    const reader = readThroughout(place, name, grouping, reading.signal);
    // The start takes a third of the time and changes nothing, so the kills are in the rest.
    while (count.kills < kills && !(await run(name, whole * (0.3 + 0.7 * random())))) count.kills++;
    await run(name);
    reading.abort();
    await reader;
    await check(name);
    expect(await place.leftovers(name)).toEqual([]);
    await place.remove(name);
  };
  for (let round = 0; count.kills < kills; round += 2) {
    await Promise.all([oneLake(`lake-${round}`), oneLake(`lake-${round + 1}`)]);
  }
  await place.remove("whole");
}
