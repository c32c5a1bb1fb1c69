import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type NestedForm, type SqlValue } from "../../src/engine/engine.ts";
import { sqlString } from "../../src/support/quote.ts";
import { gcUsage } from "../helpers/cli.ts";
import { makeLake } from "../helpers/lakes.ts";

let lake: string;
let engine: DuckDbEngine;
beforeAll(async () => {
  lake = await makeLake([]);
  engine = await openDuckDb(lake);
});
afterAll(async () => {
  await engine.close();
});

async function values(sql: string, nested: NestedForm): Promise<{ kinds: string[]; row: SqlValue[] }> {
  const result = await engine.query(sql, { nested });
  return { kinds: result.columns.map(({ kind }) => kind), row: [...((await allRows(result))[0] ?? [])] };
}

/** DuckDB's own text of each value, as its command line prints it. */
const AS_DUCKDB = [
  ["(1, 2)", "(1, 'a', NULL)", "((1, 2), (3, 'x,y'))", "row(1)", "[(1, 2), NULL]", "{'a': (1, 2)}"],
  ["MAP {(1, 2): [1]}", "MAP {'k': (1, 2)}", "array_value((1, 'a'), (2, 'b'))", "(MAP {1: 2}, [3])"],
  ["{'a': 1, 'b': 'x'}", "{'a b': 1, 'it''s': 'it''s', 'c': NULL, 'd': ''}", "{'a': {'b': {'c': [NULL]}}}"],
  ["[1, NULL, 3]", "[]", "[[1, 2], [], NULL]", "[NULL]", "NULL::INTEGER[]", "[{'a': 'x''y'}]"],
  ["['a','b c','d,e','f''g','NULL','nuLL',NULL,'',' a','a\t','{','a\"b','b\\s','ü','😀','a:b','(x)','a=b']"],
  ["[0.1::FLOAT, 1e10::FLOAT, 3.4e38::FLOAT, 1e-45::FLOAT, 'nan'::FLOAT, '-inf'::FLOAT, -0.0::FLOAT]"],
  ["[1.5::DOUBLE, 2, 1e15, 1e16, 123456789012345680, 1.5e-7, 0.0001, 0.00001, 'nan', 'inf', -0.0, 1e300]"],
  ["[0.1, 0.2]", "[1.50::DECIMAL(4,2), -0.05]", "{'d': 1.50::DECIMAL(4,2), 'f': 16777217::FLOAT, 'b': true}"],
  ["[DATE '2020-01-01', DATE '0044-03-15 (BC)', DATE 'infinity', DATE '-infinity', NULL]"],
  ["[TIMESTAMP '2020-01-01 01:02:03', '2020-01-01 01:02:03.5', '-infinity', '0044-03-15 (BC) 01:02:03']"],
  ["[TIMESTAMPTZ '2020-01-01 01:02:03+02', 'infinity']", "[TIMESTAMP_NS '2020-01-01 01:02:03.123456789']"],
  ["[TIMESTAMP_S '2020-01-01 01:02:03']", "[TIMESTAMP_MS '2020-01-01 01:02:03.5']"],
  ["[TIME '01:02:03', '24:00:00']", "[TIMETZ '01:02:03+05:30', '01:02:03.4-08']"],
  ["[INTERVAL '1 year 2 months 3 days 04:05:06.789', INTERVAL '-04:05:06', INTERVAL '0 days']"],
  ["['\\xAA\\x00a'::BLOB, ''::BLOB]", "['101'::BIT]", "[uuid '00000000-0000-0000-0000-0000000000ff']"],
  ["['a'::ENUM('a','b c'), 'b c']", "[170141183460469231731687303715884105727::HUGEINT, -1]"],
  [
    "[340282366920938463463374607431768211455::UHUGEINT]",
    "[12345678901234567890123456789012345678901::BIGNUM]",
  ],
  ["MAP {'a': 1, 'b c': NULL, 'it''s': 3}", "MAP {1: 'x', 2: 'y z'}", "MAP {}", "MAP {'k': MAP {'l': [1]}}"],
  [
    "union_value(num := 2)",
    "union_value(str := 'a b')",
    "[union_value(str := 'a,b')]",
    "{'u': union_value(d := DATE '2020-01-01')}",
    "{'u': union_value(str := 'a,b')}",
    "[union_value(l := ['a,b'])]",
    "array_value('a,b', NULL)",
    "['a,b'::VARIANT]",
    "MAP {'k': '[1, \"a\"]'::JSON}",
    "[['[1, \"a\"]'::JSON]]",
    "('[1]'::JSON, 1)",
    "union_value(u := '[\"a\"]'::JSON)",
  ],
  ["'{\"a\": [1, 2]}'::JSON", "['{\"a\":1}'::JSON, NULL]", "{'j': '[1]'::JSON}", "'\"x\"'::JSON"],
  ["'101010'::BIT", "'\\xAA\\x00abc'::BLOB", "''::BLOB", "encode('ü\"''')"],
  [
    "INTERVAL '1 year 2 months 3 days 04:05:06.789'",
    "INTERVAL '-1 day'",
    "INTERVAL '36 hours'",
    "INTERVAL '14 months'",
  ],
  [
    "TIME '01:02:03.456'",
    "TIME '24:00:00'",
    "TIMETZ '01:02:03+05:30'",
    "TIMETZ '01:02:03+00'",
    "CAST('01:02:03.123456789' AS TIME_NS)",
  ],
  [
    "uuid '00000000-0000-0000-0000-0000000000ff'",
    "'a'::ENUM('a')",
    "'x'::VARIANT",
    "1.5::DECIMAL(3,1)::VARIANT",
  ],
  [
    "DATE '0044-03-15 (BC)'",
    "DATE 'infinity'",
    "DATE '-infinity'",
    "DATE '99999-01-01'",
    "DATE '0001-01-01'",
  ],
  [
    "1.50::DECIMAL(4,2)",
    "-0.05::DECIMAL(3,2)",
    "0::DECIMAL(38,10)",
    "12345678901234567890.12::DECIMAL(38,2)",
  ],
  ["170141183460469231731687303715884105727::HUGEINT", "340282366920938463463374607431768211455::UHUGEINT"],
  [
    "CAST(0.1 AS FLOAT)",
    "CAST(0.3 AS FLOAT)",
    "CAST(1e-45 AS FLOAT)",
    "CAST(3.4028234663852886e38 AS FLOAT)",
    "CAST(16777216.5 AS FLOAT)",
    "1.1::DOUBLE",
  ],
].flat();

