import { ANOMALY, judgeDays } from "../../src/insight/anomalies.ts";
import type { DailySeries } from "../../src/insight/daily-series.ts";
import { median } from "../../src/insight/order-statistics.ts";
import { WeekdayModels } from "../../src/insight/weekday-model.ts";

export type Finding = "rise" | "drop" | "usual";

export interface AnomalyRule {
  readonly name: string;
  /** A finding for each day. `minimums` false: unusual days count however small the difference. */
  readonly judge: (series: DailySeries, minimums: boolean) => Finding[];
}

const NO_MINIMUMS = { minimum: 0, minimumShare: 0 };

export const ANOMALY_RULES: readonly AnomalyRule[] = [
  {
    name: "gc-usage",
    judge: (series, minimums) =>
      judgeDays(series, minimums ? {} : NO_MINIMUMS).map(({ verdict }) =>
        verdict === "rise" || verdict === "drop" ? verdict : "usual",
      ),
  },
  {
    name: "gc-usage with z > 3.5",
    judge: (series, minimums) =>
      judgeDays(series, { threshold: ANOMALY.threshold, ...(minimums ? {} : NO_MINIMUMS) }).map(
        ({ verdict }) => (verdict === "rise" || verdict === "drop" ? verdict : "usual"),
      ),
  },
  {
    name: "28-day mean ± 3.5 sd",
    judge: plainRule((counts, at) => {
      const past = counts.slice(Math.max(0, at - 28), at);
      const mean = meanOf(past);
      return { center: mean, spread: Math.sqrt(meanOf(past.map((count) => (count - mean) ** 2))) };
    }),
  },
  {
    name: "same weekday, median and MAD",
    judge: plainRule((counts, at) => {
      const past = sameWeekdays(counts, at, 8);
      const center = median(past);
      return { center, spread: 1.4826 * median(past.map((count) => Math.abs(count - center))) };
    }),
  },
];

/** Flags days that are more than 3.5 spreads from the center, with the same minimums as ours. */
function plainRule(
  usual: (counts: readonly number[], at: number) => { center: number; spread: number },
): AnomalyRule["judge"] {
  return ({ counts }, minimums) =>
    counts.map((count, at): Finding => {
      if (at < 56) return "usual";
      const { center, spread } = usual(counts, at);
      const difference = Math.abs(count - center);
      if (difference <= 3.5 * Math.max(spread, 1e-9)) return "usual";
      const large = difference >= ANOMALY.minimum && difference >= ANOMALY.minimumShare * center;
      return minimums && !large ? "usual" : count > center ? "rise" : "drop";
    });
}

export interface ForecastRule {
  readonly name: string;
  /** The sum of `days` days from position `at`, from the days before it. */
  readonly sum: (series: DailySeries, at: number, days: number) => number;
}

export const FORECAST_RULES: readonly ForecastRule[] = [
  {
    name: "gc-usage",
    sum: (series, at, days) => {
      const models = WeekdayModels.of(series);
      const model = models.at(at);
      return typeof model === "string" ? Number.NaN : models.expectedSum(model, at, days);
    },
  },
  {
    name: "4-week weekday mean",
    sum: ({ counts }, at, days) => sumOf(days, (i) => meanOf(sameWeekdays(counts, at + (i % 7), 4))),
  },
  {
    name: "seasonal naive",
    sum: ({ counts }, at, days) => sumOf(days, (i) => counts[at - 7 + (i % 7)] ?? 0),
  },
  {
    name: "28-day mean",
    sum: ({ counts }, at, days) => days * meanOf(counts.slice(at - 28, at)),
  },
];

/** The counts one week before, two weeks before, and so on. */
function sameWeekdays(counts: readonly number[], at: number, weeks: number): number[] {
  return Array.from({ length: weeks }, (_, week) => counts[at - 7 * (week + 1)] ?? 0);
}

function sumOf(days: number, of: (day: number) => number): number {
  return Array.from({ length: days }, (_, i) => of(i)).reduce((sum, value) => sum + value, 0);
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
