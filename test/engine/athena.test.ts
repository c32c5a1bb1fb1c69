import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scanCost } from "../../src/engine/athena/cost.ts";
import { readsEveryDay, tablesOf } from "../../src/engine/athena/dates.ts";
import { callFailed, type Ending, endedBadly } from "../../src/engine/athena/errors.ts";
import { readingStatement } from "../../src/engine/athena/guard.ts";
import { columnOf, valueOf } from "../../src/engine/athena/values.ts";
import { bind, defaultSql, list } from "../../src/questions/questions.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { sqlName, sqlString } from "../../src/support/quote.ts";
import { sizeText } from "../../src/support/size.ts";
import { parseDay } from "../../src/usage/day.ts";
import { CANONICAL_GROUPING } from "../../src/usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../src/usage/service.ts";

const WRITES = [
  "INSERT INTO usage SELECT * FROM usage",
  "CREATE TABLE x AS SELECT 1",
  "CREATE VIEW x AS SELECT 1",
  "DROP TABLE usage",
  "DELETE FROM usage",
  "UPDATE usage SET requests = 0",
  "MERGE INTO usage USING daily ON true WHEN MATCHED THEN DELETE",
  "UNLOAD (SELECT * FROM usage) TO 's3://elsewhere/' WITH (format = 'PARQUET')",
  "MSCK REPAIR TABLE usage",
  "ALTER TABLE usage ADD PARTITION (date = '2026-11-01')",
  "OPTIMIZE usage REWRITE DATA USING BIN_PACK",
  "VACUUM usage",
  "TRUNCATE TABLE usage",
  "PREPARE p FROM DROP TABLE usage",
  "EXECUTE p",
  "CALL system.sync_partition_metadata('a', 'b', 'FULL')",
  "GRANT SELECT ON usage TO public",
  "USE other",
  "SET SESSION x = 1",
  "USING EXTERNAL FUNCTION f(x int) RETURNS int LAMBDA 'f' SELECT f(1)",
  "EXPLAIN SELECT 1",
  "EXPLAIN ANALYZE INSERT INTO usage SELECT * FROM usage",
  "EXPLAIN (TYPE IO, FORMAT JSON) DELETE FROM usage",
  "EXPLAIN EXPLAIN ANALYZE VERBOSE DROP TABLE usage",
  "WITH a AS (SELECT 1) INSERT INTO usage SELECT * FROM a",
  "WITH a (x) AS (SELECT 1), b AS (SELECT ')') DELETE FROM usage",
  "(INSERT INTO usage SELECT 1)",
  "FROM usage INSERT OVERWRITE TABLE usage SELECT *",
  'WITH "a) SELECT" AS (SELECT 1) DROP TABLE usage',
];

const READS = [
  "SELECT 1",
  "select * from usage;",
  "SELECT 1 ; ; -- the end;",
  "VALUES (1), (2)",
  "(SELECT 1) UNION (SELECT 2)",
  "((SELECT 1))",
  "WITH a AS (SELECT 1) SELECT * FROM a",
  "WITH RECURSIVE a (n) AS (VALUES 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3), b AS (SELECT ')') SELECT * FROM a, b",
  "WITH insert AS (SELECT 1) (SELECT * FROM insert)",
  "SHOW TABLES",
  "SHOW PARTITIONS usage",
  "DESCRIBE usage",
  'SELECT \'a;b\', "c;d" -- e;f\nFROM (VALUES (1)) AS t("c;d") /* ; DROP TABLE usage */',
  "SELECT 'it''s; DROP TABLE usage'",
];

