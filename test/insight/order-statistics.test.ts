import fc from "fast-check";
import { expect, test } from "vitest";
import { dailySeries, knownDays } from "../../src/insight/daily-series.ts";
import { conformalRank, SortedWindow } from "../../src/insight/order-statistics.ts";
import type { Day } from "../../src/usage/day.ts";
import { dayAt, START } from "./series.ts";

test("a sorted window holds the last values in order", () => {
  const anyValue = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, 1, 2));
  fc.assert(
    fc.property(fc.array(anyValue), fc.integer({ min: 1, max: 9 }), (values, capacity) => {
      const window = new SortedWindow(capacity);
      for (const [count, value] of values.entries()) {
        window.add(value);
        const sorted = Float64Array.from(values.slice(Math.max(0, count + 1 - capacity), count + 1)).sort();
        expect(Array.from({ length: window.size }, (_, rank) => window.at(rank) + 0)).toEqual(
          [...sorted].map((v) => v + 0),
        );
      }
    }),
  );
});

test.each([
  [19, 0.95, 18],
  [18, 0.95, undefined],
  [20, 0.8, 16],
  [99, 0.99, 98],
])("of %d values, the conformal quantile for %d is the one at %s", (count, share, rank) => {
  expect(conformalRank(count, share)).toBe(rank);
});

test("a count on a day that is not known is a mistake, and so is a negative one", () => {
  const days = knownDays({ start: START, end: dayAt(2) }, (day) =>
    day === dayAt(1) ? "missing" : "settled",
  );
  const add = (day: Day, count: number) => () => dailySeries(days, [[day, count]]);
  expect(add(dayAt(0), 5)().counts).toEqual([5, 0, 0]);
  expect(add(dayAt(1), 5)).toThrow(/not a known day/);
  expect(add(dayAt(3), 5)).toThrow(/not a known day/);
  expect(add(dayAt(2), -1)).toThrow(/Invalid count/);
});
