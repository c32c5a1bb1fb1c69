import { addDays, type Day, daysBetween } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";
import { type DailySeries, endOfKnown, endOfSettled } from "./daily-series.ts";
import { conformalRank } from "./order-statistics.ts";
import { type NoModel, type WeekdayModel, WeekdayModels } from "./weekday-model.ts";

export interface ForecastOptions {
  /** The days whose total is wanted, for example a billing period. */
  readonly period: Span;
  /** The share of outcomes that the band should contain. */
  readonly coverage?: number;
}

export const DEFAULT_COVERAGE = 0.8;
/** Past forecasts with known outcomes, without which there is no band. */
export const LEAST_ORIGINS = 20;
/** Only the newest past forecasts count: a series of years ago behaved differently. */
const MOST_ORIGINS = 365;

/** A day without a count, with what is expected for it. */
export interface ExpectedDay {
  readonly date: Day;
  readonly expected: number;
}

/** Where the period's total probably lies. */
export interface Band {
  readonly low: number;
  readonly high: number;
  readonly coverage: number;
  /** On how many past forecasts it rests. */
  readonly origins: number;
}

/** Why there is no band. */
export interface NoBand {
  readonly reason: "too-little-history";
  /** Past forecasts with known outcomes, and how many would suffice. */
  readonly origins: number;
  readonly needed: number;
}

/** Counts of the period so far. */
interface Used {
  /** The sum of the period's known days. */
  readonly used: number;
  readonly usedDays: number;
  /** Known days of the period whose counts may still be corrected upward. */
  readonly unsettledDays: number;
  /** Days of the period before the last known day that were never queried. They are estimated, not 0. */
  readonly missingDays: number;
  /** Days of the period after the last known day. */
  readonly daysLeft: number;
}

export type Forecast =
  | (Used & {
      readonly known: true;
      /** Each day of the period without a count, in order. */
      readonly remaining: readonly ExpectedDay[];
      /** The sum of `remaining`. */
      readonly forecast: number;
      /** `used` + `forecast`. */
      readonly total: number;
      readonly model: WeekdayModel | undefined;
      readonly band: Band | NoBand;
    })
  | (Used & { readonly known: false; readonly reason: "no-days" | NoModel });

/**
 * The total of a period: what its known days sum to, plus what the weekday model expects for the others. The band is split
 * conformal: the quantile of |log(actual ÷ forecast)| of the remaining sum, over past days from which the same number of
 * days was forecast.
 *
 * @throws {RangeError} for a coverage that is not between 0 and 1.
 */
export function forecastTotal(
  series: DailySeries,
  { period, coverage = DEFAULT_COVERAGE }: ForecastOptions,
): Forecast {
  if (!(coverage > 0 && coverage < 1))
    throw new RangeError(`Invalid coverage: ${coverage} (expected between 0 and 1).`);
  const now = endOfKnown(series);
  const used = usedIn(series, period, now);
  if (now === 0) return { ...used, known: false, reason: "no-days" };
  const models = WeekdayModels.of(series);
  const first = daysBetween(series.start, period.start);
  const last = daysBetween(series.start, period.end);
  const open = positionsWithoutCount(series, first, last);
  if (open.length === 0) {
    const band = { low: used.used, high: used.used, coverage, origins: 0 };
    return { ...used, known: true, remaining: [], forecast: 0, total: used.used, model: undefined, band };
  }
  const model = models.at(now);
  if (typeof model === "string") return { ...used, known: false, reason: model };
  const remaining = open.map((at) => {
    // A gap in the past is estimated from the days before it, as far as they suffice.
    const local = at < now ? models.at(at) : model;
    const expected = models.expected(typeof local === "string" ? model : local, at);
    return { date: addDays(series.start, at), expected };
  });
  const forecast = remaining.reduce((sum, { expected }) => sum + expected, 0);
  const total = used.used + forecast;
  const horizon = { now, skip: Math.max(0, first - now), days: used.daysLeft || used.missingDays };
  const errors = pastErrors(series, models, horizon);
  const rank = conformalRank(errors.length, coverage);
  const error = errors.length < LEAST_ORIGINS || rank === undefined ? undefined : errors[rank];
  const band: Band | NoBand =
    error === undefined
      ? { reason: "too-little-history", origins: errors.length, needed: originsFor(coverage) }
      : {
          low: used.used + Math.max(0, (forecast + 1) * Math.exp(-error) - 1),
          high: used.used + (forecast + 1) * Math.exp(error) - 1,
          coverage,
          origins: errors.length,
        };
  return { ...used, known: true, remaining, forecast, total, model, band };
}

