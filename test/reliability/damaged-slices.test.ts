import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { damageSlices } from "./damaged-slices.ts";
import { Faults } from "./judge.ts";
import { Chance, size, tell } from "./size.ts";

const times = size({ short: 20, full: 3000 });

it(`a damaged slice, ${times} times, is refused by its name or read, ends no process, and hides no other slice`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  try {
    const faults = new Faults();
    const counts = await damageSlices(folder, times, new Chance("slices"), faults);
    tell(`damaged slices: ${JSON.stringify(counts)}`);
    expect(faults.list()).toEqual([]);
    expect(counts.peakRss).toBeLessThan(1.5e9);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
