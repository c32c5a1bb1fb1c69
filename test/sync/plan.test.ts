import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Provenance, Reading } from "../../src/lake/provenance.ts";
import { planSync, type SyncTarget } from "../../src/sync/plan.ts";
import { addDays, type Day, dayOf, daysBetween, eachDay, lastDay, startOfDay } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type Granularity, periodEnd, periodStart } from "../../src/usage/period.ts";
import { SERVICE_SPECS } from "../../src/usage/service.ts";
import { readable } from "../helpers/lakes.ts";
import { anyService, anyWeekStart } from "../usage/arbitraries.ts";

const TODAY = "2026-11-23" as Day;
const NOW = startOfDay(TODAY) + 10 * 3_600_000;
const HOUR = 3_600_000;

function target(from: string, to: string, change: Partial<SyncTarget> = {}): SyncTarget {
  return {
    service: "jobs",
    granularity: "day",
    grouping: "client-uri-method" as Grouping,
    span: { start: from as Day, end: to as Day },
    settleDays: 3,
    recheckMs: 6 * HOUR,
    weekStart: "monday",
    ...change,
  };
}

function held(...slices: [date: string, change?: Partial<Provenance>][]): Map<Day, Reading> {
  return new Map(
    slices.map(([date, change]) => [
      date as Day,
      readable({ start: date as Day, end: date as Day, fetchedAt: NOW - 100 * HOUR, ...change }),
    ]),
  );
}

function states(plan: ReturnType<typeof planSync>): string[] {
  return plan.periods.map(({ date, state }) => `${date.slice(5)} ${state}`);
}

const chunks = (plan: ReturnType<typeof planSync>): string[] =>
  plan.chunks.map(({ start, end }) => `${start}/${end}`);