/** The one-step prediction of a day from the settled days before it, with its parts. */
export function predictDay(
  series: DailySeries,
  date: Day,
): (WeekdayModel & { readonly expected: number }) | NoModel {
  const models = WeekdayModels.of(series);
  const at = daysBetween(series.start, date);
  const model = models.at(at);
  return typeof model === "string" ? model : { ...model, expected: models.expected(model, at) };
}

function usedIn(series: DailySeries, period: Span, now: number): Used {
  const first = daysBetween(series.start, period.start);
  const last = daysBetween(series.start, period.end);
  let used = 0;
  let usedDays = 0;
  let unsettledDays = 0;
  for (let at = Math.max(0, first); at <= Math.min(last, now - 1); at++) {
    const state = series.states[at];
    if (state === "missing") continue;
    used += series.counts[at] ?? 0;
    usedDays++;
    if (state === "unsettled") unsettledDays++;
  }
  const daysLeft = Math.max(0, last + 1 - Math.max(now, first));
  return { used, usedDays, unsettledDays, daysLeft, missingDays: last + 1 - first - usedDays - daysLeft };
}

/** Days before the series are missing, and days after it are in the future: both have no count. */
function positionsWithoutCount({ states }: DailySeries, first: number, last: number): number[] {
  const positions: number[] = [];
  for (let at = first; at <= last; at++) {
    if ((states[at] ?? "missing") === "missing") positions.push(at);
  }
  return positions;
}

interface Horizon {
  /** The position after the last known day. */
  readonly now: number;
  /** Days between `now` and the first day of the forecast. */
  readonly skip: number;
  /** How many days are summed. */
  readonly days: number;
}

/**
 * |log(actual ÷ forecast)| of sums as far ahead and as long, from past days on, sorted. Both have 1 added, so that a sum of
 * 0 has a logarithm. A past forecast knows as many unsettled days as the present one, and only outcomes without gaps count.
 */
function pastErrors(series: DailySeries, models: WeekdayModels, { now, skip, days }: Horizon): number[] {
  const sums = sumsOf(series);
  const lag = now - endOfSettled(series);
  const errors: number[] = [];
  for (let origin = now - skip - days; origin > 0 && errors.length < MOST_ORIGINS; origin--) {
    const from = origin + skip;
    if ((sums.unsettled[from + days] ?? 1) > (sums.unsettled[from] ?? 0)) continue;
    const model = models.at(origin - lag);
    if (typeof model === "string") continue;
    const actual = (sums.counts[from + days] ?? 0) - (sums.counts[from] ?? 0);
    const forecast = models.expectedSum(model, from, days);
    errors.push(Math.abs(Math.log((actual + 1) / (forecast + 1))));
  }
  return errors.sort((a, b) => a - b);
}

/** Before each position: the sum of the counts, and the number of days that are not settled. */
function sumsOf({ counts, states }: DailySeries): { counts: Float64Array; unsettled: Float64Array } {
  const sums = new Float64Array(counts.length + 1);
  const unsettled = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) {
    sums[i + 1] = (sums[i] ?? 0) + (counts[i] ?? 0);
    unsettled[i + 1] = (unsettled[i] ?? 0) + (states[i] === "settled" ? 0 : 1);
  }
  return { counts: sums, unsettled };
}

/** How many past forecasts a band with this coverage needs. */
function originsFor(coverage: number): number {
  return Math.max(LEAST_ORIGINS, Math.ceil(coverage / (1 - coverage) - 1e-9));
}
