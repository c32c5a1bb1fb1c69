import type { Day } from "../usage/day.ts";
import type { DailySeries } from "./daily-series.ts";
import { conformalRank, SortedWindow } from "./order-statistics.ts";
import { WeekdayModels } from "./weekday-model.ts";

export interface AnomalyOptions {
  /** The share of ordinary days that may exceed the threshold, before the minimums. At least 1/366. */
  readonly falseAlarmRate?: number;
  /** A fixed threshold for |z| instead of a calibrated one. */
  readonly threshold?: number;
  /** The least difference from the expected count. */
  readonly minimum?: number;
  /** The least difference as a share of the expected count: 0.3 for 30 %. */
  readonly minimumShare?: number;
}

/** Lengths in days, and thresholds. docs/insight.md gives their source. */
export const ANOMALY = {
  falseAlarmRate: 0.01,
  minimum: 100,
  minimumShare: 0.3,
  /** The scale rests on this many past residuals. */
  scaleDays: 180,
  /** Residuals without which a day is not judged. */
  leastResiduals: 10,
  /** The scale is at most this many times the one that the quartiles suggest. */
  mostTail: 1.5,
  /** A weekday with less than this share of an average day's count has a scale of its own. */
  quietWeekday: 0.5,
  /** The least scale: an ordinary day differs by this share. */
  leastScale: 0.02,
  /** The threshold rests on this many past |z|. */
  thresholdDays: 365,
  /** A larger |z| is an incident and does not count for the threshold. */
  incident: 6,
  /** The threshold with too little history for a calibrated one. */
  threshold: 3.5,
  /** The limits of a calibrated threshold. The upper one keeps past incidents from hiding new ones. */
  lowestThreshold: 3,
  highestThreshold: 4.5,
} as const;

/**
 * `unsettled`: so low that it would be a drop, but the count may still be corrected upward. `missing`: never queried.
 * `too-little-history`: nothing to compare with. None of these three means that all is well.
 */
export type Verdict = "rise" | "drop" | "usual" | "unsettled" | "missing" | "too-little-history";

/** A day compared with what was expected from the days before it. */
export interface JudgedDay {
  readonly date: Day;
  readonly verdict: Verdict;
  /** Undefined on a missing day. */
  readonly count: number | undefined;
  readonly settled: boolean;
  /** These three are undefined without enough history. */
  readonly expected: number | undefined;
  /** How unusual: positive for more than expected, negative for less. */
  readonly z: number | undefined;
  /** The |z| from which on the day is unusual. */
  readonly threshold: number | undefined;
}

/**
 * Judges each day of a series from the settled days before it.
 *
 * @throws {RangeError} for a false-alarm rate that a year of days cannot show.
 */
export function judgeDays(series: DailySeries, options: AnomalyOptions = {}): JudgedDay[] {
  const models = WeekdayModels.of(series);
  const yardstick = new Yardstick(options);
  return series.dates.map((date, at): JudgedDay => {
    const state = series.states[at];
    const settled = state === "settled";
    const nothing = { expected: undefined, z: undefined, threshold: undefined };
    if (state === "missing") return { date, verdict: "missing", count: undefined, settled, ...nothing };
    const count = series.counts[at] ?? 0;
    const model = models.at(at);
    if (typeof model === "string") return { date, verdict: "too-little-history", count, settled, ...nothing };
    const expected = models.expected(model, at);
    const residual = Math.log((count + 1) / (expected + 1));
    const quiet = (model.index[models.weekday(at)] ?? 1) < ANOMALY.quietWeekday;
    const z = yardstick.z(residual, quiet);
    if (z === undefined) {
      if (settled) yardstick.add(residual, quiet, undefined, false);
      return { date, verdict: "too-little-history", count, settled, expected, z, threshold: undefined };
    }
    const threshold = yardstick.threshold;
    const unusual = Math.abs(z) > threshold;
    if (settled) yardstick.add(residual, quiet, z, unusual);
    const verdict = unusual && exceedsMinimums(count, expected, options) ? verdictOf(z, settled) : "usual";
    return { date, verdict, count, settled, expected, z, threshold };
  });
}

function exceedsMinimums(
  count: number,
  expected: number,
  { minimum = ANOMALY.minimum, minimumShare = ANOMALY.minimumShare }: AnomalyOptions,
): boolean {
  const difference = Math.abs(count - expected);
  return difference >= minimum && difference >= minimumShare * expected;
}

function verdictOf(z: number, settled: boolean): Verdict {
  if (z > 0) return "rise";
  return settled ? "drop" : "unsettled";
}

/** A year of days cannot show a lower rate: the next |z| exceeds all of them this often. */
const LEAST_RATE = 1 / (ANOMALY.thresholdDays + 1);

/** What is usual for one series: the spread of its residuals, and how far its ordinary days stray. */
class Yardstick {
  readonly #falseAlarmRate: number;
  readonly #fixed: number | undefined;
  readonly #busyDays = new SortedWindow(ANOMALY.scaleDays);
  readonly #quietDays = new SortedWindow(ANOMALY.scaleDays);
  readonly #scores = new SortedWindow(ANOMALY.thresholdDays);

  constructor({ falseAlarmRate = ANOMALY.falseAlarmRate, threshold }: AnomalyOptions) {
    if (!(falseAlarmRate >= LEAST_RATE && falseAlarmRate < 1))
      throw new RangeError(
        `Invalid false-alarm rate: ${falseAlarmRate} (expected ${LEAST_RATE.toFixed(4)} to 1).`,
      );
    this.#falseAlarmRate = falseAlarmRate;
    this.#fixed = threshold;
  }

  /**
   * A residual in units of the scale. A rise is measured as a ratio, a drop as a logarithm, so that neither is limited.
   * Undefined with too few past residuals.
   */
  z(residual: number, quiet: boolean): number | undefined {
    const residuals = quiet ? this.#quietDays : this.#busyDays;
    if (residuals.size < ANOMALY.leastResiduals) return undefined;
    const value = residual > 0 ? Math.expm1 : identity;
    return value(residual) / scaleOf(residuals, value);
  }

  get threshold(): number {
    if (this.#fixed !== undefined) return this.#fixed;
    const rank = conformalRank(this.#scores.size, 1 - this.#falseAlarmRate);
    if (rank === undefined) return ANOMALY.threshold;
    return Math.min(ANOMALY.highestThreshold, Math.max(ANOMALY.lowestThreshold, this.#scores.at(rank)));
  }

  /** An unusual day says nothing about the spread of ordinary ones. */
  add(residual: number, quiet: boolean, z: number | undefined, unusual: boolean): void {
    if (!unusual) (quiet ? this.#quietDays : this.#busyDays).add(residual);
    if (z !== undefined && Math.abs(z) <= ANOMALY.incident) this.#scores.add(Math.abs(z));
  }
}

function identity(residual: number): number {
  return residual;
}

/**
 * (p95 - p5) ÷ 3.29, the standard deviation of a normal distribution with these percentiles. The quartiles limit it: past
 * incidents reach the outer percentiles sooner, and a scale that contains one would hide the next.
 */
function scaleOf(residuals: SortedWindow, value: (residual: number) => number): number {
  const between = (low: number, high: number): number =>
    value(residuals.quantile(high)) - value(residuals.quantile(low));
  const outer = between(0.05, 0.95) / 3.29;
  const inner = between(0.25, 0.75) / 1.349;
  const limit = inner < ANOMALY.leastScale ? outer : inner * ANOMALY.mostTail;
  return Math.max(ANOMALY.leastScale, Math.min(outer, limit));
}
