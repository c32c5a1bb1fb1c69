import fc from "fast-check";
import { type DailySeries, type DayState, dailySeries, knownDays } from "../../src/insight/daily-series.ts";
import { addDays, type Day } from "../../src/usage/day.ts";

/** A Thursday, so that series begin within a week. */
export const START = "2026-01-01" as Day;

export function dayAt(at: number): Day {
  return addDays(START, at);
}

/** A series of settled days, except for the given states. undefined: the day is missing. */
export function seriesOf(
  counts: readonly (number | undefined)[],
  states: Readonly<Record<number, DayState>> = {},
): DailySeries {
  const all = counts.map((count, at) => states[at] ?? (count === undefined ? "missing" : "settled"));
  let at = 0;
  const days = knownDays({ start: START, end: dayAt(counts.length - 1) }, () => all[at++] ?? "missing");
  return dailySeries(
    days,
    counts.flatMap((count, i) =>
      count === undefined || all[i] === "missing" ? [] : [[dayAt(i), count] as const],
    ),
  );
}

/** Counts with a weekday pattern and random variation; some days are missing or unsettled, and some are 0. */
export const anySeries: fc.Arbitrary<DailySeries> = fc
  .record({
    length: fc.integer({ min: 0, max: 130 }),
    level: fc.constantFrom(0, 1, 40, 10_000),
    weekdays: fc.array(fc.constantFrom(0, 0.2, 1, 1, 1.5), { minLength: 7, maxLength: 7 }),
    days: fc.array(
      fc.record({
        luck: fc.double({ min: 0.5, max: 1.5, noNaN: true }),
        state: fc.constantFrom<DayState>(
          ...Array.from({ length: 30 }, () => "settled" as const),
          "unsettled",
          "missing",
        ),
      }),
      { minLength: 130, maxLength: 130 },
    ),
  })
  .map(({ length, level, weekdays, days }) =>
    seriesOf(
      days.slice(0, length).map(({ luck }, at) => Math.round(level * luck * (weekdays[at % 7] ?? 1))),
      Object.fromEntries(days.map(({ state }, at) => [at, state])),
    ),
  );

/** Deterministic variation between -1 and 1. */
export function wobble(at: number): number {
  return Math.sin(at * 12.9898) * Math.cos(at * 78.233);
}
