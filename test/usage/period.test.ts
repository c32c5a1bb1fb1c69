import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import { periodEnd, periodStart, periodsOf, type WeekStart } from "../../src/usage/period.ts";
import { anyGranularity, anyWeekStart, recentDay } from "./arbitraries.ts";

/** The slow reference: goes back day by day until a period begins. */
function slowStart(granularity: "day" | "week" | "month", day: Day, weekStart: WeekStart): Day {
  for (let first = day; ; first = addDays(first, -1)) {
    const date = new Date(`${first}T12:00:00Z`);
    const begins =
      granularity === "day" ||
      (granularity === "month"
        ? date.getUTCDate() === 1
        : date.getUTCDay() === (weekStart === "sunday" ? 0 : 1));
    if (begins) return first;
  }
}

describe("a period", () => {
  it("begins on the nearest first day before, and ends before the next one begins", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("day", "week", "month"),
        recentDay,
        anyWeekStart,
        (granularity, day, weekStart) => {
          const start = periodStart(granularity, day, weekStart);
          expect(start).toBe(slowStart(granularity, day, weekStart));
          const end = periodEnd(granularity, start);
          if (end === undefined) throw new Error("expected a period with an end");
          expect(end >= day).toBe(true);
          expect(slowStart(granularity, end, weekStart)).toBe(start);
          expect(slowStart(granularity, addDays(end, 1), weekStart)).toBe(addDays(end, 1));
        },
      ),
    );
  });

  it("ends with the last year", () => {
    const last = "9999-12-31" as Day;
    expect(periodEnd("month", "9999-12-01" as Day)).toBe(last);
    for (const granularity of ["day", "week", "month"] as const) {
      const periods = periodsOf(granularity, { start: "9999-12-01" as Day, end: last });
      expect(periods.at(-1)?.covered.end).toBe(last);
    }
  });

  it("of a total does not depend on a calendar", () => {
    expect(periodStart("total", "2026-11-17" as Day)).toBe("2026-11-17");
    expect(periodEnd("total", "2026-11-17" as Day)).toBeUndefined();
  });

  it("divides a span so that each day is in exactly one period, its own", () => {
    fc.assert(
      fc.property(
        anyGranularity,
        recentDay,
        fc.nat({ max: 100 }),
        anyWeekStart,
        (granularity, start, days, weekStart) => {
          const span = { start, end: addDays(start, days) };
          const periods = periodsOf(granularity, span, weekStart);
          expect(periods.flatMap(({ covered }) => eachDay(covered.start, covered.end))).toEqual(
            eachDay(start, span.end),
          );
          for (const { date, covered } of periods) {
            if (granularity === "total") expect(date).toBe(start);
            else {
              for (const day of eachDay(covered.start, covered.end))
                expect(slowStart(granularity, day, weekStart)).toBe(date);
            }
          }
          expect(new Set(periods.map(({ date }) => date)).size).toBe(periods.length);
        },
      ),
    );
  });
});