describe("reading only", () => {
  test.each(WRITES)("rejects %s", (sql) => {
    for (const text of [sql, `  -- SELECT 1\n${sql}`, `/* SELECT */${sql.toLowerCase()};`]) {
      expect(() => readingStatement(text)).toThrow(/not accepted/);
    }
    expect(() => readingStatement(`SELECT 1; ${sql}`)).toThrow("Only one statement");
  });

  test.each(READS)("accepts %s", (sql) => {
    expect(readingStatement(sql).sql).toMatch(/[^;\s]$/);
    const blanked = sql.replace(/--.*|\/\*.*?\*\//g, (comment) => " ".repeat(comment.length));
    expect(blanked.startsWith(readingStatement(sql).sql)).toBe(true);
  });

  test("a statement is required", () => {
    for (const sql of ["", " ", ";", "-- SELECT 1", "/* SELECT 1 */ ;"]) {
      expect(() => readingStatement(sql)).toThrow("There is no SQL statement.");
    }
  });

  test("comments are removed, so that Athena cannot interpret them differently", () => {
    const sent = (sql: string): string => readingStatement(sql).sql.trim();
    expect(sent("/* /* */ SELECT 1 -- */ DROP TABLE usage")).toBe("SELECT 1");
    expect(sent("-- x\rSELECT '--', 1 /* ; */")).toBe("SELECT '--', 1");
    expect(sent("SELECT/* a\nb */1")).toBe("SELECT    \n    1");
  });

  test("unclosed or too long statements, and what Hive could interpret differently, are rejected", () => {
    for (const sql of [
      "SELECT 1 /* ; DROP TABLE usage",
      "SELECT 'a",
      'SELECT "a',
      "SELECT `a",
      "SELECT '''",
    ]) {
      expect(() => readingStatement(sql)).toThrow("not closed");
    }
    expect(() => readingStatement(`SELECT '${"ü".repeat(131_072)}'`)).toThrow(
      "longer than Athena's limit of 262,144 bytes",
    );
    expect(() => readingStatement("SHOW TABLES '\\'")).toThrow("does not accept a backslash");
  });

  test("many unclosed or deeply nested parts are checked quickly", () => {
    for (const part of ["/*", "'", '"', "`", "--", "((", "WITH (", "/**/ "]) {
      const sql = part.repeat(Math.floor(250_000 / part.length));
      expect(() => readingStatement(`${sql} DROP TABLE usage`)).toThrow();
    }
  });

  test("only statements that read can be explained", () => {
    expect(readingStatement("SELECT 1;", "plan")).toEqual({ sql: "EXPLAIN SELECT 1", scans: false });
    expect(readingStatement("(SELECT 1)", "analyze")).toEqual({
      sql: "EXPLAIN ANALYZE (SELECT 1)",
      scans: true,
    });
    for (const sql of ["ANALYZE SELECT 1", "(TYPE IO) SELECT 1", "DROP TABLE usage", "SHOW TABLES"]) {
      expect(() => readingStatement(sql, "plan")).toThrow();
    }
  });

  test("texts, names and comments cannot disguise a statement", () => {
    const filler = fc.oneof(
      fc.string().map((text) => sqlString(text.replaceAll("\0", ""))),
      fc.string({ minLength: 1 }).map((text) => sqlName(text.replaceAll("\0", "x"))),
      fc.string().map((text) => `/* ${text.replaceAll("*/", "")} */`),
      fc.string().map((text) => `-- ${text.replaceAll(/[\r\n]/g, "")}\n`),
    );
    fc.assert(
      fc.property(
        fc.array(filler),
        fc.constantFrom("DROP TABLE usage", "DELETE FROM usage"),
        (parts, write) => {
          expect(readingStatement(`SELECT ${parts.join(" , ")} 1`).scans).toBe(true);
          expect(() => readingStatement(`SELECT ${parts.join(" , ")} 1; ${write}`)).toThrow(
            "Only one statement",
          );
          expect(() => readingStatement(`WITH a AS (SELECT ${parts.join(" , ")} 1) ${write}`)).toThrow(
            "not accepted",
          );
        },
      ),
    );
  });

  test("statements that only describe do not scan", () => {
    const scans = (sql: string): boolean => readingStatement(sql).scans;
    expect(["SHOW TABLES", "DESCRIBE usage"].map(scans)).toEqual([false, false]);
    expect(["SELECT 1", "WITH a AS (SELECT 1) SELECT 1"].map(scans)).toEqual([true, true]);
  });
});

describe("readsEveryDay", () => {
  test.each([
    "SELECT count(*) FROM usage",
    "SELECT date, sum(requests) FROM daily GROUP BY date ORDER BY date",
    'SELECT * FROM "genesysclouddb"."usage" WHERE granularity = \'day\'',
    "SELECT * FROM other, daily WHERE service = 'jobs'",
    "SELECT sum(requests) FILTER (WHERE date > DATE '2026-11-01') FROM usage",
    "SELECT CAST(x AS date) FROM usage WHERE x > DATE '2026-11-01' AND CAST(y AS date) IS NULL",
    "SELECT a.x FROM usage a JOIN daily b ON a.clientId = b.clientId ORDER BY date",
    "SELECT * FROM usage WHERE granularity = 'day' GROUP BY date HAVING max(date) > DATE '2026-11-01'",
    "SELECT * FROM usage -- WHERE date > DATE '2026-11-01'",
    "SELECT 'WHERE date' FROM usage",
    "SELECT * FROM (usage) WHERE date('2026-01-01') = DATE '2026-01-01'",
    'SELECT * FROM usage WHERE date IS NOT NULL AND "date" IS NOT NULL',
    "SELECT * FROM a JOIN b ON a.x = b.x, usage u",
    "SELECT * FROM other o, genesysclouddb.daily",
    "WITH daily AS (SELECT * FROM daily) SELECT * FROM daily",
    "WITH daily AS (SELECT 1) SELECT * FROM genesysclouddb.daily",
    "SELECT EXTRACT(YEAR FROM date) FROM usage WHERE x IN (SELECT y FROM z)",
  ])("is %s", (sql) => {
    expect(readsEveryDay(sql)).toBe(true);
  });

  test.each([
    "SELECT * FROM usage WHERE date = DATE '2026-11-01'",
    "SELECT * FROM daily d WHERE (d.\"date\" BETWEEN DATE '2026-11-01' AND current_date)",
    "WITH a AS (SELECT * FROM daily) SELECT * FROM a WHERE clientId = 'x' AND CAST(date AS date) > current_date",
    "SELECT * FROM usage u JOIN days ON u.date = days.day",
    "SELECT * FROM (SELECT * FROM usage) WHERE a IN (SELECT b FROM c) AND date >= DATE '2026-11-01'",
    "SELECT * FROM gc_usage_api_source WHERE granularity = 'month'",
    "SELECT usage FROM other",
    "SELECT * FROM usage WHERE EXTRACT(YEAR FROM date) = 2026 AND requests > 0",
    "SELECT * FROM usage WHERE EXTRACT(YEAR FROM x) = 2026 AND date = DATE '2026-11-01'",
    "SELECT * FROM usage WHERE trim(BOTH ' ' FROM clientId) IS DISTINCT FROM 'x' AND date = DATE '2026-11-01'",
    "SELECT sum(x) FROM (usage) WHERE (granularity = 'day' AND (date = current_date))",
    "WITH daily AS (SELECT 1 AS x) SELECT * FROM daily",
    "WITH a (x) AS (SELECT 1), usage (x) AS (SELECT x FROM a) SELECT * FROM usage u JOIN a ON u.x = a.x",
    "SELECT 1 AS daily, usage FROM (VALUES 1) t(usage)",
    "SELECT t.x, usage FROM UNNEST(ARRAY[1]) AS t(daily, usage), other WHERE t.x IN (1, usage)",
    "SELECT f(x, usage) FROM a CROSS JOIN UNNEST(x, usage)",
    "SELECT 1",
  ])("is not %s", (sql) => {
    expect(readsEveryDay(sql)).toBe(false);
  });

  test("is false for all questions, both in ask and in Athena's saved queries", () => {
    const span = { start: parseDay("2026-11-01", ""), end: parseDay("2026-11-20", "") };
    for (const question of list()) {
      const asked = bind(question, { ...span, service: CANONICAL_SERVICE, grouping: CANONICAL_GROUPING });
      expect(readsEveryDay(asked)).toBe(false);
      expect(readsEveryDay(defaultSql(question))).toBe(false);
      expect(readingStatement(asked).scans).toBe(true);
    }
  });
});

describe("values", () => {
  test.each([
    ["bigint", "9007199254740993", "integer", 9007199254740993n],
    ["bigint", "-9007199254740991", "integer", -9007199254740991],
    ["integer", "0", "integer", 0],
    ["double", "1.0E10", "double", 1e10],
    ["double", "NaN", "double", Number.NaN],
    ["float", "-Infinity", "double", Number.NEGATIVE_INFINITY],
    ["boolean", "true", "boolean", true],
    ["boolean", "false", "boolean", false],
    ["decimal", "-0.30", "decimal", "-0.30"],
    ["date", "2026-11-01", "date", "2026-11-01"],
    ["timestamp", "2026-11-01 08:00:00.000", "timestamp", "2026-11-01 08:00:00.000"],
    ["json", '{"a":1}', "json", '{"a":1}'],
    ["row", "{a=1}", "text", "{a=1}"],
    ["varchar", "", "text", ""],
    ["something new", "x", "text", "x"],
  ])("%s %s", (Type, text, kind, value) => {
    const column = columnOf({ Name: "x", Type, Precision: 10, Scale: 2 });
    expect(column.kind).toBe(kind);
    expect(valueOf({ VarCharValue: text }, column.kind)).toEqual(value);
    expect(valueOf({}, column.kind)).toBeNull();
  });

  test("every 64-bit count is exact", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (count) => {
        expect(BigInt(valueOf({ VarCharValue: String(count) }, "integer") as bigint | number)).toBe(count);
      }),
    );
  });
});

