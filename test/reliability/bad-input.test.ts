import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Tried, tryConfig, tryInterval, tryName, tryQuery } from "./bad-input.ts";
import { Faults } from "./judge.ts";
import { Chance, size } from "./size.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const KINDS: [what: string, times: number, attempt: (chance: Chance) => Tried | Promise<Tried>][] = [
  ["query file", size({ short: 200, full: 20_000 }), tryQuery],
  ["interval", size({ short: 200, full: 20_000 }), tryInterval],
  ["profile file", size({ short: 100, full: 3000 }), (chance) => tryConfig(folder, chance)],
  ["name with path separators", size({ short: 200, full: 20_000 }), tryName],
];

describe("bad input", () => {
  it.each(KINDS)(
    "a bad %s is accepted with its literal meaning or rejected with a clear message, %i times",
    async (what, times, attempt) => {
      const chance = new Chance(what);
      const faults = new Faults();
      for (let i = 0; i < times; i++) {
        const { input, fault } = await attempt(chance);
        faults.add(`case ${i}`, fault, input);
      }
      expect(faults.list()).toEqual([]);
    },
  );
});
