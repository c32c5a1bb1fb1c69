import { type Day, daysBetween } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";
import type { DailySeries } from "./daily-series.ts";
import { type Forecast, forecastTotal } from "./forecast.ts";

/** Requests above the allowance, and what they cost. */
export interface Overage {
  readonly requests: number;
  /** In the currency; null without a price. */
  readonly charge: number | null;
}

/** The total at the end of the period. */
export interface FairUseForecast {
  readonly requests: number;
  /** Of the allowance, in percent. */
  readonly percent: number;
  /** What the forecast costs. */
  readonly overage: Overage;
  /** Where the total probably is; null with too little history. */
  readonly band: {
    readonly low: number;
    readonly high: number;
    /** The share of outcomes that such bands contain: 0.8 for 80 %. */
    readonly coverage: number;
    readonly overage: { readonly low: Overage; readonly high: Overage };
  } | null;
}

/** Requests of a billing period against its allowance. */
export interface FairUse {
  readonly used: {
    readonly requests: number;
    /** Of the allowance, in percent. */
    readonly percent: number;
    readonly overage: Overage;
  };
  /** Null with too little history. Equal to `used` if the period is over and no day is missing. */
  readonly forecast: FairUseForecast | null;
  /** Why there is no forecast. */
  readonly noForecast: "no-days" | "too-few-weeks" | "recent-days-missing" | null;
  /** The first UTC day on which used and expected requests exceed the allowance; null if they do not, as far as is known. */
  readonly overageFrom: Day | null;
  /** Days from the last counted day until then: 0 if it is exceeded. */
  readonly daysToOverage: number | null;
}

export interface FairUseRequest {
  /** Both days included. */
  readonly period: Span;
  /** Free requests in the period, at least 1. */
  readonly allowance: number;
  /** For each request above the allowance. */
  readonly price: Price | undefined;
}

export interface Price {
  readonly perRequest: number;
  /** ISO 4217: USD. */
  readonly currency: string;
}

/** Compares a series with the allowance of a period. The series ends on the last counted day. */
export function fairUseOf(series: DailySeries, { period, allowance, price }: FairUseRequest): FairUse {
  const forecast = forecastTotal(series, { period });
  const percent = (requests: number): number => percentOf(requests, allowance);
  const overage = (requests: number): Overage => overageOf(requests - allowance, price);
  const overageFrom = firstDayAbove(series, period, allowance, forecast);
  const through = series.dates.at(-1) ?? period.start;
  return {
    used: { requests: forecast.used, percent: percent(forecast.used), overage: overage(forecast.used) },
    forecast: forecast.known
      ? {
          requests: Math.round(forecast.total),
          percent: percent(forecast.total),
          overage: overage(forecast.total),
          band: bandOf(forecast, overage),
        }
      : null,
    noForecast: forecast.known ? null : forecast.reason,
    overageFrom,
    daysToOverage: overageFrom === null ? null : Math.max(0, daysBetween(through, overageFrom)),
  };
}

function bandOf(
  { band }: Extract<Forecast, { known: true }>,
  overage: (requests: number) => Overage,
): FairUseForecast["band"] {
  if ("reason" in band) return null;
  return {
    low: Math.round(band.low),
    high: Math.round(band.high),
    coverage: band.coverage,
    overage: { low: overage(band.low), high: overage(band.high) },
  };
}

/** Missing and future days count as expected, if there is a forecast. */
function firstDayAbove(series: DailySeries, period: Span, allowance: number, forecast: Forecast): Day | null {
  const expected = new Map(
    forecast.known ? forecast.remaining.map(({ date, expected: requests }) => [date, requests]) : [],
  );
  const counts = new Map(
    series.dates.flatMap((date, at) =>
      series.states[at] === "missing" ? [] : [[date, series.counts[at] ?? 0] as const],
    ),
  );
  const days = [...new Set([...counts.keys(), ...expected.keys()])]
    .filter((day) => day >= period.start && day <= period.end)
    .sort();
  let sum = 0;
  for (const day of days) {
    sum += counts.get(day) ?? expected.get(day) ?? 0;
    if (sum > allowance) return day;
  }
  return null;
}

function overageOf(above: number, price: Price | undefined): Overage {
  const requests = Math.max(0, Math.round(above));
  return { requests, charge: price ? charged(requests * price.perRequest, price.currency) : null };
}

/** Rounded to the currency's smallest unit. */
function charged(amount: number, currency: string): number {
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat("en-US", {
    style: "currency",
    currency,
  }).resolvedOptions();
  const units = 10 ** maximumFractionDigits;
  // 161.945 is a little less in binary, and would be rounded down.
  return Math.round(Number((amount * units).toPrecision(12))) / units;
}

/** With two decimals. */
export function percentOf(part: number, whole: number): number {
  return Math.round((10_000 * part) / whole) / 100;
}
