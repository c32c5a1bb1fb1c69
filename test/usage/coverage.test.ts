import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Coverage, coversLess, isComplete, isSettled, knownSpan } from "../../src/usage/coverage.ts";
import { addDays, type Day, eachDay, startOfDay } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { periodEnd, periodStart } from "../../src/usage/period.ts";
import { anyWeekStart, recentDay } from "./arbitraries.ts";

function coverage(start: string, end: string, more: Partial<Coverage> = {}): Coverage {
  return {
    start: start as Day,
    end: end as Day,
    metrics: METRICS,
    fetchedAt: Date.UTC(2026, 11, 1),
    ...more,
  };
}

const anyCoverage = fc
  .tuple(recentDay, fc.nat({ max: 5 }), fc.subarray([...METRICS], { minLength: 1 }), fc.nat({ max: 3 }))
  .map(([start, days, metrics, at]) => coverage(start, addDays(start, days), { metrics, fetchedAt: at }));

describe("coverage", () => {
  it("ends with the last complete UTC day, because data never includes the current one", () => {
    const span = { start: "2026-11-10" as Day, end: "2026-11-20" as Day };
    expect(knownSpan(span, Date.parse("2026-11-15T00:00:00Z"))).toEqual({ ...span, end: "2026-11-14" });
    expect(knownSpan(span, Date.parse("2026-11-14T23:59:59Z"))).toEqual({ ...span, end: "2026-11-13" });
    expect(knownSpan(span, Date.parse("2026-12-24T00:00:00Z"))).toEqual(span);
    expect(knownSpan(span, Date.parse("2026-11-11T00:00:00Z"))).toEqual({ ...span, end: "2026-11-10" });
    expect(knownSpan(span, Date.parse("2026-11-10T23:59:59Z"))).toBeUndefined();
  });

  it("is complete if it includes each day of the period", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("day", "week", "month"),
        recentDay,
        anyWeekStart,
        fc.integer({ min: -2, max: 33 }),
        fc.integer({ min: -2, max: 33 }),
        (granularity, day, weekStart, from, to) => {
          const date = periodStart(granularity, day, weekStart);
          const span = { start: addDays(date, from), end: addDays(date, Math.max(from, to)) };
          const covered = new Set(eachDay(span.start, span.end));
          const whole = eachDay(date, periodEnd(granularity, date) ?? date).every((day) => covered.has(day));
          expect(isComplete({ granularity, date }, span)).toBe(whole);
        },
      ),
    );
  });

  it("of a November queried from the 10th to the 20th is not complete", () => {
    const november = { granularity: "month", date: "2026-11-01" as Day } as const;
    expect(isComplete(november, coverage("2026-11-10", "2026-11-20"))).toBe(false);
    expect(
      isSettled(november, coverage("2026-11-10", "2026-11-20", { fetchedAt: Date.UTC(2027, 5) }), 3),
    ).toBe(false);
  });

  it("settles once it was fetched more than the given number of days after the period's end", () => {
    const day = { granularity: "day", date: "2026-11-10" as Day } as const;
    const readOn = (date: string): Coverage =>
      coverage("2026-11-10", "2026-11-10", { fetchedAt: startOfDay(date as Day) });
    expect(isSettled(day, readOn("2026-11-13"), 3)).toBe(false);
    expect(isSettled(day, readOn("2026-11-14"), 3)).toBe(true);
    expect(isSettled(day, readOn("2026-11-11"), 0)).toBe(true);
    const total = { granularity: "total", date: "2026-10-01" as Day } as const;
    expect(
      isSettled(
        total,
        coverage("2026-10-01", "2026-11-10", { fetchedAt: startOfDay("2026-11-13" as Day) }),
        3,
      ),
    ).toBe(false);
    expect(
      isSettled(
        total,
        coverage("2026-10-01", "2026-11-10", { fetchedAt: startOfDay("2026-11-14" as Day) }),
        3,
      ),
    ).toBe(true);
  });
});

describe("coversLess", () => {
  const current = coverage("2026-11-05", "2026-11-20");

  it.each([
    ["the same", current, undefined],
    ["more days", coverage("2026-11-01", "2026-11-30"), undefined],
    ["later", coverage("2026-11-05", "2026-11-20", { fetchedAt: current.fetchedAt + 1 }), undefined],
    [
      "fewer days at the end",
      coverage("2026-11-05", "2026-11-19"),
      /covers 2026-11-05\/2026-11-19 of the period, less than the stored 2026-11-05\/2026-11-20/,
    ],
    ["fewer days at the start", coverage("2026-11-06", "2026-11-30"), /less than/],
    ["other days", coverage("2026-11-21", "2026-11-30"), /less than/],
    [
      "fewer metrics",
      coverage("2026-11-05", "2026-11-20", { metrics: ["status200", "requests"] }),
      /it does not have status300, status400, status500, status429/,
    ],
    [
      "an earlier answer",
      coverage("2026-11-05", "2026-11-20", { fetchedAt: current.fetchedAt - 1 }),
      /was fetched 2026-11-30T23:59:59.999Z, before the stored data of 2026-12-01T00:00:00.000Z/,
    ],
  ])("is true for %s", (_what, next, why) => {
    const told = coversLess(current, next, "month");
    if (why === undefined) expect(told).toBeUndefined();
    else expect(told).toMatch(why);
  });

  it("lets the longer of two totals replace the shorter one, but not the reverse", () => {
    expect(coversLess(current, coverage("2026-11-05", "2026-11-30"), "total")).toBeUndefined();
    expect(coversLess(current, coverage("2026-11-05", "2026-11-19"), "total")).toBe(
      "it is a total of 2026-11-05/2026-11-19, shorter than the stored 2026-11-05/2026-11-20",
    );
    expect(coversLess(current, current, "total")).toBeUndefined();
  });

  it("lets two replace each other only if they cover the same", () => {
    fc.assert(
      fc.property(anyCoverage, anyCoverage, (a, b) => {
        expect(coversLess(a, a, "month")).toBeUndefined();
        if (coversLess(a, b, "month") === undefined && coversLess(b, a, "month") === undefined)
          expect(a).toEqual(b);
      }),
    );
  });

  it("never loses coverage, however many replacements follow each other", () => {
    fc.assert(
      fc.property(anyCoverage, anyCoverage, anyCoverage, (a, b, c) => {
        if (coversLess(a, b, "month") === undefined && coversLess(b, c, "month") === undefined) {
          expect(coversLess(a, c, "month")).toBeUndefined();
        }
      }),
      { numRuns: 1000 },
    );
  });
});
