import { type Day, daysBetween, eachDay, startOfDay } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";

/**
 * `missing`: the day was never queried, so its count is unknown and not 0. `unsettled`: its count may still be corrected
 * upward. `settled`: its count is final.
 */
export type DayState = "settled" | "unsettled" | "missing";

/** Consecutive UTC days, and what is known about each. All series of one lake share them. */
export interface KnownDays {
  readonly start: Day;
  readonly dates: readonly Day[];
  readonly states: readonly DayState[];
}

/** A count for each UTC day from `start`. The count of a missing day is 0 here and must not be used. */
export interface DailySeries extends KnownDays {
  readonly counts: readonly number[];
}

export function knownDays({ start, end }: Span, stateOf: (day: Day) => DayState): KnownDays {
  const dates = eachDay(start, end);
  return { start, dates, states: dates.map(stateOf) };
}

/**
 * The series of one client, endpoint or organization. A known day without a count has 0: the service omits rows without
 * requests. Counts of one day are added.
 *
 * @throws {RangeError} for a negative or infinite count, or one on a day that is missing or outside of the days.
 */
export function dailySeries(days: KnownDays, counts: Iterable<readonly [Day, number]>): DailySeries {
  const sums = days.states.map(() => 0);
  for (const [day, count] of counts) {
    const at = daysBetween(days.start, day);
    if ((days.states[at] ?? "missing") === "missing")
      throw new RangeError(`A count on ${day}, which is not a known day.`);
    if (!(count >= 0 && count < Number.POSITIVE_INFINITY))
      throw new RangeError(`Invalid count on ${day}: ${count} (expected 0 or more).`);
    sums[at] = (sums[at] ?? 0) + count;
  }
  return { ...days, counts: sums };
}

/** The series as it was known at the end of its first `length` days. */
export function firstDays({ start, dates, states, counts }: DailySeries, length: number): DailySeries {
  return {
    start,
    dates: dates.slice(0, length),
    states: states.slice(0, length),
    counts: counts.slice(0, length),
  };
}

/** 0 for a Monday, 6 for a Sunday. */
export function weekdayOf(day: Day): number {
  return (new Date(startOfDay(day)).getUTCDay() + 6) % 7;
}

/** The position after the last known day; 0 if no day is known. */
export function endOfKnown({ states }: KnownDays): number {
  return states.findLastIndex((state) => state !== "missing") + 1;
}

/** The position after the last settled day; 0 if no day is settled. */
export function endOfSettled({ states }: KnownDays): number {
  return states.lastIndexOf("settled") + 1;
}
