import { expect, it } from "vitest";
import { workFolder } from "../helpers/folders.ts";
import { damageSlices } from "./damaged-slices.ts";
import { Faults } from "./judge.ts";
import { Chance, report, size } from "./size.ts";

const times = size({ short: 20, full: 3000 });

it(`a damaged slice is rejected by name or read, crashes no process, and hides no other slice, ${times} times`, async () => {
  const faults = new Faults();
  const counts = await damageSlices(await workFolder(), times, new Chance("slices"), faults);
  report(`damaged slices: ${JSON.stringify(counts)}`);
  expect(faults.list()).toEqual([]);
  expect(counts.peakRss).toBeLessThan(1.5e9);
});
