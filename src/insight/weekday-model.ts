import { type DailySeries, weekdayOf } from "./daily-series.ts";
import { median, medianOfSorted } from "./order-statistics.ts";

/** The lengths of the model, in weeks from Monday to Sunday and in days. docs/insight.md gives their source. */
export const MODEL = {
  /** The weekday index is a median over this many complete weeks with requests … */
  weeks: 8,
  /** … among this many before the day, so that a few missing days cost little. */
  weeksBack: 16,
  /** Complete weeks without which there is no model. */
  leastWeeks: 3,
  /** The level is a median over this many settled days … */
  levelDays: 28,
  /** … among this many before the day. */
  daysBack: 42,
  /** Settled days among them without which there is no model. */
  leastDays: 7,
  /** If this many newest days are all above the level or all below it … */
  shiftDays: 6,
  /** … by more than this share, the level has shifted: it is the median of these days. */
  shift: 0.1,
} as const;

/** What a day is expected to be: `level` × `index[weekday]`. */
export interface WeekdayModel {
  /** The count of an average day. */
  readonly level: number;
  /** For Monday to Sunday, with the mean 1. All 1 if there is no weekday pattern. */
  readonly index: readonly number[];
  /** `none`: fewer than three complete weeks with requests, or requests in less than half of the weeks. */
  readonly pattern: "weekday" | "none";
}

/** Why there is no model. */
export type NoModel = "too-few-weeks" | "recent-days-missing";

const FLAT: readonly number[] = [1, 1, 1, 1, 1, 1, 1];

interface Index {
  readonly completeWeeks: number;
  /** Undefined if there is no weekday pattern. */
  readonly index: readonly number[] | undefined;
}

const MODELS = new WeakMap<DailySeries, WeekdayModels>();

/** The models of a series: `at(i)` uses only settled days before position `i`, which may be after the series' end. */
export class WeekdayModels {
  readonly #series: DailySeries;
  /** The weekday of position 0. */
  readonly #first: number;
  readonly #indexes = new Map<number, Index>();
  readonly #weekMeans: readonly (number | undefined)[];
  /** Space for the days of a level. */
  readonly #sorted = new Float64Array(MODEL.levelDays);

  readonly #models = new Map<number, WeekdayModel | NoModel>();

  /** The models of a series, which several rules use. */
  static of(series: DailySeries): WeekdayModels {
    const known = MODELS.get(series) ?? new WeekdayModels(series);
    MODELS.set(series, known);
    return known;
  }

  private constructor(series: DailySeries) {
    this.#series = series;
    this.#first = weekdayOf(series.start);
    this.#weekMeans = this.#means();
  }

  at(position: number): WeekdayModel | NoModel {
    const model = this.#models.get(position) ?? this.#make(position);
    this.#models.set(position, model);
    return model;
  }

  #make(position: number): WeekdayModel | NoModel {
    const { completeWeeks, index } = this.#indexBefore(position);
    if (completeWeeks < MODEL.leastWeeks) return "too-few-weeks";
    const level = this.#levelBefore(position, index ?? FLAT);
    if (level === undefined) return "recent-days-missing";
    if (index !== undefined) return { level, index, pattern: "weekday" };
    // The median of a few busy days among idle ones is 0, which is not what to expect of them in total.
    return { level: level > 0 ? level : this.#meanBefore(position), index: FLAT, pattern: "none" };
  }

  /** What the model expects for the day at `position`. */
  expected({ level, index }: WeekdayModel, position: number): number {
    return level * (index[this.weekday(position)] ?? 1);
  }

  /** What the model expects for the sum of `days` days from `position`. */
  expectedSum(model: WeekdayModel, position: number, days: number): number {
    let sum = 0;
    for (let i = position + days - (days % 7); i < position + days; i++) sum += this.expected(model, i);
    // Each weekday occurs once in seven days, and the mean of the index is 1.
    return sum + model.level * (days - (days % 7));
  }

