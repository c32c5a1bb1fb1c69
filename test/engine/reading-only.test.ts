import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { addSource, makeLake, slice, sliceKey } from "../helpers/lakes.ts";

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
  outside = await workFolder();
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
});

/** Every file with the attributes that a write would change. */
function files(): string {
  return [lake, outside]
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .map((entry) => {
      const { size, ctimeNs } = statSync(join(entry.parentPath, entry.name), { bigint: true });
      return `${entry.parentPath}/${entry.name} ${size} ${ctimeNs}`;
    })
    .join("\n");
}

function sliceFile(): string {
  return join(lake, slicePath(sliceKey("2026-11-01")));
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
  // Some parsers treat this as a comment, others run it.
  "/* /* */ explain analyze select 1 -- */ explain analyze copy (select 1) to 'L/usage/x.csv'",
  "/* /* */ copy (select 1) to 'L/usage/x.csv' -- */",
  "/* */ */ COPY (SELECT 1) TO 'L/usage/x.csv'",
  "-- x\rCOPY (SELECT 1) TO 'L/usage/x.csv'",
  "SELECT 1 -- x\r; COPY (SELECT 1) TO 'L/usage/x.csv'",
  "--\u2028COPY (SELECT 1) TO 'L/usage/x.csv'\nCOPY (SELECT 1) TO 'L/usage/y.csv'",
  "\f\v\u00a0\u3000\ufeffCOPY (SELECT 1) TO 'L/usage/x.csv'",
  "SELECT $$ $$; COPY (SELECT 1) TO 'L/usage/x.csv' -- $$",
  "SELECT $a$ $$ $a$; COPY (SELECT 1) TO 'L/usage/x.csv' -- $a$",
  "SELECT '\\'; COPY (SELECT 1) TO 'L/usage/x.csv' --'",
  "SELECT 1\0; COPY (SELECT 1) TO 'L/usage/x.csv'",
  "COPY (SELECT 1) TO 'L/usage/x.csv'\0",
  "COPY (SELECT 1) TO 'L/usage/granularity=day/date=2026-11-01/jobs.client-uri-method.parquet' (USE_TMP_FILE false)",
  "EXPLAIN SELECT 1",
  "EXPLAIN ANALYZE SELECT * FROM usage",
  "EXPLAIN (FORMAT JSON) SELECT * FROM usage",
  "PREPARE p AS COPY (SELECT 1) TO 'L/usage/x.csv'",
  "EXECUTE p('L/usage/x.csv')",
  "CALL checkpoint()",
  "CALL force_checkpoint()",
  "LOAD 'L/usage/x.duckdb_extension'",
  "SET temp_directory = 'L/usage'",
  "SET GLOBAL allowed_directories = ['L']",
  "SET lock_configuration = false",
  "SET custom_extension_repository = 'U'",
  "PRAGMA enable_profiling = 'json'",
  "PRAGMA profiling_output = 'L/usage/x.json'",
  "PRAGMA json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  "PRAGMA import_database('O')",
  "CREATE TEMP MACRO f(x) AS (SELECT content FROM read_text(x))",
  "CREATE TYPE t AS ENUM (SELECT content FROM read_text('O/secret.csv'))",
  "CREATE SEQUENCE s",
  "SELECT list_transform(['O/secret.csv'], lambda x: (SELECT content FROM read_text(x)))",
  "SELECT [x FOR x IN (SELECT content FROM read_text('O/secret.csv'))]",
  "SELECT * FROM (FROM read_csv('O/secret.csv'))",
  "SELECT * FROM usage POSITIONAL JOIN 'O/secret.csv'",
  "SELECT * FROM usage ASOF JOIN read_text('O/secret.csv') t ON usage.date >= t.last_modified",
  "FROM (DESCRIBE 'O/secret.csv')",
  "SELECT * FROM (VALUES ((SELECT content FROM read_text('O/secret.csv'))))",
  "SELECT * FROM usage LIMIT (SELECT length(content) FROM read_text('O/secret.csv'))",
  "SELECT 1 ORDER BY (SELECT content FROM read_text('O/secret.csv'))",
  "SELECT sum(1) FILTER (WHERE (SELECT true FROM read_text('O/secret.csv')))",
  "SELECT count(*) OVER (PARTITION BY (SELECT content FROM read_text('O/secret.csv')))",
  "WITH RECURSIVE a AS (SELECT content FROM read_text('O/secret.csv') UNION SELECT * FROM a) FROM a",
  "SELECT * FROM duckdb_logs()",
  "SELECT * FROM pragma_table_info('usage')",
  "SELECT * FROM sql_auto_complete('SELECT')",
  "SELECT * FROM read_duckdb('O/x.db')",
  "MERGE INTO usage USING daily ON true WHEN MATCHED THEN DELETE",
  "COMMENT ON VIEW usage IS 'x'",
  "ANALYZE",
];

