import fc from "fast-check";
import { expect, test } from "vitest";
import type { DailySeries } from "../../src/insight/daily-series.ts";
import { predictDay } from "../../src/insight/forecast.ts";
import { WeekdayModels } from "../../src/insight/weekday-model.ts";
import { addDays, startOfDay } from "../../src/usage/day.ts";
import { anySeries, dayAt, seriesOf } from "./series.ts";

const middle = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 === 1
    ? (sorted[(sorted.length - 1) / 2] ?? 0)
    : ((sorted[sorted.length / 2 - 1] ?? 0) + (sorted[sorted.length / 2] ?? 0)) / 2;
};
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The definition in docs/insight.md, step by step and without regard to speed. */
function slowly(series: DailySeries, position: number): { level: number; index: number[] } | string {
  const isSettled = (at: number): boolean => series.states[at] === "settled";
  const weekday = (at: number): number =>
    (new Date(startOfDay(addDays(series.start, at))).getUTCDay() + 6) % 7;
  const complete: number[][] = [];
  for (let monday = position - weekday(position) - 7, week = 0; week < 16; week++, monday -= 7) {
    const days = [0, 1, 2, 3, 4, 5, 6].map((day) => monday + day);
    if (days.every(isSettled)) complete.push(days.map((at) => series.counts[at] ?? 0));
  }
  const busy = complete.filter((week) => mean(week) > 0).slice(0, 8);
  const spanned = complete.indexOf(busy.at(-1) ?? []) + 1;
  const medians = [0, 1, 2, 3, 4, 5, 6].map((day) =>
    middle(busy.map((week) => (week[day] ?? 0) / mean(week))),
  );
  const hasPattern = busy.length >= 3 && busy.length >= spanned / 2 && mean(medians) > 0;
  const index = medians.map((value) => (hasPattern ? value / mean(medians) : 1));
  const last = Array.from({ length: 42 }, (_, i) => position - 1 - i).filter(isSettled);
  const ratios = last
    .slice(0, 28)
    .filter((at) => (index[weekday(at)] ?? 0) > 0)
    .map((at) => (series.counts[at] ?? 0) / (index[weekday(at)] ?? 1));
  if (complete.length < 3) return "too-few-weeks";
  if (last.length < 7 || ratios.length === 0) return "recent-days-missing";
  let level = middle(ratios);
  const newest = ratios.slice(0, 6);
  if (newest.length === 6 && (newest.every((r) => r > 1.1 * level) || newest.every((r) => r < 0.9 * level)))
    level = middle(newest);
  if (!hasPattern && level === 0) level = mean(last.slice(0, 28).map((at) => series.counts[at] ?? 0));
  return { level, index };
}

test("the weekday index and the level are those of the definition, on every day of any series", () => {
  fc.assert(
    fc.property(anySeries, fc.integer({ min: -3, max: 140 }), (series, position) => {
      const model = WeekdayModels.of(series).at(position);
      const expected = slowly(series, position);
      if (typeof model === "string" || typeof expected === "string") {
        expect(model).toEqual(expected);
        return;
      }
      expect(model.level).toBeCloseTo(expected.level, 6);
      for (const [day, value] of model.index.entries())
        expect(value).toBeCloseTo(expected.index[day] ?? 0, 9);
    }),
  );
});

test("a sum of expected days is the sum of each of them", () => {
  fc.assert(
    fc.property(anySeries, fc.integer({ min: 0, max: 40 }), (series, days) => {
      const models = WeekdayModels.of(series);
      const from = series.counts.length;
      const model = models.at(from);
      if (typeof model === "string") return;
      const each = Array.from({ length: days }, (_, i) => models.expected(model, from + i));
      expect(models.expectedSum(model, from, days)).toBeCloseTo(
        each.reduce((a, b) => a + b, 0),
        5,
      );
    }),
  );
});

test.each([
  ["only Mondays", (at: number) => (at % 7 === 4 ? 700 : 0), [700, 0, 0, 0, 0, 0, 0]],
  ["weekdays only", (at: number) => ([2, 3].includes(at % 7) ? 0 : 100), [100, 100, 100, 100, 100, 0, 0]],
  ["every day alike", () => 5, [5, 5, 5, 5, 5, 5, 5]],
  ["nothing", () => 0, [0, 0, 0, 0, 0, 0, 0]],
  ["one day in a month, in total", (at: number) => (at % 28 === 9 ? 280 : 0), [10, 10, 10, 10, 10, 10, 10]],
])("the prediction of a client with requests on %s", (_what, count, week) => {
  const series = seriesOf(Array.from({ length: 116 }, (_, at) => count(at)));
  // Day 116 is a Monday.
  const predicted = week.map((_, i) => {
    const day = predictDay(series, dayAt(116 + i));
    return typeof day === "string" ? Number.NaN : day.expected;
  });
  for (const [i, value] of predicted.entries()) expect(value).toBeCloseTo(week[i] ?? 0, 9);
});

test("the level follows a lasting change after six days, and no shorter one", () => {
  const counts = Array.from({ length: 70 }, (_, at) => (at < 60 ? 100 : 300));
  const levels = [65, 66, 67].map((at) => {
    const model = WeekdayModels.of(seriesOf(counts.slice(0, at))).at(at);
    return typeof model === "string" ? model : Math.round(model.level);
  });
  expect(levels).toEqual([100, 300, 300]);
});

test("a series with too few complete weeks, or whose recent days are missing, has no model", () => {
  const days = (known: (at: number) => boolean): (number | undefined)[] =>
    Array.from({ length: 120 }, (_, at) => (known(at) ? 10 : undefined));
  const at = (counts: (number | undefined)[]): unknown => predictDay(seriesOf(counts), dayAt(counts.length));
  expect(at(days(() => true).slice(0, 20))).toBe("too-few-weeks");
  expect(at(days((day) => day % 7 !== 0))).toBe("too-few-weeks");
  expect(at(days((day) => day < 70))).toBe("recent-days-missing");
  expect(at(days((day) => day < 90 || day > 112))).toMatchObject({ expected: 10 });
});
