import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bounds, openLake, type UsageLake } from "../../src/index.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const BOUNDS: Bounds = { rows: 10, characters: 5_000, valueCharacters: 100 };
let lake: UsageLake;

beforeAll(async () => {
  lake = await openLake(await makeLake([slice("2026-11-01", [{ clientId: "c1", requests: 5 }])]));
});
afterAll(() => lake.close());

async function bounded(sql: string, change: Partial<Bounds> = {}) {
  return await (await lake.statement(sql)).bounded({ ...BOUNDS, ...change });
}

test("a result within the bounds is complete", async () => {
  const { rows, isTruncated, columns, tables, warnings } = await bounded(
    "SELECT clientId, requests, sum(requests) OVER () AS total FROM daily",
  );
  expect({ rows, isTruncated, tables, warnings }).toEqual({
    rows: [["c1", 5, 5]],
    isTruncated: false,
    tables: ["daily"],
    warnings: [],
  });
  expect(columns.map(({ name }) => name)).toEqual(["clientId", "requests", "total"]);
});

test("exactly as many rows as allowed are complete, and one more is not", async () => {
  const full = await bounded("SELECT * FROM range(10)");
  expect([full.rows.length, full.isTruncated]).toEqual([10, false]);
  const more = await bounded("SELECT * FROM range(11)");
  expect([more.rows.length, more.isTruncated]).toEqual([10, true]);
  const none = await bounded("SELECT * FROM range(1)", { rows: 0 });
  expect([none.rows.length, none.isTruncated]).toEqual([0, true]);
});

test("a result without end is stopped after the last row that is wanted", async () => {
  const { rows, isTruncated } = await bounded("SELECT * FROM range(1000000000000)", { seconds: 30 });
  expect([rows.length, isTruncated]).toEqual([10, true]);
});

test("rows end before their characters exceed the limit", async () => {
  const { rows, isTruncated } = await bounded("SELECT repeat('x', 90) FROM range(10)", { characters: 300 });
  expect([rows.length, isTruncated]).toEqual([3, true]);
  // Also within a batch of 2,048 rows, of which each alone would be allowed.
  const many = await bounded("SELECT repeat('x', 100) FROM range(3000)", { rows: 3_000, characters: 10_000 });
  expect([many.rows.length, many.isTruncated]).toEqual([100, true]);
});

test.each([
  ["a text", "repeat('x', 100000000)", "x".repeat(100)],
  ["a text of characters with several bytes", "repeat('é', 1000)", "é".repeat(100)],
  [
    "a text whose hundredth character would be half a pair",
    "'a' || repeat('😀', 1000)",
    `a${"😀".repeat(49)}`,
  ],
  ["a blob", "repeat('ab', 1000)::blob", "ab".repeat(50)],
  ["a list", "range(1000)", JSON.stringify(Array.from({ length: 50 }, (_, i) => i)).slice(0, 100)],
  [
    "a list of lists",
    "[range(1000), range(1000)]",
    `[${JSON.stringify(Array.from({ length: 50 }, (_, i) => i))}`.slice(0, 100),
  ],
  ["a text in a struct", "{'a': repeat('x', 10000000)}", `{"a":"${"x".repeat(94)}`],
  [
    "a map",
    "map_from_entries([(i, i) for i in range(1000)])",
    JSON.stringify(Array.from({ length: 50 }, (_, i) => [i, i])).slice(0, 100),
  ],
  ["JSON", `('["' || repeat('x', 1000) || '"]')::json`, `["${"x".repeat(98)}`],
])("cuts %s that is too long", async (_what, sql, expected) => {
  const { rows, isTruncated } = await bounded(`SELECT ${sql} AS long, 1 AS one`);
  expect(rows).toEqual([[expected, 1]]);
  expect(isTruncated).toBe(true);
});

test("values that JSON has no form for are text, and short ones are as ever", async () => {
  const { rows, isTruncated } = await bounded(
    "SELECT 9007199254740993, 9007199254740991, 'nan'::double, '-inf'::double, 1.50::decimal(9, 2), NULL::varchar, " +
      "NULL::int[], [1, NULL], true, DATE '2026-11-01', ''::blob",
  );
  expect(rows).toEqual([
    [
      "9007199254740993",
      9007199254740991,
      "NaN",
      "-Infinity",
      "1.50",
      null,
      null,
      "[1,null]",
      true,
      "2026-11-01",
      "",
    ],
  ]);
  expect(isTruncated).toBe(false);
});

test("a statement that takes too long is stopped, and the next one runs", async () => {
  await expect(
    bounded("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1", {
      seconds: 0.2,
    }),
  ).rejects.toMatchObject({ kind: "timeout", message: "The statement was stopped after 0.2 seconds." });
  expect((await bounded("SELECT 1")).rows).toEqual([[1]]);
});
