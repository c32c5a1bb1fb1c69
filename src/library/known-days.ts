import { type KnownDays, knownDays } from "../insight/daily-series.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { addDays, type Day, eachDay, lastDay, parseDay } from "../usage/day.ts";
import { type DayRange, type Envelope, rangesOf } from "../usage/envelope.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { hasStart, type WindowFlags } from "../usage/window.ts";

/** Days of history that are read: rules and forecasts look back, and figures need something to compare with. */
export const HISTORY_DAYS = 300;

/**
 * The last day to look at: yesterday, unless `--to` sets another one.
 *
 * @throws {GcUsageError} input
 */
export function lastDayOf(to: string | undefined): Day {
  const newest = lastDay(realEffects.now());
  if (to === undefined) return newest;
  const day = parseDay(to, "--to");
  if (day <= newest) return day;
  throw new GcUsageError("input", `--to ${day} is not over yet.`, {
    hint: `The newest complete UTC day is ${newest}: --to ${newest}`,
  });
}

/** From the first day that the lake has. A day without one of the needed metrics counts as missing. */
export function daysIn(basis: Envelope, through: Day, needs?: readonly Metric[]): KnownDays {
  const { coverage, period } = basis;
  let start = period?.from ?? through;
  const [first] = coverage?.missing ?? [];
  if (first && first.from <= start) start = addDays(first.to, 1);
  const unsettled = coverage?.unsettled ?? [];
  return knownDays({ start: start > through ? through : start, end: through }, (day) => {
    if (isMissing(basis, day, needs)) return "missing";
    return isIn(unsettled, day) ? "unsettled" : "settled";
  });
}

/** True for a day that the rows do not cover, or for which they have not all metrics that are needed. */
export function isMissing(
  { coverage, period }: Envelope,
  day: Day,
  needs: readonly Metric[] = METRICS,
): boolean {
  if (period === null || coverage === null || day > period.to || day < period.from) return true;
  const partial = coverage.partial.filter(({ lacks }) => lacks.some((metric) => needs.includes(metric)));
  return isIn(coverage.missing, day) || isIn(partial, day);
}

/** The missing days from `from` to `to`, both included. */
export function missingDays(basis: Envelope, from: Day, to: Day, needs?: readonly Metric[]): DayRange[] {
  return rangesOf(eachDay(from, to).filter((day) => isMissing(basis, day, needs)));
}

/**
 * The missing days of the period of a question. Unless its start was given, it starts with the lake's first day.
 *
 * @param needs the metrics that are read.
 */
export function missingInPeriod(basis: Envelope, flags: WindowFlags, needs: readonly Metric[]): DayRange[] {
  const { period, coverage } = basis;
  if (period === null || coverage === null) return [];
  const ranges = missingDays(basis, period.from, period.to, needs);
  const isEmpty = ranges[0]?.from === period.from && ranges[0].to === period.to;
  return hasStart(flags) || isEmpty ? ranges : ranges.filter(({ from }) => from !== period.from);
}

export function isIn(ranges: readonly DayRange[], day: Day): boolean {
  return ranges.some(({ from, to }) => day >= from && day <= to);
}
