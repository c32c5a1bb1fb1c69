import fc from "fast-check";
import { expect, test } from "vitest";
import { type Forecast, forecastTotal } from "../../src/insight/forecast.ts";
import { anySeries, dayAt, seriesOf, wobble } from "./series.ts";

type Known = Extract<Forecast, { known: true }>;

function known(forecast: Forecast): Known {
  if (!forecast.known) throw new Error(`No forecast: ${forecast.reason}`);
  return forecast;
}

const period = (first: number, last: number) => ({ start: dayAt(first), end: dayAt(last) });
const noisy = (length: number): number[] =>
  Array.from({ length }, (_, at) => Math.round(1000 + 100 * wobble(at)));

test("the total of a period is what was used plus what is expected, and the band contains it", () => {
  const forecast = known(forecastTotal(seriesOf(noisy(200)), { period: period(190, 219) }));
  expect(forecast).toMatchObject({ usedDays: 10, unsettledDays: 0, missingDays: 0, daysLeft: 20 });
  expect(forecast.remaining).toHaveLength(20);
  expect(forecast.total).toBe(forecast.used + forecast.forecast);
  expect(forecast.forecast / 20).toBeGreaterThan(900);
  expect(forecast.forecast / 20).toBeLessThan(1100);
  const { band } = forecast;
  if ("reason" in band) throw new Error(band.reason);
  expect(band.low).toBeLessThan(forecast.total);
  expect(band.high).toBeGreaterThan(forecast.total);
  expect(band.low).toBeGreaterThan(forecast.used);
});

test("a period whose days are all known has its sum as total, with no uncertainty", () => {
  const forecast = forecastTotal(seriesOf([1, 2, 3, 4]), { period: period(1, 2) });
  expect(forecast).toMatchObject({ known: true, used: 5, forecast: 0, total: 5, band: { low: 5, high: 5 } });
});

test("a missing day of the period is estimated and not 0", () => {
  const counts: (number | undefined)[] = Array.from({ length: 100 }, () => 50);
  counts[92] = undefined;
  const forecast = known(forecastTotal(seriesOf(counts), { period: period(90, 109) }));
  expect(forecast).toMatchObject({ used: 450, usedDays: 9, missingDays: 1, daysLeft: 10 });
  expect(forecast.remaining[0]).toEqual({ date: dayAt(92), expected: 50 });
  expect(forecast.total).toBeCloseTo(1000);
});

test("days before the series are missing days of the period", () => {
  const forecast = known(forecastTotal(seriesOf(noisy(60)), { period: period(-5, 4) }));
  expect(forecast).toMatchObject({ usedDays: 5, missingDays: 5, daysLeft: 0 });
  expect(forecast.remaining.map(({ date }) => date)).toEqual([-5, -4, -3, -2, -1].map(dayAt));
});

test("a period that begins later is forecast in whole", () => {
  const forecast = known(forecastTotal(seriesOf(noisy(200)), { period: period(210, 219) }));
  expect(forecast).toMatchObject({ used: 0, usedDays: 0, daysLeft: 10 });
  expect(forecast.band).not.toHaveProperty("reason");
});

test("an unsettled day counts as used, but does not lower the level", () => {
  const counts = Array.from({ length: 100 }, (_, at) => (at < 97 ? 100 : 5));
  const states = { 97: "unsettled", 98: "unsettled", 99: "unsettled" } as const;
  const forecast = known(forecastTotal(seriesOf(counts, states), { period: period(95, 104) }));
  expect(forecast).toMatchObject({ used: 215, usedDays: 5, unsettledDays: 3, daysLeft: 5 });
  expect(forecast.forecast).toBeCloseTo(500);
});

test.each([
  ["no days", [], "no-days"],
  ["three weeks without a Monday", Array.from({ length: 20 }, () => 5), "too-few-weeks"],
])("with %s there is no forecast, and the result says why", (_what, counts, reason) => {
  expect(forecastTotal(seriesOf(counts), { period: period(0, 40) })).toMatchObject({ known: false, reason });
});

test("fewer than 20 past forecasts give no band, nor do too few for its coverage", () => {
  const options = { period: period(60, 74) };
  // The first model is that of day 25: three weeks from Monday, day 4.
  expect(known(forecastTotal(seriesOf(noisy(58)), options)).band).toEqual({
    reason: "too-little-history",
    origins: 17,
    needed: 20,
  });
  expect(known(forecastTotal(seriesOf(noisy(62)), options)).band).toMatchObject({ origins: 25 });
  const strict = known(forecastTotal(seriesOf(noisy(62)), { ...options, coverage: 0.99 }));
  expect(strict.band).toMatchObject({ reason: "too-little-history", needed: 99 });
  expect(() => forecastTotal(seriesOf([1]), { ...options, coverage: 80 })).toThrow(/Invalid coverage: 80/);
});

test("scaling a series scales its forecast", () => {
  fc.assert(
    fc.property(
      anySeries,
      fc.integer({ min: 2, max: 1000 }),
      fc.integer({ min: 0, max: 40 }),
      (series, factor, days) => {
        const end = series.counts.length;
        const options = { period: period(end - 10, end + days) };
        const scaled = { ...series, counts: series.counts.map((count) => count * factor) };
        const before = forecastTotal(series, options);
        const after = forecastTotal(scaled, options);
        expect(after.known).toBe(before.known);
        if (!before.known || !after.known) return;
        expect(after.total / factor).toBeCloseTo(before.total, 6);
      },
    ),
  );
});

test("used, missing and remaining days make up the period, and the band contains the total", () => {
  fc.assert(
    fc.property(
      anySeries,
      fc.integer({ min: -20, max: 150 }),
      fc.integer({ min: 0, max: 60 }),
      (series, first, length) => {
        const forecast = forecastTotal(series, { period: period(first, first + length) });
        expect(forecast.usedDays + forecast.missingDays + forecast.daysLeft).toBe(length + 1);
        if (!forecast.known) return;
        expect(forecast.remaining).toHaveLength(forecast.missingDays + forecast.daysLeft);
        if ("reason" in forecast.band) return;
        expect(forecast.band.low).toBeLessThanOrEqual(forecast.total + 1e-6);
        expect(forecast.band.high).toBeGreaterThanOrEqual(forecast.total - 1e-6);
      },
    ),
  );
});
