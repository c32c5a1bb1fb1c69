import fc from "fast-check";
import { expect, test } from "vitest";
import { addDays, type Day, eachDay, parseDay } from "../../src/usage/day.ts";
import type { AnswerCoverage, DayRange, Envelope } from "../../src/usage/envelope.ts";
import { COUNTS, type Counts } from "../../src/views/counts.ts";
import {
  axisOf,
  basisWithin,
  heatRows,
  isKnown,
  layersByStatus,
  layersByValue,
  pointsOf,
  type Selection,
  STATUS_CLASSES,
  spanBefore,
  totalsOf,
} from "../../src/views/cube.ts";

const day = (text: string) => parseDay(text, "day");
const FROM = day("2026-10-01");
const DAYS = 12;
const VALUES = ["a", "b", "c", "d"];
const DATES = eachDay(FROM, addDays(FROM, DAYS - 1));

function basis(missing: readonly DayRange[] = [], unsettled: readonly DayRange[] = []): Envelope {
  const coverage = {
    complete: missing.length === 0,
    missing,
    unsettled,
    partial: [],
    unreadable: [],
    rowsLacking: [],
  };
  return {
    period: { from: FROM, to: DATES.at(-1) as Day },
    granularity: "day",
    coverage: coverage as unknown as AnswerCoverage,
  } as Envelope;
}

interface Row {
  readonly date: number;
  readonly value: number;
  readonly status200: number;
  readonly status300: number;
  readonly limited: number;
  readonly otherFailed: number;
  readonly status500: number;
  readonly none: number;
}

const small = fc.nat(50);
const ROWS: fc.Arbitrary<Row[]> = fc.uniqueArray(
  fc.record({
    date: fc.nat(DAYS - 1),
    value: fc.nat(VALUES.length - 1),
    status200: small,
    status300: small,
    limited: small,
    otherFailed: small,
    status500: small,
    none: small,
  }),
  { selector: ({ date, value }) => date * 10 + value, maxLength: 40 },
);

function countsOf(rows: readonly Row[]): Counts {
  const column = (of: (row: Row) => number) => rows.map(of);
  return {
    by: "client",
    granularity: "day",
    dates: DATES,
    values: VALUES.map((id) => ({ id, name: id.toUpperCase() })),
    rows: {
      date: column(({ date }) => date),
      value: column(({ value }) => value),
      status200: column(({ status200 }) => status200),
      status300: column(({ status300 }) => status300),
      status400: column(({ limited, otherFailed }) => limited + otherFailed),
      status429: column(({ limited }) => limited),
      status500: column(({ status500 }) => status500),
      requests: column(allOf),
    },
    basis: basis(),
    sql: "SELECT 1",
  };
}

function allOf(row: Row): number {
  return row.status200 + row.status300 + row.limited + row.otherFailed + row.status500 + row.none;
}

const CLASS_OF: Readonly<Record<string, (row: Row) => number>> = {
  "2xx": ({ status200 }) => status200,
  "3xx": ({ status300 }) => status300,
  "4xx": ({ otherFailed }) => otherFailed,
  "429": ({ limited }) => limited,
  "5xx": ({ status500 }) => status500,
  other: ({ none }) => none,
};

const SELECTIONS: fc.Arbitrary<Selection> = fc
  .tuple(fc.nat(DAYS - 1), fc.nat(DAYS - 1), fc.subarray(VALUES), fc.subarray([...STATUS_CLASSES]))
  .map(([one, other, ids, classes]) => ({
    span: { start: DATES[Math.min(one, other)] as Day, end: DATES[Math.max(one, other)] as Day },
    ids,
    classes,
  }));

/** The rows that a selection means, and what of them it counts. */
function oracle(rows: readonly Row[], { span, ids = [], classes = [] }: Selection) {
  const chosen = rows.filter(({ date, value }) => {
    const day = DATES[date] as Day;
    return (
      day >= span.start && day <= span.end && (ids.length === 0 || ids.includes(VALUES[value] as string))
    );
  });
  const count = (row: Row) =>
    classes.length === 0 ? allOf(row) : classes.reduce((sum, name) => sum + (CLASS_OF[name]?.(row) ?? 0), 0);
  return { chosen, count };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);

