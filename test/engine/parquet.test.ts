import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { writeParquet } from "../../src/engine/duckdb/parquet-output.ts";
import { sqlString } from "../../src/support/quote.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake } from "../helpers/lakes.ts";
import { withDuckDb } from "../helpers/parquet.ts";

let lake: string;
let engine: DuckDbEngine;

beforeAll(async () => {
  lake = await makeLake([]);
  engine = await openDuckDb(lake);
});
afterAll(async () => {
  await engine.close();
});

/** Writes a statement's result to a file and reads it back with DuckDB: the type, and each value as text. */
async function written(sql: string): Promise<string[]> {
  const file = join(await workFolder(), "result.parquet");
  await writeParquet(await engine.query(sql), ["x"], file);
  const reader = await withDuckDb((connection) =>
    connection.runAndReadAll(`SELECT typeof(x), CAST(x AS VARCHAR) FROM ${sqlString(file)}`),
  );
  return [...new Set(reader.getRows().flat().map(String))];
}

describe("a Parquet file", () => {
  it.each([
    ["1::UHUGEINT", "BIGINT", "1"],
    ["10::HUGEINT ** 37", "DOUBLE", "1e+37"],
    [
      "99999999999999999999999999999999999999::HUGEINT",
      "DECIMAL(38,0)",
      "99999999999999999999999999999999999999",
    ],
    [
      "100000000000000000000000000000000000000::HUGEINT",
      "VARCHAR",
      "100000000000000000000000000000000000000",
    ],
    [
      "340282366920938463463374607431768211455::UHUGEINT",
      "VARCHAR",
      "340282366920938463463374607431768211455",
    ],
    ["-1e40::DOUBLE::BIGNUM", "VARCHAR", "-10000000000000000303786028427003666890752"],
    ["DATE '2026-11-01'", "DATE", "2026-11-01"],
    ["DATE 'infinity'", "VARCHAR", "infinity"],
    ["DATE '-infinity'", "VARCHAR", "-infinity"],
    ["TIMESTAMP 'infinity'", "VARCHAR", "infinity"],
    ["TIMESTAMP_NS 'infinity'", "VARCHAR", "infinity"],
    ["TIMESTAMP '2026-11-01 08:00:00.123456'", "TIMESTAMP", "2026-11-01 08:00:00.123456"],
    ["TIMESTAMP_NS '2026-11-01 08:00:00.123456789'", "TIMESTAMP_NS", "2026-11-01 08:00:00.123456789"],
    ["TIMESTAMP_S '2026-11-01 08:00:00'", "TIMESTAMP", "2026-11-01 08:00:00"],
  ])("of %s has the type %s, without loss", async (value, type, text) => {
    expect(await written(`SELECT ${value} AS x`)).toEqual([type, text]);
  });

  it("has a type for each column that fits all of its values", async () => {
    expect(await written("SELECT unnest([NULL, 1, 9223372036854775808]) AS x")).toEqual([
      "DECIMAL(38,0)",
      "null",
      "1",
      "9223372036854775808",
    ]);
    expect(await written("SELECT unnest([DATE '2026-11-01', DATE 'infinity']) AS x")).toEqual([
      "VARCHAR",
      "2026-11-01",
      "infinity",
    ]);
  });
});
