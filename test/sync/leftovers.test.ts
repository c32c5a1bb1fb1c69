import { spawnSync } from "node:child_process";
import { rename } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lake } from "../../src/lake/lake.ts";
import type { Reading } from "../../src/lake/provenance.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { chunksBeside, decideLeftover, disjoint } from "../../src/sync/leftovers.ts";
import { isNeeded, planSync, type SyncPlan, type SyncTarget } from "../../src/sync/plan.ts";
import { type JobState, StagedJob } from "../../src/sync/staging.ts";
import { addDays, type Day, eachDay, minDay, startOfDay } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { GRANULARITIES, type Span } from "../../src/usage/period.ts";
import { readable, tempLake } from "../helpers/lakes.ts";
import { fastEffects, runSync, span } from "../helpers/synced-lakes.ts";
import { anyWeekStart } from "../usage/arbitraries.ts";

const TODAY = "2026-11-25" as Day;
const NOW = startOfDay(TODAY) + 12 * 3_600_000;
const HOUR = 3_600_000;

const TARGET: SyncTarget = {
  service: "jobs",
  granularity: "day",
  grouping: parseGrouping("client"),
  span: span("2026-10-01", "2026-10-31"),
  settleDays: 3,
  recheckMs: 6 * HOUR,
  weekStart: "monday",
};

function left(change: Partial<JobState> = {}): JobState {
  const { service, granularity, grouping, weekStart } = TARGET;
  const { start, end } = TARGET.span;
  const progress = { format: 2, id: "job-1", submittedAt: NOW - HOUR, bytes: 0, rows: 0, complete: false };
  return { service, granularity, grouping, weekStart, start, end, ...progress, ...change };
}

