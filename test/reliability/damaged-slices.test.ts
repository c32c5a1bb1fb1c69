import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { damageSlices } from "./damaged-slices.ts";
import { Faults } from "./judge.ts";
import { Chance, report, size } from "./size.ts";

const times = size({ short: 20, full: 3000 });

it(`a damaged slice is rejected by name or read, crashes no process, and hides no other slice, ${times} times`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  try {
    const faults = new Faults();
    const counts = await damageSlices(folder, times, new Chance("slices"), faults);
    report(`damaged slices: ${JSON.stringify(counts)}`);
    expect(faults.list()).toEqual([]);
    expect(counts.peakRss).toBeLessThan(1.5e9);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