test("finds the tables that a statement names, and those that WITH defines", () => {
  expect(
    tablesOf('WITH a AS (SELECT * FROM "D"."Usage" u, (daily)) SELECT * FROM a JOIN d.a ON 1 = 1, a'),
  ).toEqual([
    { name: "usage", isBound: false, isQualified: true },
    { name: "daily", isBound: false, isQualified: false },
    { name: "a", isBound: true, isQualified: false },
    { name: "a", isBound: false, isQualified: true },
    { name: "a", isBound: true, isQualified: false },
  ]);
  expect(tablesOf("SELECT 1, (SELECT x FROM (VALUES 1) usage(x)), now() FROM UNNEST(ARRAY[1])")).toEqual([]);
});

test("a scan is billed by megabytes, at least ten", () => {
  expect(scanCost(0, 5)).toBeCloseTo(0.00005, 12);
  expect(scanCost(10_000_001, 5)).toBeCloseTo(0.000055, 12);
  expect(scanCost(1e12, 5)).toBeCloseTo(5, 12);
  expect(scanCost(2e12, 9)).toBeCloseTo(18, 12);
  expect([0, 999, 1000, 1_550_000, 2e9, 3e15].map(sizeText)).toEqual([
    "0 bytes",
    "999 bytes",
    "1 kB",
    "1.6 MB",
    "2 GB",
    "3000 TB",
  ]);
});

