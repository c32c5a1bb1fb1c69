import { describe, expect, it } from "vitest";
import { allowanceOf, LICENSES, licenseNamed } from "../../src/insight/allowance.ts";
import { billingMonth } from "../../src/insight/billing-month.ts";
import { fairUseOf } from "../../src/insight/fair-use.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { START, seriesOf } from "./series.ts";

const day = (text: string): Day => text as Day;

describe("the allowance of licenses", () => {
  it.each([
    ["communicate", 10_000],
    ["cx1", 75_000],
    ["cx1-concurrent", 97_500],
    ["cx2", 110_000],
    ["cx2-concurrent", 143_000],
    ["cx3", 140_000],
    ["cx3-concurrent", 182_000],
    ["cx2-digital", 110_000],
    ["cx3-digital-concurrent", 182_000],
    ["ex", 75_000],
  ])("%s has %i free requests", (name, requests) => {
    expect(licenseNamed(name)).toMatchObject({ name, requests });
  });

  it("111 hours have the free requests of a named user", () => {
    const hourly = licenseNamed("cx1-hourly");
    if (hourly === undefined) throw new Error("expected a license");
    expect(allowanceOf([{ ...hourly, count: 111 }])).toBe(75_000);
    expect(allowanceOf([{ ...hourly, count: 1 }])).toBe(675);
  });

  it("labels what the policy does not confirm", () => {
    const assumed = LICENSES.filter(({ assumption }) => assumption !== undefined).map(({ name }) => name);
    expect(assumed).toEqual([
      "communicate-concurrent",
      "communicate-hourly",
      "cx4",
      "cx4-concurrent",
      "cx4-hourly",
      "ex-concurrent",
      "ex-hourly",
    ]);
  });

  it.each([
    ["CX 3 Concurrent", "cx3-concurrent"],
    ["Genesys Cloud CX 2 Digital", "cx2-digital"],
    ["cx1_named", "cx1"],
    ["CX5", undefined],
  ])("understands %s", (text, name) => {
    expect(licenseNamed(text)?.name).toBe(name);
  });
});

describe("a billing month", () => {
  it.each([
    [15, "2026-11-22", "2026-11-15", "2026-12-14"],
    [15, "2026-11-15", "2026-11-15", "2026-12-14"],
    [15, "2026-11-14", "2026-10-15", "2026-11-14"],
    [1, "2026-02-10", "2026-02-01", "2026-02-28"],
    [31, "2026-03-01", "2026-02-28", "2026-03-30"],
    [31, "2024-02-28", "2024-01-31", "2024-02-28"],
    [20, "2026-01-05", "2025-12-20", "2026-01-19"],
    [20, "2026-12-25", "2026-12-20", "2027-01-19"],
  ])("from day %i contains %s", (start, within, first, last) => {
    expect(billingMonth(start, day(within))).toEqual({ start: first, end: last });
  });
});

describe("fair use", () => {
  /** The first day of the period comes after four weeks of the same counts. */
  const period = { start: addDays(START, 28), end: addDays(START, 57) };
  const price = { perRequest: 0.0005, currency: "USD" };

  it("equals the worked example of the help pages", () => {
    const whole = seriesOf([505_992]);
    const found = fairUseOf(whole, { period: { start: START, end: START }, allowance: 182_000, price });
    expect(found.used).toEqual({
      requests: 505_992,
      percent: 278.02,
      overage: { requests: 323_992, charge: 162 },
    });
    expect(found.forecast).toMatchObject({ requests: 505_992, band: { low: 505_992, high: 505_992 } });
    expect(found).toMatchObject({ overageFrom: START, daysToOverage: 0 });
  });

  it("expects the first day above the allowance, and not one on which it is exactly reached", () => {
    const counts = Array.from({ length: 38 }, () => 100);
    const of = (allowance: number) => fairUseOf(seriesOf(counts), { period, allowance, price: undefined });
    expect(of(2000)).toMatchObject({
      used: { requests: 1000, percent: 50, overage: { requests: 0, charge: null } },
      forecast: { requests: 3000, percent: 150, overage: { requests: 1000, charge: null }, band: null },
      overageFrom: addDays(period.start, 20),
      daysToOverage: 11,
    });
    expect(of(3000)).toMatchObject({ overageFrom: null, daysToOverage: null });
    expect(of(999)).toMatchObject({ overageFrom: addDays(period.start, 9), daysToOverage: 0 });
  });

  it("estimates a missing day in the forecast, and does not count it as used", () => {
    const counts = Array.from({ length: 38 }, (_, at) => (at === 30 ? undefined : 100));
    const found = fairUseOf(seriesOf(counts), { period, allowance: 2000, price });
    expect(found.used.requests).toBe(900);
    expect(found.forecast?.requests).toBe(3000);
    expect(found.overageFrom).toBe(addDays(period.start, 20));
  });

  it("has no forecast with too little history, but an exceeded allowance is known", () => {
    const few = fairUseOf(seriesOf([100, 100, 100]), {
      period: { start: START, end: addDays(START, 29) },
      allowance: 250,
      price: { perRequest: 1, currency: "JPY" },
    });
    expect(few).toMatchObject({
      forecast: null,
      noForecast: "too-few-weeks",
      overageFrom: addDays(START, 2),
      used: { overage: { requests: 50, charge: 50 } },
    });
  });
});
