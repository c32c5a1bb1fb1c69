import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { tempLake } from "../lake/helpers.ts";
import { fastEffects, runSync } from "./world.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ now: NOW, jobDelayMs: 1 });
});
afterAll(() => sandbox.close());

describe("a total", () => {
  it("grows with each day's sync from the same first day, and is not cut back to a shorter one", async () => {
    const { lake, folder } = await tempLake();
    const start = "2026-11-01" as Day;
    const effects = fastEffects(NOW, 100);
    const run = (end: Day) =>
      runSync(sandbox, folder, effects, {
        granularity: "total",
        grouping: parseGrouping("none"),
        span: { start, end },
      });
    const held = async () =>
      (await lake.slices()).map(({ provenance }) => `${provenance?.start}/${provenance?.end}`);
    for (const end of [-4, -3, -1].map((days) => addDays(dayOf(NOW), days))) {
      expect(await run(end)).toMatchObject({ jobs: 1, written: 1, kept: [] });
      expect(await held()).toEqual([`${start}/${end}`]);
    }
    await expect(run(addDays(dayOf(NOW), -2))).rejects.toMatchObject({ kind: "refused" });
    expect(await held()).toEqual([`${start}/2026-11-24`]);
  });
});