describe("the plan", () => {
  it("queries what is missing and leaves stored days alone", () => {
    const old = { fetchedAt: NOW };
    const plan = planSync(
      target("2026-11-01", "2026-11-06"),
      held(["2026-11-02", old], ["2026-11-03", old], ["2026-11-05", old]),
      NOW,
    );
    expect(states(plan)).toEqual([
      "11-01 missing",
      "11-02 settled",
      "11-03 settled",
      "11-04 missing",
      "11-05 settled",
      "11-06 missing",
    ]);
    expect(chunks(plan)).toEqual(["2026-11-01/2026-11-01", "2026-11-04/2026-11-04", "2026-11-06/2026-11-06"]);
  });

  it("queries nothing if everything is settled", () => {
    const all = eachDay("2026-11-01" as Day, "2026-11-10" as Day).map(
      (day): [string, Partial<Provenance>] => [day, { fetchedAt: NOW }],
    );
    const plan = planSync(target("2026-11-01", "2026-11-10"), held(...all), NOW);
    expect(plan.chunks).toEqual([]);
  });

  it("never queries the current day or a future one", () => {
    expect(lastDay(NOW)).toBe("2026-11-22");
    expect(lastDay(startOfDay(TODAY))).toBe("2026-11-22");
    expect(chunks(planSync(target("2026-11-20", "2026-12-31"), new Map(), NOW))).toEqual([
      "2026-11-20/2026-11-22",
    ]);
    expect(
      chunks(planSync(target("2026-11-01", "9999-12-31", { granularity: "month" }), new Map(), NOW)),
    ).toEqual(["2026-11-01/2026-11-22"]);
  });

  it("refetches what was fetched too early to be final, but not within the recheck time", () => {
    const at = (hours: number): Partial<Provenance> => ({ fetchedAt: NOW - hours * HOUR });
    // Nov 18 settles on the 22nd. If fetched on the 21st it may have changed since; if fetched today it may not.
    const plan = planSync(
      target("2026-11-17", "2026-11-22"),
      held(
        ["2026-11-17", at(30)],
        ["2026-11-18", at(48)],
        ["2026-11-19", at(1)],
        ["2026-11-20", at(5)],
        ["2026-11-21", at(7)],
      ),
      NOW,
    );
    expect(states(plan)).toEqual([
      "11-17 settled",
      "11-18 unsettled",
      "11-19 settled",
      "11-20 fresh",
      "11-21 unsettled",
      "11-22 missing",
    ]);
    const always = planSync(
      target("2026-11-20", "2026-11-20", { recheckMs: 0 }),
      held(["2026-11-20", at(1)]),
      NOW,
    );
    expect(states(always)).toEqual(["11-20 unsettled"]);
    const never = planSync(
      target("2026-11-22", "2026-11-22", { settleDays: 0 }),
      held(["2026-11-22", at(9)]),
      NOW,
    );
    expect(states(never)).toEqual(["11-22 settled"]);
  });

  it("queries all metrics if a slice has only some", () => {
    const plan = planSync(
      target("2026-11-01", "2026-11-01"),
      held(["2026-11-01", { metrics: ["status200"] }]),
      NOW,
    );
    expect(states(plan)).toEqual(["11-01 partial"]);
  });

  it("extends to whole weeks and months, because a slice counts a whole period", () => {
    const months = planSync(target("2026-09-10", "2026-10-05", { granularity: "month" }), new Map(), NOW);
    expect(months.periods.map(({ date, covered }) => [date, covered.end])).toEqual([
      ["2026-09-01", "2026-09-30"],
      ["2026-10-01", "2026-10-31"],
    ]);
    const week = (weekStart: "monday" | "sunday"): string[] =>
      chunks(
        planSync(target("2026-11-11", "2026-11-12", { granularity: "week", weekStart }), new Map(), NOW),
      );
    expect(week("monday")).toEqual(["2026-11-09/2026-11-15"]);
    expect(week("sunday")).toEqual(["2026-11-08/2026-11-14"]);
  });

  it("refetches a partially fetched month, and the current month as it grows", () => {
    const october = { start: "2026-10-10" as Day, end: "2026-10-20" as Day, fetchedAt: NOW };
    const november = { end: "2026-11-20" as Day, fetchedAt: NOW - HOUR };
    const plan = planSync(
      target("2026-10-01", "2026-11-22", { granularity: "month" }),
      held(["2026-10-01", october], ["2026-11-01", november]),
      NOW,
    );
    expect(states(plan)).toEqual(["10-01 partial", "11-01 unsettled"]);
    const grown = held(["2026-11-01", { end: "2026-11-22" as Day, fetchedAt: NOW - HOUR }]);
    expect(
      states(planSync(target("2026-11-01", "2026-11-22", { granularity: "month" }), grown, NOW)),
    ).toEqual(["11-01 fresh"]);
  });

  it("treats a total as a figure for exactly its interval, which a longer one replaces", () => {
    const total = target("2026-10-05", "2026-10-20", { granularity: "total" });
    expect(chunks(planSync(total, new Map(), NOW))).toEqual(["2026-10-05/2026-10-20"]);
    const of = (end: string) => held(["2026-10-05", { end: end as Day, fetchedAt: NOW }]);
    expect(states(planSync(total, of("2026-10-20"), NOW))).toEqual(["10-05 settled"]);
    expect(states(planSync(total, of("2026-10-19"), NOW))).toEqual(["10-05 partial"]);
    expect(() => planSync(total, of("2026-10-31"), NOW)).toThrow(
      expect.objectContaining({
        kind: "refused",
        message:
          "The lake has a total of 2026-10-05/2026-10-31, longer than 2026-10-05/2026-10-20, and can hold only one total for each first day.",
        hint: expect.stringContaining("--to 2026-10-31"),
      }),
    );
  });

  it.each([
    [target("2026-11-10", "2026-11-09"), "--from 2026-11-10 is after --to 2026-11-09."],
    [target("2026-11-23", "2026-11-30"), "No data is available yet for 2026-11-23 or later."],
    [
      target("2025-11-22", "2025-11-30"),
      "The jobs service only has data since 2025-11-23, but 2025-11-22 is missing from the lake.",
    ],
    [
      target("2026-11-01", "2026-11-02", { grouping: "client-organization" as Grouping }),
      "The jobs service cannot group by organization.",
    ],
    [
      target("2026-11-01", "2026-11-02", { service: "legacy", grouping: "client-platform" as Grouping }),
      "The legacy service cannot group by platform.",
    ],
    [
      target("2026-11-01", "2026-11-02", { service: "legacy", grouping: "none" as Grouping }),
      "The legacy service groups by client if the query has no grouping.",
    ],
    [
      target("2026-11-01", "2026-11-02", { grouping: "none" as Grouping }),
      "The jobs service does not sum if the query has no grouping.",
    ],
    [
      target("2026-01-01", "2026-11-02", { granularity: "total" }),
      "The jobs service accepts at most 90 days, too few for a total of 2026-01-01/2026-11-02.",
    ],
  ])("rejects what the service cannot provide: %#", (wanted, message) => {
    expect(() => planSync(wanted, new Map(), NOW)).toThrow(
      expect.objectContaining({ kind: "input", message, hint: expect.any(String) }),
    );
  });

  it("names the first available day as --from accepts it, whatever weekday a week begins on", () => {
    const from = (change: Partial<SyncTarget>): string => {
      try {
        planSync(target("2025-11-01", "2026-11-02", change), new Map(), NOW);
      } catch (error) {
        return /--from (\S+)/.exec((error as { hint: string }).hint)?.[1] ?? "";
      }
      return "";
    };
    for (const change of [
      {},
      { granularity: "month" },
      { granularity: "week" },
      { granularity: "week", weekStart: "sunday" },
    ] as Partial<SyncTarget>[]) {
      const day = from(change);
      expect(() => planSync(target(day, "2026-11-02", change), new Map(), NOW)).not.toThrow();
      expect(daysBetween("2025-11-23" as Day, day as Day)).toBeLessThan(31);
    }
  });

  it("ignores days out of reach that the lake has for good", () => {
    const has = held(["2025-11-21", { fetchedAt: NOW }], ["2025-11-22", { fetchedAt: NOW }]);
    expect(chunks(planSync(target("2025-11-21", "2025-11-24"), has, NOW))).toEqual(["2025-11-23/2025-11-24"]);
  });

  const granularity: fc.Arbitrary<Granularity> = fc.constantFrom("day", "week", "month");
  const anyHeld = fc.array(
    fc.record({
      age: fc.nat({ max: 400 }),
      days: fc.integer({ min: 0, max: 31 }),
      hours: fc.nat({ max: 24 * 400 }),
      metrics: fc.subarray([...METRICS], { minLength: 5 }),
    }),
    { maxLength: 60 },
  );

  it("covers exactly what is needed, in disjoint chunks of whole periods that the service accepts", () => {
    fc.assert(
      fc.property(
        anyService,
        granularity,
        anyWeekStart,
        fc.nat({ max: 300 }),
        fc.nat({ max: 300 }),
        anyHeld,
        (service, by, weekStart, ago, days, slices) => {
          const start = addDays(TODAY, -ago - 1);
          const end = addDays(start, days);
          const has = new Map<Day, Reading>();
          for (const { age, days: covered, hours, metrics } of slices) {
            const date = periodStart(by, addDays(TODAY, -age), weekStart);
            has.set(
              date,
              readable({
                start: date,
                end: addDays(date, covered),
                metrics,
                fetchedAt: NOW - hours * HOUR,
              }),
            );
          }
          const plan = planSync(target(start, end, { service, granularity: by, weekStart }), has, NOW);

          // The slow reference: every day up to yesterday whose period overlaps the span and is not settled.
          const needed: Day[] = [];
          const last = end < addDays(TODAY, -1) ? end : addDays(TODAY, -1);
          for (let day = addDays(start, -40); day < TODAY; day = addDays(day, 1)) {
            const date = periodStart(by, day, weekStart);
            const touches = eachDay(date, periodEnd(by, date) ?? date).some(
              (day) => day >= start && day <= last,
            );
            if (touches && isNeeded(by, date, has.get(date)?.provenance)) needed.push(day);
          }
          expect(plan.chunks.flatMap((chunk) => eachDay(chunk.start, chunk.end))).toEqual(needed);
          for (const chunk of plan.chunks) {
            expect(daysBetween(chunk.start, chunk.end) + 1).toBeLessThanOrEqual(
              SERVICE_SPECS[service].maxDays ?? 366,
            );
            expect(periodStart(by, chunk.start, weekStart)).toBe(chunk.start);
            const endOfPeriod = periodEnd(by, periodStart(by, chunk.end, weekStart)) ?? chunk.end;
            expect(chunk.end === endOfPeriod || chunk.end === addDays(TODAY, -1)).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** The slow reference for whether a period must be queried: settling takes 3 days, a recheck 6 hours. */
function isNeeded(by: Granularity, date: Day, has: Provenance | undefined): boolean {
  if (!has || has.metrics.length < METRICS.length) return true;
  const days = eachDay(date, periodEnd(by, date) ?? date);
  const covered = (day: Day): boolean => day >= has.start && day <= has.end;
  if (days.some((day) => day < TODAY && !covered(day))) return true;
  const readOn = dayOf(has.fetchedAt);
  const settled = days.every((day) => covered(day) && readOn > addDays(day, 3));
  return !settled && NOW - has.fetchedAt >= 6 * HOUR;
}
