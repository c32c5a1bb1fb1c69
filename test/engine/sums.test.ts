import { afterAll, beforeAll, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { sumsAcrossIn } from "../../src/engine/duckdb/sums.ts";
import { allRows } from "../../src/engine/engine.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

let lake: string;
let engine: DuckDbEngine;
beforeAll(async () => {
  lake = await makeLake([slice("2026-11-01", [{ clientId: "a", requests: 1 }])]);
  engine = await openDuckDb(lake);
});
afterAll(async () => {
  await engine.close();
});

async function sumsAcross(statement: string): Promise<readonly string[]> {
  const result = await engine.query(statement);
  await allRows(result);
  return result.sumsAcross;
}

test.each([
  "WITH u AS (SELECT * FROM usage WHERE clientId = 'a') SELECT sum(u.requests) FROM u",
  "SELECT clientId, sum(requests) FROM (SELECT * FROM usage) GROUP BY clientId",
  "SELECT sum(requests) OVER () FROM genesysclouddb.usage",
  "SELECT sum(requests) FROM usage a JOIN (SELECT DISTINCT clientId AS c FROM daily) b ON a.clientId = b.c",
  "SELECT date FROM usage GROUP BY date HAVING sum(requests + 1) > 2",
  "SELECT (SELECT sum(requests) FROM usage), 1",
  "SELECT sum(requests) FROM usage UNION ALL SELECT 1",
])("detects a statement that adds up the rows of several series: %s", async (statement) => {
  expect(await sumsAcross(statement)).toEqual(["service", "grouping", "granularity"]);
});

test("ignores columns that a statement names, since it may filter or group by them", async () => {
  const statement = "SELECT avg(status429) FROM usage WHERE service = 'jobs'";
  expect(await sumsAcross(statement)).toEqual(["grouping", "granularity"]);
});

test.each([
  'SELECT service, "grouping", granularity, sum(requests) FROM usage GROUP BY ALL',
  "SELECT sum(requests) FROM usage WHERE service = 'jobs' AND \"grouping\" = 'client' AND granularity = 'day'",
  "SELECT sum(requests) FILTER (WHERE service = 'jobs' AND \"grouping\" = 'client' AND granularity = 'day') FROM usage",
  "SELECT sum(requests) FROM daily",
  "SELECT sum(requests) FROM daily WHERE clientId IN (SELECT clientId FROM usage)",
  "SELECT sum(a.requests) FROM daily a WHERE EXISTS (SELECT 1 FROM usage u WHERE u.clientId = a.clientId)",
  "SELECT count(*), max(requests) FROM usage",
  "SELECT * FROM usage",
  "WITH usage AS (SELECT * FROM daily) SELECT sum(requests) FROM usage",
  "SELECT sum(x) FROM (SELECT 1 AS x, clientId FROM usage)",
  "SELECT sum(range) FROM range(3)",
  "DESCRIBE SELECT requests FROM usage",
])("ignores a statement that does not: %s", async (statement) => {
  expect(await sumsAcross(statement)).toEqual([]);
});

const ALL = ["service", "grouping", "granularity"];

/** Statements for Athena, over a database with another name. */
test.each([
  ["SELECT sum(requests) FROM usage WHERE date >= DATE '2026-11-01'", ALL],
  ['SELECT sum("requests") FROM "awsdatacatalog"."numbers"."usage"', ALL],
  [
    "SELECT approx_percentile(requests, 0.9), avg(requests) FROM numbers.usage CROSS JOIN UNNEST(sequence(1, 2)) AS t(n)",
    ALL,
  ],
  [
    "SELECT sum(requests) FROM usage WHERE granularity = 'day' GROUP BY GROUPING SETS ((service), ())",
    ["grouping"],
  ],
  ["SELECT 'sum(requests) FROM usage' FROM daily", []],
  ["SELECT sum(requests) FROM daily /* usage */", []],
  ["SELECT sum(requests) FROM other.usage", []],
  ["SELECT sum(requests) FROM usage MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS true)", []],
])("parses statements for Athena with DuckDB's parser: %s", async (statement, expected) => {
  expect(await sumsAcrossIn(statement, "numbers")).toEqual(expected);
});