describe("errors", () => {
  const sent = { sql: "SELECT\n  nothing_here FROM usage", workgroup: "w", database: "d" };
  const ending = (reason: string, more: Partial<Ending> = {}): Ending => ({
    id: "1",
    state: "FAILED",
    reason,
    category: 2,
    retryable: false,
    ...more,
  });

  test("an unknown column, with its position and without Athena's guess", () => {
    const error = endedBadly(
      ending(
        "COLUMN_NOT_FOUND: line 2:3: Column 'nothing_here' cannot be resolved or requester is not authorized to access " +
          "requested resources. If a data manifest file was generated at 's3://x/y', you may need to manually clean the data.",
      ),
      sent,
    );
    expect(error.kind).toBe("sql");
    expect(error.message).toBe(
      "SQL: Column 'nothing_here' cannot be resolved\n\nline 2:   nothing_here FROM usage\n          ^",
    );
    expect(error.details).toMatchObject({ code: "COLUMN_NOT_FOUND", line: 2, column: 3, executionId: "1" });
  });

  test.each([
    ["Access denied when writing output to url: s3://x/y", {}, "permission"],
    ["PERMISSION_DENIED: Permission denied on S3 path: s3://x/y", {}, "permission"],
    [
      "Insufficient permissions to execute the query. not authorized to perform: glue:GetTable",
      {},
      "permission",
    ],
    ["Query cancelled! : Bytes scanned limit was exceeded", { state: "CANCELLED" }, "refused"],
    ["Query cancelled by user", { state: "CANCELLED" }, "aws"],
    ["", { state: "CANCELLED" }, "aws"],
    ["Query exhausted resources at this scale factor.", { category: 1, retryable: true }, "service"],
    ["GENERIC_INTERNAL_ERROR: something", { category: 1 }, "service"],
    ["DIVISION_BY_ZERO: Division by zero", {}, "sql"],
    ["HIVE_BAD_DATA: Field requests's type DOUBLE is not compatible", {}, "sql"],
    ["HIVE_BAD_DATA: Error parsing '/api/v2/authorization/permissions'", {}, "sql"],
    ["INVALID_CAST_ARGUMENT: Cannot cast 'forbidden' to BIGINT", {}, "sql"],
    [
      "HIVE_CANNOT_OPEN_SPLIT: Error opening s3://x/y: Access Denied (Service: S3, Status Code: 403)",
      {},
      "permission",
    ],
  ] as const)("%s", (reason, more, kind) => {
    const error = endedBadly(ending(reason, more), sent);
    expect(error.kind).toBe(kind);
    expect(error.hint).toBeTruthy();
    expect(error.message).toContain(reason.replace(/^[A-Z_]+: /, "").replace(/\.$/, ""));
  });

  test("a word of the statement does not count as denied access", () => {
    const reason = "COLUMN_NOT_FOUND: line 2:3: Column 'permission' cannot be resolved";
    const error = endedBadly(ending(reason), sent);
    expect(error.kind).toBe("sql");
    expect(error.message).toContain("\n          ^");
    const syntax = endedBadly(ending("line 2:3: mismatched input 'forbidden'. Expecting: <EOF>"), sent);
    expect(syntax.kind).toBe("sql");
    const denied = "PERMISSION_DENIED: line 1:15: Access Denied: Cannot select from table usage";
    expect(endedBadly(ending(denied), sent).kind).toBe("permission");
  });

  test("errors of the API", () => {
    const thrown = (name: string, message: string, status = 400): Error =>
      Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
    const kinds = [
      thrown("InvalidRequestException", "line 2:3: mismatched input 'x'. Expecting: <EOF>"),
      thrown("InvalidRequestException", "WorkGroup is not found."),
      thrown("InvalidRequestException", "No output location provided."),
      thrown("AccessDeniedException", "User x is not authorized to perform: athena:StartQueryExecution"),
      thrown("CredentialsProviderError", "Could not load credentials from any providers"),
      thrown("ExpiredTokenException", "The security token included in the request is expired"),
      thrown("TooManyRequestsException", "Rate exceeded"),
    ].map((error) => callFailed(error, sent, {}));
    expect(kinds.map((error) => (isGcUsageError(error) ? error.kind : error))).toEqual([
      "sql",
      "aws",
      "aws",
      "permission",
      "credentials",
      "credentials",
      "service",
    ]);
    expect(kinds[0]?.message).toContain("line 2:   nothing_here FROM usage\n          ^");
    expect(kinds[1]?.message).toBe("There is no Athena workgroup w in this account and region.");
    const bug = new TypeError("a bug");
    expect(callFailed(bug, sent, {})).toBe(bug);
  });
});