describe("values are printed like in DuckDB's command line", () => {
  test.each(AS_DUCKDB)("%s", async (expression) => {
    const { row } = await values(`SELECT ${expression}, CAST(${expression} AS VARCHAR)`, "text");
    const [value, text] = row;
    if (typeof value === "number") expect(value).toBe(Number(text));
    else expect(value === null ? null : String(value)).toBe(text);
  });

  test("texts in lists, structs and maps", async () => {
    const part = fc.constantFrom(..."ab \t\n'\"\\,:=[]{}()NULLnull.ü😀".split(""));
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(part, { maxLength: 5 }).map((parts) => parts.join("")),
          { minLength: 1, maxLength: 4 },
        ),
        async (texts) => {
          const items = texts.map(sqlString);
          const unique = [...new Set(items)];
          const list = `[${items.join(", ")}]`;
          const struct = `struct_pack(${items.map((item, i) => `"a ${i}" := ${item}`).join(", ")})`;
          const map = `MAP {${unique.map((item) => `${item}: ${item}`).join(", ")}}`;
          const all = [list, struct, map, `(${list}, ${struct})`];
          const casts = all.map((expression) => `CAST(${expression} AS VARCHAR)`);
          const { row } = await values(`SELECT ${[...all, ...casts].join(", ")}`, "text");
          expect(row.slice(0, all.length)).toEqual(row.slice(all.length));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("every double, in a list", async () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.double({ min: -1e-3, max: 1e-3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1 }), async (numbers) => {
        const list = `[${numbers.map((value) => `${sqlString(String(value))}::DOUBLE`).join(", ")}]`;
        const { row } = await values(`SELECT ${list}, CAST(${list} AS VARCHAR)`, "text");
        expect(row[0]).toBe(row[1]);
      }),
      { numRuns: 50 },
    );
  });

  test("every float, with the fewest digits that identify it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.float().filter(Boolean), { minLength: 1 }), async (numbers) => {
        const floats = numbers.map((value) => `${sqlString(String(value))}::FLOAT`);
        const { row } = await values(`SELECT ${floats.join(", ")}`, "text");
        for (const [i, value] of numbers.entries()) {
          const printed = Number(row[i]);
          expect(Math.fround(printed)).toBe(value);
          const digits = (number: number): number => number.toExponential().replace(/e.*|[-.]/g, "").length;
          if (!Number.isSafeInteger(value) && Number.isFinite(value)) {
            expect(digits(printed)).toBeLessThanOrEqual(9);
          }
        }
      }),
      { numRuns: 50, examples: [[[3.4028234663852886e38, -3.4028234663852886e38]]] },
    );
  });
});