test("totals of any selection are those of its rows", () => {
  fc.assert(
    fc.property(ROWS, SELECTIONS, (rows, selection) => {
      const { chosen, count } = oracle(rows, selection);
      const totals = new Map(totalsOf(countsOf(rows), selection).map((total) => [total.id, total]));
      for (const [at, id] of VALUES.entries()) {
        const own = chosen.filter(({ value }) => value === at);
        const expected = {
          requests: sum(own.map(count)),
          all: sum(own.map(allOf)),
          status429: sum(own.map(({ limited }) => limited)),
          failed: sum(own.map(({ otherFailed, status500 }) => otherFailed + status500)),
        };
        if (expected.all === 0) expect(totals.has(id)).toBe(false);
        else expect(totals.get(id)).toMatchObject(expected);
      }
    }),
  );
});

test("the layers of a picture, by value and by status, sum to the requests of each day", () => {
  fc.assert(
    fc.property(ROWS, SELECTIONS, fc.nat(5), (rows, selection, most) => {
      const { chosen, count } = oracle(rows, selection);
      const counts = countsOf(rows);
      const axis = axisOf(counts, selection.span);
      const expected = axis.dates.map((day) =>
        sum(chosen.filter(({ date }) => DATES[date] === day).map(count)),
      );
      const options = { most, nameOf: ({ name }: { name: string | null }) => name ?? "" };
      for (const layers of [
        layersByValue(counts, axis, selection, options),
        layersByStatus(counts, axis, selection),
      ])
        expect(axis.dates.map((_, index) => sum(layers.map(({ points }) => points[index] ?? 0)))).toEqual(
          expected,
        );
      expect(pointsOf(counts, axis, selection)).toEqual(expected);
    }),
  );
});

test("a heat map has the rows with any of the measure, the most first", () => {
  fc.assert(
    fc.property(ROWS, SELECTIONS, (rows, { span, ids }) => {
      const counts = countsOf(rows);
      const { chosen } = oracle(rows, { span, ids });
      const found = heatRows(counts, axisOf(counts, span), { span, ids }, "429");
      const totals = found.map(({ total }) => total);
      expect(totals).toEqual([...totals].sort((a, b) => b - a));
      expect(sum(totals)).toBe(sum(chosen.map(({ limited }) => limited)));
      for (const { points, total } of found) expect(sum(points)).toBe(total);
    }),
  );
});

test("a missing day is missing on the axis, and an unsettled one unsettled", () => {
  const counts = {
    ...countsOf([]),
    basis: basis(
      [{ from: day("2026-10-03"), to: day("2026-10-04") }],
      [{ from: day("2026-10-11"), to: day("2026-10-12") }],
    ),
  };
  const { states } = axisOf(counts, { start: day("2026-10-02"), end: day("2026-10-12") });
  expect(states.map((state) => state[0]).join("")).toBe("smmssssssuu");
  expect(isKnown(counts.basis, { start: day("2026-10-05"), end: day("2026-10-12") })).toBe(true);
  expect(isKnown(counts.basis, { start: day("2026-10-04"), end: day("2026-10-12") })).toBe(false);
  expect(isKnown(counts.basis, { start: day("2026-09-30"), end: day("2026-10-01") })).toBe(false);
});

test("the basis of a picture is that of its own days", () => {
  const whole = basis([
    { from: day("2026-10-01"), to: day("2026-10-03") },
    { from: day("2026-10-10"), to: day("2026-10-12") },
  ]);
  const { period, coverage } = basisWithin(whole, { start: day("2026-10-03"), end: day("2026-10-08") });
  expect(period).toEqual({ from: day("2026-10-03"), to: day("2026-10-08") });
  expect(coverage).toMatchObject({
    days: 6,
    daysCovered: 5,
    daysMissing: 1,
    missing: [{ from: day("2026-10-03"), to: day("2026-10-03") }],
  });
});

test("the span before is as long and ends the day before", () => {
  expect(spanBefore({ start: day("2026-10-01"), end: day("2026-10-31") })).toEqual({
    start: "2026-08-31",
    end: "2026-09-30",
  });
});

test("weeks and months are the periods of their own axis", () => {
  const weekly = {
    ...countsOf([]),
    granularity: "week" as const,
    dates: ["2026-10-05", "2026-10-12"] as Day[],
  };
  expect(axisOf(weekly, { start: day("2026-10-01"), end: day("2026-10-20") }).dates).toEqual([
    "2026-10-05",
    "2026-10-12",
    "2026-10-19",
  ]);
  const monthly = {
    ...countsOf([]),
    granularity: "month" as const,
    dates: ["2026-09-01", "2026-10-01"] as Day[],
  };
  expect(axisOf(monthly, { start: day("2026-08-15"), end: day("2026-10-20") }).dates).toEqual([
    "2026-09-01",
    "2026-10-01",
  ]);
});

test("every count is a column", () => {
  expect(Object.keys(countsOf([]).rows).sort()).toEqual(["date", "value", ...COUNTS].sort());
});
