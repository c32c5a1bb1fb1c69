import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { isUsageError } from "../../src/support/errors.ts";
import { addSource, makeLake, removeLake, slice } from "./fixture.ts";

let lake: string;
let outside: string;
let engine: DuckDbEngine;
let server: Server;
let calls = 0;
let url: string;
const SECRET = "not-for-sql-3f9a";

beforeAll(async () => {
  server = createServer((_request, response) => {
    calls++;
    response.end("a,b\n1,2\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  outside = mkdtempSync(join(tmpdir(), "gc-usage-outside-"));
  writeFileSync(join(outside, "secret.csv"), `a\n${SECRET}\n`);
  lake = await makeLake([slice("2026-11-01", [{ clientId: "a", requests: 1 }])]);
  addSource(lake, "month", "one", '{"clientId":"a","requests":1}\n');
  mkdirSync(join(lake, ".staging", "run"), { recursive: true });
  writeFileSync(join(lake, ".staging", "run", "spool.csv"), `a\n${SECRET}\n`);
  writeFileSync(join(lake, "usage", "stray.csv"), `a\n${SECRET}\n`);
  engine = await openDuckDb(lake);
});

afterAll(async () => {
  await engine.close();
  server.close();
  removeLake(lake);
  removeLake(outside);
});

function files(): string {
  return execFileSync("find", [lake, outside, "-type", "f"], { encoding: "utf8" });
}

// L: the lake; O: a folder outside of it; U: a server's URL.
const ATTACKS = [
  "COPY usage TO 'L/usage/x.csv'",
  "COPY (SELECT 1) TO 'L/x.parquet'",
  "COPY (SELECT 1) TO 'O/x.csv'",
  "COPY usage FROM 'L/usage/stray.csv'",
  "EXPLAIN ANALYZE COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN (FORMAT json) COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN (ANALYZE, FORMAT 'json') COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN (ANALYZE) SELECT * FROM 'L/usage/stray.csv'",
  "EXPLAIN (ANALYZE) (COPY (SELECT 1) TO 'L/usage/x.csv')",
  "EXPLAIN (FORMAT json; COPY (SELECT 1) TO 'L/usage/x.csv') SELECT 1",
  "EXPLAIN (FORMAT json) SELECT 1; COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPLAIN EXPLAIN ANALYZE COPY (SELECT 1) TO 'L/usage/x.csv'",
  "/* EXPLAIN */ COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXPORT DATABASE 'L/usage/db'",
  "IMPORT DATABASE 'O'",
  "COPY FROM DATABASE awsdatacatalog TO memory",
  "ATTACH 'L/usage/x.db' AS x",
  "ATTACH 'O/x.db' AS x",
  "DETACH awsdatacatalog",
  "INSTALL httpfs",
  "FORCE INSTALL httpfs FROM 'U'",
  "LOAD httpfs",
  "LOAD 'O/x.duckdb_extension'",
  "SELECT * FROM read_text('O/secret.csv')",
  "SELECT * FROM read_text('L/usage/stray.csv')",
  "SELECT * FROM read_blob('L/usage/stray.csv')",
  "SELECT * FROM read_csv('L/.staging/run/spool.csv')",
  "SELECT * FROM read_csv_auto('L/usage/../.staging/run/spool.csv')",
  "SELECT * FROM sniff_csv('L/usage/stray.csv')",
  "SELECT * FROM read_parquet('L/usage/*/*/*.parquet')",
  "SELECT * FROM parquet_kv_metadata('L/usage/*/*/*.parquet')",
  "SELECT * FROM glob('L/usage/**')",
  "SELECT * FROM read_json('U')",
  "SELECT * FROM 'O/secret.csv'",
  "SELECT * FROM 'L/usage/stray.csv'",
  "SELECT * FROM 'L/.staging/run/spool.csv'",
  "SELECT * FROM '/etc/passwd'",
  "SELECT * FROM 'U'",
  "FROM 'L/usage/stray.csv'",
  "TABLE 'L/usage/stray.csv'",
  "DESCRIBE 'L/usage/stray.csv'",
  "SUMMARIZE 'L/usage/stray.csv'",
  "DESCRIBE SELECT * FROM 'L/usage/stray.csv'",
  "EXPLAIN ANALYZE SELECT * FROM 'L/usage/stray.csv'",
  "SELECT (SELECT content FROM read_text('L/usage/stray.csv'))",
  "SELECT 1 WHERE 1 IN (SELECT a FROM 'L/usage/stray.csv')",
  "WITH a AS (SELECT * FROM 'L/usage/stray.csv') SELECT * FROM a",
  "SELECT * FROM usage, LATERAL (SELECT * FROM read_text('L/usage/stray.csv'))",
  `SELECT (WITH "L/usage/stray.csv" AS (SELECT 1) SELECT 1), * FROM 'L/usage/stray.csv'`,
  "SELECT * FROM query('SELECT * FROM read_text(''L/usage/stray.csv'')')",
  "SELECT * FROM query_table('L/usage/stray.csv')",
  "SELECT * FROM query_table(['L/usage/stray.csv'])",
  "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  "PIVOT 'L/usage/stray.csv' ON a IN ('x') USING count(*)",
  "UNPIVOT 'L/usage/stray.csv' ON a",
  "PIVOT usage ON httpMethod USING count(*)",
  "SELECT * FROM duckdb_settings()",
  "SELECT * FROM duckdb_secrets()",
  "SELECT * FROM duckdb_views",
  "SELECT * FROM sqlite_master",
  ...["sqlite_master", "duckdb_views", "pragma_database_list", "pg_class", "Duckdb_Tables"].map(
    (name) => `WITH x AS (SELECT 1 FROM (WITH ${name} AS (SELECT 1) SELECT 1)) SELECT * FROM ${name}`,
  ),
  "WITH a AS (SELECT * FROM sqlite_master), sqlite_master AS (SELECT 1) SELECT * FROM a",
  "SELECT getenv('HOME')",
  "SET enable_external_access = true",
  "SET VARIABLE x = 1",
  "RESET allowed_directories",
  "PRAGMA enable_profiling",
  "PRAGMA version",
  "PRAGMA database_list",
  "CALL pragma_version()",
  "CALL enable_logging(storage = 'file', storage_path = 'L/usage')",
  "CREATE TABLE x (a INTEGER)",
  "CREATE TABLE x AS SELECT 1",
  "CREATE OR REPLACE VIEW usage AS SELECT 1",
  "CREATE SECRET (TYPE s3)",
  "CREATE MACRO m() AS TABLE SELECT * FROM read_text('L/usage/stray.csv')",
  "INSERT INTO usage SELECT * FROM usage",
  "UPDATE usage SET requests = 0",
  "DELETE FROM usage",
  "DROP VIEW usage",
  "ALTER VIEW usage RENAME TO x",
  "TRUNCATE usage",
  "VACUUM",
  "CHECKPOINT",
  "BEGIN",
  "USE memory",
  "PREPARE p AS SELECT 1",
  "EXECUTE p",
  "SELECT 1; COPY (SELECT 1) TO 'L/usage/x.csv'",
  "COPY (SELECT 1) TO 'L/usage/x.csv'; SELECT 1",
  "SELECT 1; SELECT 2",
];

describe("SQL only reads, and only the lake's tables", () => {
  test.each(ATTACKS)("%s is refused", async (attack) => {
    const before = files();
    const sql = attack
      .replaceAll("L/", `${lake}/`)
      .replaceAll("O/", `${outside}/`)
      .replaceAll("'U'", `'${url}'`);
    const outcome = await engine.query(sql).then(allRows, (error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    if (!isUsageError(outcome)) throw outcome;
    expect(outcome.kind).toBe("sql");
    expect(outcome.hint).toBeTruthy();
    expect(`${outcome.message} ${outcome.hint}`).not.toContain(SECRET);
    expect(files()).toBe(before);
    expect(calls).toBe(0);
  });

  test("and after all of them the tables are what they were", async () => {
    expect(await allRows(await engine.query("SELECT clientId, requests FROM daily"))).toEqual([["a", 1]]);
    expect(readFileSync(join(outside, "secret.csv"), "utf8")).toContain(SECRET);
  });
});

describe("what reads is let through", () => {
  test.each([
    "SELECT 1",
    "select * from usage;",
    "-- a comment\n/* and */ SELECT count(*) FROM usage -- another",
    "FROM usage",
    "TABLE usage",
    "VALUES (1), (2)",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "WITH a AS (SELECT 1 AS x) SELECT * FROM a",
    "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t",
    'WITH "two words" AS (SELECT 1) SELECT * FROM "two words"',
    "SELECT * FROM UNNEST(ARRAY[1, 2]) AS t(x)",
    "SELECT * FROM range(3)",
    "DESCRIBE usage",
    "DESCRIBE SELECT 1",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SUMMARIZE usage",
    "EXPLAIN SELECT * FROM usage",
    "explain analyze\nselect * from daily",
    "EXPLAIN ANALYSE SELECT 1",
    "EXPLAIN (ANALYZE) SELECT 1",
    "EXPLAIN (FORMAT JSON) SELECT * FROM usage",
    "explain ( analyze true , format 'json' )\nSELECT 1",
    "EXPLAIN (SELECT 1)",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "PIVOT usage ON httpMethod IN ('GET') USING count(*)",
    'SELECT * FROM "awsdatacatalog"."genesysclouddb"."usage"',
    'SELECT * FROM "GenesysCloudDB"."USAGE"',
    "SELECT 'COPY x TO y; DROP TABLE z', 'L/usage/stray.csv'",
  ])("%s", async (sql) => {
    expect((await allRows(await engine.query(sql))).length).toBeGreaterThan(0);
  });
});