describe("SQL can only read, and only the lake's tables", () => {
  test.each(ATTACKS)("%s is rejected", async (attack) => {
    const before = files();
    const sql = attack
      .replaceAll("L/", `${lake}/`)
      .replaceAll("O/", `${outside}/`)
      .replaceAll("'U'", `'${url}'`);
    const outcome = await engine.query(sql).then(allRows, (error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    if (!isGcUsageError(outcome)) throw outcome;
    expect(outcome.kind).toBe("sql");
    expect(outcome.hint).toBeTruthy();
    expect(`${outcome.message} ${outcome.hint}`).not.toContain(SECRET);
    expect(files()).toBe(before);
    expect(calls).toBe(0);
  });

  test("the tables are unchanged after all of them", async () => {
    expect(await allRows(await engine.query("SELECT clientId, requests FROM daily"))).toEqual([["a", 1]]);
    expect(readFileSync(join(outside, "secret.csv"), "utf8")).toContain(SECRET);
  });
});

/** Separators of words for some or all SQL parsers. */
const BETWEEN = [
  [" ", "\n", "\t", "\r", "\f", "\v", "\u00a0", "\u2028", "\u3000", "\ufeff", "\0"],
  ["/**/", "/* /* */", "/* /* */ */", "/* -- */", "/*\n*/", "*/", "/*"],
  ["-- \n", "--\r", "-- */\n", "--/*\n", "--\u2028", "#\n", "//\n"],
  ["explain", "explain analyze", "select 1", ";", "'", '"', "$$", "(", ")"],
].flat();
const WRITES = [
  ["COPY", "(SELECT 666 AS requests)", "TO", "'S'"],
  ["COPY", "(SELECT 666 AS requests)", "TO", "'S'", "(FORMAT parquet, USE_TMP_FILE false)"],
  ["COPY", "(SELECT 1)", "TO", "'L/usage/x.csv'"],
  ["EXPLAIN", "ANALYZE", "COPY", "(SELECT 1)", "TO", "'L/usage/x.csv'"],
  ["EXPORT", "DATABASE", "'L/usage/x'"],
  ["ATTACH", "'L/usage/x.db'"],
];

test("comments, spaces and quotes around its words cannot disguise a write as a read", async () => {
  const before = files();
  const between = fc.array(fc.constantFrom(...BETWEEN), { maxLength: 4 }).map((parts) => parts.join(""));
  const attack = fc
    .constantFrom(...WRITES)
    .chain((words) =>
      fc
        .array(between, { minLength: words.length + 1, maxLength: words.length + 1 })
        .map((gaps) => gaps.map((gap, i) => `${gap} ${words[i] ?? ""}`).join(" ")),
    );
  await fc.assert(
    fc.asyncProperty(attack, async (sql) => {
      const text = sql.replaceAll("'S'", `'${sliceFile()}'`).replaceAll("L/", `${lake}/`);
      const outcome = await engine.query(text).then(allRows, (error: unknown) => error);
      if (!Array.isArray(outcome) && !(isGcUsageError(outcome) && outcome.kind === "sql")) throw outcome;
      expect(files()).toBe(before);
    }),
    { numRuns: 300 },
  );
});

test("many comments are checked quickly", async () => {
  const comments = "/* */ -- x\n /* /* */ */ ".repeat(20_000);
  expect(await allRows(await engine.query(`${comments} SELECT 1 ${comments}`))).toEqual([[1]]);
  await expect(engine.query(`${comments} x`)).rejects.toThrow("syntax error");
});

describe("statements that read are accepted", () => {
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
    "SELECT * FROM usage a, usage b CROSS JOIN (VALUES (1)) SEMI JOIN daily USING (clientId)",
    "SELECT DISTINCT ON (clientId) * FROM usage ORDER BY requests DESC NULLS LAST LIMIT 100%",
    "SELECT * FROM usage TABLESAMPLE 100%",
    "SELECT CAST({'a': 1} AS STRUCT(a INTEGER)), CAST(1 AS DECIMAL(9,2)), TRY_CAST('x' AS ENUM ('x'))",
    "SELECT list_transform([1], lambda x: x + 1), [x FOR x IN [1]]",
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