  /** 0 for a Monday. */
  weekday(position: number): number {
    return (((this.#first + position) % 7) + 7) % 7;
  }

  /** The week that contains a position. Week 0 contains position 0. */
  #week(position: number): number {
    return Math.floor((this.#first + position) / 7);
  }

  /** The mean of each week whose seven days are settled. */
  #means(): (number | undefined)[] {
    const { counts, states } = this.#series;
    return Array.from({ length: this.#week(counts.length - 1) + 1 }, (_, week) => {
      const monday = week * 7 - this.#first;
      let sum = 0;
      for (let i = monday; i < monday + 7; i++) {
        if (states[i] !== "settled") return undefined;
        sum += counts[i] ?? 0;
      }
      return sum / 7;
    });
  }

  #indexBefore(position: number): Index {
    const week = this.#week(position);
    const cached = this.#indexes.get(week) ?? this.#makeIndex(week);
    this.#indexes.set(week, cached);
    return cached;
  }

  /** The median over weeks of day ÷ its week's mean, normalized. */
  #makeIndex(before: number): Index {
    const weeks: number[] = [];
    let completeWeeks = 0;
    // Complete weeks since the oldest with requests: those before a client's first one do not count.
    let spanned = 0;
    for (let week = before - 1; week >= before - MODEL.weeksBack && weeks.length < MODEL.weeks; week--) {
      const mean = this.#weekMeans[week];
      if (mean === undefined) continue;
      completeWeeks++;
      if (mean === 0) continue;
      weeks.push(week);
      spanned = completeWeeks;
    }
    if (weeks.length < Math.max(MODEL.leastWeeks, spanned / 2)) return { completeWeeks, index: undefined };
    const medians = FLAT.map((_, weekday) =>
      median(
        weeks.map((week) => {
          const count = this.#series.counts[week * 7 - this.#first + weekday] ?? 0;
          return count / (this.#weekMeans[week] ?? 1);
        }),
      ),
    );
    const sum = medians.reduce((total, value) => total + value, 0);
    return { completeWeeks, index: sum === 0 ? undefined : medians.map((value) => (value * 7) / sum) };
  }

  /** The median of the last days after dividing by the index. Weekdays without requests say nothing about the level. */
  #levelBefore(position: number, index: readonly number[]): number | undefined {
    const { counts, states } = this.#series;
    let days = 0;
    let size = 0;
    const recent: number[] = [];
    const first = Math.max(0, position - MODEL.daysBack);
    for (let i = Math.min(position, counts.length) - 1; i >= first && days < MODEL.levelDays; i--) {
      if (states[i] !== "settled") continue;
      days++;
      const share = index[(this.#first + i) % 7] ?? 1;
      if (share === 0) continue;
      const ratio = (counts[i] ?? 0) / share;
      if (size < MODEL.shiftDays) recent.push(ratio);
      size = insert(this.#sorted, size, ratio);
    }
    if (days < MODEL.leastDays || size === 0) return undefined;
    const level = medianOfSorted(this.#sorted, size);
    return hasShifted(recent, level) ? median(recent) : level;
  }

  /** The mean of the last settled days. */
  #meanBefore(position: number): number {
    let sum = 0;
    let days = 0;
    for (let i = position - 1; i >= position - MODEL.daysBack && days < MODEL.levelDays; i--) {
      if (this.#series.states[i] !== "settled") continue;
      sum += this.#series.counts[i] ?? 0;
      days++;
    }
    return sum / days;
  }
}

function hasShifted(recent: readonly number[], level: number): boolean {
  if (recent.length < MODEL.shiftDays) return false;
  return Math.min(...recent) > level * (1 + MODEL.shift) || Math.max(...recent) < level * (1 - MODEL.shift);
}

/** Inserts a value among the first `size` sorted ones. Returns the new size. */
function insert(sorted: Float64Array, size: number, value: number): number {
  let at = size;
  for (; at > 0 && (sorted[at - 1] ?? 0) > value; at--) sorted[at] = sorted[at - 1] ?? 0;
  sorted[at] = value;
  return size + 1;
}
