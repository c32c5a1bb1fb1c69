import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { damagedAnswer, tryLoad, trySplit } from "./bad-answers.ts";
import { Faults } from "./judge.ts";
import { Chance, report, size } from "./size.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a damaged answer", () => {
  const loads = size({ short: 50, full: 3000 });
  it(`is stored as a JSON parser reads it, or rejected with a clear message and no trace, ${loads} times`, async () => {
    const chance = new Chance("load");
    const faults = new Faults();
    let peak = 0;
    for (let i = 0; i < loads; i++) {
      const text = damagedAnswer(chance);
      const fault = await tryLoad(folder, text, chance);
      faults.add(`case ${i}`, fault, text);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    report(`${loads} loads, at most ${Math.round(peak / 1e6)} MB`);
    expect(faults.list()).toEqual([]);
    expect(peak).toBeLessThan(1.2e9);
  });

  const splits = size({ short: 500, full: 50_000 });
  it(`is split as JSON.parse reads it, or rejected by both, ${splits} times`, () => {
    const chance = new Chance("split");
    const faults = new Faults();
    for (let i = 0; i < splits; i++) {
      const text = damagedAnswer(chance);
      const fault = trySplit(text, chance);
      faults.add(`case ${i}`, fault, text);
    }
    expect(faults.list()).toEqual([]);
  });
});