describe("nested values as JSON", () => {
  test.each([
    ["(1, 'a', NULL)", [1, "a", null]],
    ["{'a': (1, 2), 'b': [(3, 4)]}", { a: [1, 2], b: [[3, 4]] }],
    ["MAP {'a': 0.1::FLOAT}", { a: 0.1 }],
    ["MAP {(1, 2): [1]}", [[[1, 2], [1]]]],
    ["[1e16::DOUBLE, 1.5e-7, 'nan', '-inf']", [1e16, 1.5e-7, "nan", "-inf"]],
    ["[DATE 'infinity', DATE '2020-01-01']", ["infinity", "2020-01-01"]],
    ["[TIMESTAMPTZ '2020-01-01 01:02:03+02']", ["2019-12-31 23:02:03+00"]],
    [
      "{'j': '{\"a\": [1]}'::JSON, 's': 'x', 'b': true, 'n': NULL}",
      { j: { a: [1] }, s: "x", b: true, n: null },
    ],
    ["'{\"a\": [1]}'::JSON", { a: [1] }],
    ["[union_value(str := 'a,b'), NULL]", ["a,b", null]],
    ["array_value(1, 2)", [1, 2]],
  ])("%s", async (expression, expected) => {
    const { kinds, row } = await values(`SELECT ${expression}`, "json");
    expect(kinds).toEqual(["json"]);
    expect(JSON.parse(String(row[0]))).toEqual(expected);
  });

  test("NULL is null for every kind", async () => {
    const { row } = await values(
      "SELECT NULL::INTEGER[], NULL::STRUCT(a INTEGER), NULL::JSON, NULL::MAP(INTEGER, INTEGER)",
      "json",
    );
    expect(row).toEqual([null, null, null, null]);
  });
});

test("the command prints structs without names, lists and floats in every format", async () => {
  const statement = "SELECT (1, 2) AS s, [1, NULL] AS l, CAST(0.1 AS FLOAT) AS f, {'a': 'x y'} AS t";
  const sql = async (output: string): Promise<string> =>
    (await gcUsage(["sql", statement, "--lake", lake, "--output", output])).stdout;
  expect(await sql("table")).toBe("s       l            f  t\n(1, 2)  [1, NULL]  0.1  {'a': x y}\n");
  expect(await sql("csv")).toBe(`s,l,f,t\r\n"(1, 2)","[1, NULL]",0.1,{'a': x y}\r\n`);
  expect(await sql("ndjson")).toBe('{"s":[1,2],"l":[1,null],"f":0.1,"t":{"a":"x y"}}\n');
});