describe("a query that an earlier run left", () => {
  const use = (state: Partial<JobState>, target: Partial<SyncTarget> = {}, held: [Day, Reading][] = []) =>
    decideLeftover(left(state), planSync({ ...TARGET, ...target }, new Map(held), NOW));
  const total = { granularity: "total" } as const;
  const month = { granularity: "month" } as const;

  it("is resumed if it brings something needed, even if it covers more than is requested now", () => {
    expect(use({})).toBe("take");
    expect(use({ start: "2026-09-20" as Day, end: "2026-10-02" as Day })).toBe("take");
    expect(use({ ...total }, total)).toBe("take");
  });

  it("does not belong to a total of other days: a shorter one is dropped, any other is left for its own sync", () => {
    expect(use({ ...total, end: "2026-10-20" as Day }, total)).toBe("drop");
    expect(use({ ...total, end: "2026-11-05" as Day }, total)).toBe("leave");
    expect(use({ ...total, start: "2026-10-02" as Day }, total)).toBe("leave");
  });

  it("is dropped if it would bring only part of a month or week that has grown since", () => {
    const growing = { ...month, span: span("2026-10-01", TODAY) };
    expect(use({ ...month, end: "2026-11-23" as Day }, growing)).toBe("drop");
    expect(use({ ...month, end: "2026-11-24" as Day }, growing)).toBe("take");
    const week = { granularity: "week", span: span("2026-11-16", TODAY) } as const;
    expect(use({ ...week, start: "2026-11-16" as Day, end: "2026-11-23" as Day }, week)).toBe("drop");
  });

  it("is left if its weeks begin on another day, or if it is another query", () => {
    const week = { granularity: "week", span: span("2026-11-16", "2026-11-22") } as const;
    const state = { granularity: "week", start: "2026-11-16" as Day, end: "2026-11-22" as Day } as const;
    expect(use(state, week)).toBe("take");
    expect(use({ ...state, weekStart: "sunday" }, week)).toBe("leave");
    expect(use({ service: "legacy" })).toBe("leave");
    expect(use({ grouping: parseGrouping("client,uri") })).toBe("leave");
    expect(use({ granularity: "month" })).toBe("leave");
    expect(use({ start: "2026-11-01" as Day, end: "2026-11-03" as Day })).toBe("leave");
  });

  it("is dropped if everything it would bring is already stored", () => {
    const day = "2026-10-05" as Day;
    const there: [Day, Reading] = [day, readable({ start: day, end: day, fetchedAt: NOW })];
    expect(use({ start: day, end: day }, {}, [there])).toBe("drop");
    const { start, end } = TARGET.span;
    expect(use(total, total, [[start, readable({ start, end, fetchedAt: NOW })]])).toBe("drop");
  });

  it("leads to exactly one query for each needed period, as a whole", () => {
    const anySpan = fc.record({ ago: fc.nat({ max: 70 }), days: fc.nat({ max: 70 }) });
    fc.assert(
      fc.property(
        fc.constantFrom(...GRANULARITIES),
        anyWeekStart,
        anySpan,
        fc.array(fc.tuple(anySpan, anyWeekStart, fc.nat({ max: 3 }), fc.nat({ max: 9 })), { maxLength: 4 }),
        fc.array(fc.nat({ max: 120 }), { maxLength: 40 }),
        (granularity, weekStart, wanted, earlier, there) => {
          const spanOf = ({ ago, days }: { ago: number; days: number }, today: Day): Span => {
            const start = addDays(today, -ago - 1);
            return { start, end: minDay(addDays(start, days), addDays(today, -1)) };
          };
          const target = { ...TARGET, granularity, weekStart, span: spanOf(wanted, TODAY) };
          const held = new Map<Day, Reading>();
          if (granularity === "day") {
            for (const ago of there) {
              const day = addDays(TODAY, -ago - 1);
              held.set(day, readable({ start: day, end: day, fetchedAt: NOW }));
            }
          }
          const plan = planSync(target, held, NOW);
          // Earlier runs, of other spans and a few days ago, left some of their queries.
          const states = earlier.flatMap(([which, weekStart, daysAgo, pick]) => {
            const now = NOW - daysAgo * 24 * HOUR;
            const past = { ...target, weekStart, span: spanOf(which, addDays(TODAY, -daysAgo)) };
            const { chunks } = planSync(past, new Map(), now);
            return chunks
              .filter((_, i) => (pick + i) % 3 > 0)
              .map((chunk) => left({ granularity, weekStart, ...chunk }));
          });
          const taken = disjoint(states.filter((state) => decideLeftover(state, plan) === "take"));
          expectOnceAndWhole(plan, [...taken, ...chunksBeside(taken, plan)]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** The slow reference: for each needed day, the queries that cover it. */
function expectOnceAndWhole({ target, periods }: SyncPlan, asked: readonly Span[]): void {
  for (const period of periods.filter(isNeeded)) {
    const askers = eachDay(period.covered.start, period.covered.end).map((day) =>
      asked.filter(({ start, end }) => eachDay(start, end).includes(day)),
    );
    const [first = []] = askers;
    expect(first).toHaveLength(1);
    expect(askers.every((some) => some.length === 1 && some[0] === first[0])).toBe(true);
    if (target.granularity === "total") expect(first[0]).toMatchObject(period.covered);
  }
}

describe("a sync", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: NOW, jobDelayMs: 1 });
  });
  afterAll(() => sandbox.close());

  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  /** A query without any rows yet, as a killed run left it. */
  async function leave(lake: Lake, state: JobState): Promise<void> {
    const { folder } = await StagedJob.create(lake, state);
    await rename(folder, join(lake.store.staging, `job.${dead}.5.${crypto.randomUUID()}.${hostname()}`));
  }

  it("queries the whole of a total and of a month, whatever shorter queries were left", async () => {
    const { lake, folder } = await tempLake();
    const spans = async () =>
      (await lake.slices()).map(({ key, provenance }) => [
        key.granularity,
        key.date,
        provenance?.start,
        provenance?.end,
      ]);
    await leave(lake, left({ granularity: "total", end: "2026-10-20" as Day }));
    await leave(lake, left({ granularity: "month", end: "2026-11-23" as Day }));
    const run = (target: Pick<SyncTarget, "granularity" | "span">) =>
      runSync(sandbox, folder, fastEffects(NOW, 100), { grouping: TARGET.grouping, ...target });
    await run({ granularity: "total", span: TARGET.span });
    await run({ granularity: "month", span: span("2026-10-01", "2026-11-24") });
    expect(await spans()).toEqual([
      ["month", "2026-10-01", "2026-10-01", "2026-10-31"],
      ["month", "2026-11-01", "2026-11-01", "2026-11-24"],
      ["total", "2026-10-01", "2026-10-01", "2026-10-31"],
    ]);
  });
});
