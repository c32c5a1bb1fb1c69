import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type SqlRow, type SqlValue } from "../../src/engine/engine.ts";
import { type ErrorKind, type GcUsageError, isGcUsageError } from "../../src/support/errors.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { addSource, makeLake, slice, sliceKey } from "../helpers/lakes.ts";

const BIG = 2n ** 63n - 1n;

async function rows(engine: DuckDbEngine, sql: string): Promise<SqlRow[]> {
  return allRows(await engine.query(sql));
}

async function failure(promise: Promise<unknown>, kind: ErrorKind): Promise<GcUsageError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isGcUsageError(error)) throw new Error(`no GcUsageError: ${String(error)}`);
  expect(error.kind).toBe(kind);
  return error;
}

describe("the tables over a lake", () => {
  test("usage has all slices, daily only the canonical ones", async () => {
    const engine = await openDuckDb(
      await makeLake([
        slice("2026-11-01", [{ clientId: "a", templateUri: "/x", httpMethod: "GET", requests: 5 }]),
        slice("2026-11-02", []),
        slice("2026-11-01", [{ clientId: "a", requests: 5 }], { grouping: "client" }),
        slice("2026-11-01", [{ clientId: "a", requests: 4 }], { service: "legacy" }),
        slice("2026-11-01", [{ clientId: "a", requests: 9 }], { granularity: "month" }),
      ]),
    );
    expect(await rows(engine, "SELECT count(*) FROM usage")).toEqual([[4]]);
    expect(await rows(engine, "SELECT date, granularity, clientid, requests FROM daily")).toEqual([
      ["2026-11-01", "day", "a", 5],
    ]);
    expect(engine.slices).toHaveLength(5);
    await engine.close();
  });

  test("an empty lake has the same tables with no rows", async () => {
    const engine = await openDuckDb(await makeLake([]));
    const lake = await makeLake([slice("2026-11-01", [{ requests: 1 }])]);
    const full = await openDuckDb(lake);
    for (const table of ["usage", "daily"]) {
      expect(await rows(engine, `SELECT * FROM ${table}`)).toEqual([]);
      expect(await rows(engine, `DESCRIBE ${table}`)).toEqual(await rows(full, `DESCRIBE ${table}`));
    }
    const empty = await rows(engine, "DESCRIBE gc_usage_api_source");
    addSource(lake, "day", "x", '{"clientId":"a"}\n');
    const sourced = await openDuckDb(lake);
    expect(await rows(sourced, "DESCRIBE gc_usage_api_source")).toEqual(empty);
    for (const opened of [engine, full, sourced]) await opened.close();
  });

  test("the article's statement runs unchanged, over rows of both services", async () => {
    const lake = await makeLake([]);
    addSource(
      lake,
      "month",
      "legacy",
      '{"clientId":"a","clientName":"A","status429":7,"requests":9007199254740993,"date":"2021-01-01T00:00:00Z"}\n' +
        '{"clientId":"b","status429":9,"requests":"12","date":"2021-01-01T00:00:00Z","new":{"x":1}}\n',
    );
    addSource(
      lake,
      "month",
      "jobs",
      '{"date":"2026-01-01","requestCount":5,"status429":8,"oauthClient":{"id":"c","name":"C"},"user":{"id":"u"}}\n',
    );
    addSource(lake, "day", "other", '{"clientId":"z","status429":99}\n');
    const engine = await openDuckDb(lake);
    const result = await engine.query(
      `SELECT * FROM "genesysclouddb"."gc_usage_api_source" WHERE granularity='month' ORDER BY status429 DESC limit 10`,
    );
    const names = result.columns.map((column) => column.name);
    const found = (await allRows(result)).map((row) => {
      const fields: Record<string, SqlValue> = {};
      for (const [i, value] of row.entries()) fields[names[i] ?? ""] = value;
      return fields;
    });
    expect(found.map((row) => row["status429"])).toEqual([9, 8, 7]);
    expect(found[0]).toMatchObject({ clientId: "b", requests: 12, granularity: "month" });
    expect(found[1]).toMatchObject({
      date: "2026-01-01",
      requestCount: 5,
      oauthClient: '{"id":"c","name":"C","selfUri":null}',
    });
    expect(found[2]).toMatchObject({ date: "2021-01-01T00:00:00Z", requests: 9007199254740993n });
    await engine.close();
  });

  test("a lake in a folder with a name like a pattern or partition is read, but not other lakes", async () => {
    const odd = await makeLake([]);
    for (const name of ["a[1]*?", "it's date=1 & ü", "env=prod"]) {
      mkdirSync(join(odd, name));
      const lake = await makeLake([slice("2026-11-01", [{ requests: 1 }])], join(odd, name));
      addSource(lake, "day", "x", '{"clientId":"a"}\n');
      const engine = await openDuckDb(lake);
      expect(await rows(engine, "SELECT date, requests FROM usage")).toEqual([["2026-11-01", 1]]);
      expect(await rows(engine, "SELECT clientId, granularity FROM gc_usage_api_source")).toEqual([
        ["a", "day"],
      ]);
      await engine.close();
    }
  });

  test("a lake in a folder named like our partitions is rejected, because its days would be wrong", async () => {
    const odd = join(await makeLake([]), "date=2020-01-01");
    mkdirSync(odd);
    expect((await failure(openDuckDb(odd), "lake")).message).toContain("named like a partition");
  });

  test("files that are not slices do not add rows", async () => {
    const lake = await makeLake([slice("2026-11-01", [{ requests: 1 }])]);
    writeFileSync(join(lake, "usage", "granularity=day", "date=2026-11-01", ".jobs.none.parquet.tmp"), "x");
    writeFileSync(join(lake, "usage", "granularity=day", "date=2026-11-01", "notes.txt"), "x");
    const engine = await openDuckDb(lake);
    expect(await rows(engine, "SELECT count(*) FROM usage")).toEqual([[1]]);
    await engine.close();
  });
});

describe("values", () => {
  let engine: DuckDbEngine;
  let lake: string;
  beforeAll(async () => {
    lake = await makeLake([slice("2026-11-01", [{ requests: BIG }, { requests: BIG }, { requests: 3 }])]);
    engine = await openDuckDb(lake);
  });
  afterAll(async () => {
    await engine.close();
  });

  test("sums beyond 64 bits are exact", async () => {
    expect(await rows(engine, "SELECT sum(requests), max(requests), min(requests) FROM usage")).toEqual([
      [2n * BIG + 3n, BIG, 3],
    ]);
  });

  test.each([
    ["NULL", null, "integer"],
    ["true", true, "boolean"],
    ["9007199254740991", 9007199254740991, "integer"],
    ["9007199254740992", 9007199254740992n, "integer"],
    ["-9007199254740992", -9007199254740992n, "integer"],
    ["CAST(0.1 AS DECIMAL(38,20))", "0.10000000000000000000", "decimal"],
    ["-0.30", "-0.30", "decimal"],
    ["1.5E0", 1.5, "double"],
    ["CAST('NaN' AS DOUBLE)", Number.NaN, "double"],
    ["DATE '2026-11-01'", "2026-11-01", "date"],
    ["TIMESTAMP '2026-11-01 08:00:00'", "2026-11-01 08:00:00.000", "timestamp"],
    ["TIMESTAMP '2026-11-01 08:00:00.123456'", "2026-11-01 08:00:00.123456", "timestamp"],
    ["TIMESTAMPTZ '2026-11-01 08:00:00+02'", "2026-11-01 06:00:00.000 UTC", "timestamp"],
    ["ARRAY[1, NULL]", "[1,null]", "json"],
    [
      "struct_pack(a := 'x\"', b := 9007199254740993, c := 0.10)",
      '{"a":"x\\"","b":9007199254740993,"c":0.10}',
      "json",
    ],
    ["MAP {'k': DATE '2026-11-01'}", '{"k":"2026-11-01"}', "json"],
    ["MAP {1: true}", "[[1,true]]", "json"],
    ["'zeile\n2 😀'", "zeile\n2 😀", "text"],
    ["''", "", "text"],
    ["TIME '08:00:00'", "08:00:00", "text"],
    ["interval '3' day", "3 days", "text"],
  ])("%s", async (expression, value, kind) => {
    const result = await engine.query(`SELECT ${expression} AS "Some Name"`);
    expect(result.columns).toMatchObject([{ name: "Some Name", kind }]);
    expect(await allRows(result)).toEqual([[value]]);
  });

  test("rows stream in batches and stats count them", async () => {
    const result = await engine.query("SELECT * FROM range(10000)");
    let batches = 0;
    for await (const batch of result.batches) if (batch.length > 0) batches++;
    expect(batches).toBeGreaterThan(1);
    expect(result.stats().rows).toBe(10_000);
  });

  test("days are UTC days, whatever the machine's time zone", async () => {
    const [[zone] = []] = await rows(engine, "SELECT current_setting('TimeZone')");
    expect(zone).toBe("UTC");
  });

  test("settings do not show credentials", async () => {
    expect(await rows(engine, "SELECT current_setting('http_proxy_password')")).toEqual([[""]]);
  });
});

describe("explaining", () => {
  test("returns the plan of a statement, or runs and measures it, but rejects writes", async () => {
    const lake = await makeLake([slice("2026-11-01", [{ requests: 1 }])]);
    const engine = await openDuckDb(lake);
    const explain = async (sql: string, explain: "plan" | "analyze"): Promise<SqlRow[]> =>
      allRows(await engine.query(sql, { explain }));
    const statement = "-- requests\nSELECT sum(a.requests) FROM usage a, daily b CROSS JOIN (VALUES (1))";
    expect((await explain(statement, "plan"))[0]?.[0]).toBe("physical_plan");
    expect((await explain(statement, "analyze"))[0]?.[1]).toContain("Total Time");
    for (const write of ["COPY (SELECT 1) TO 'x'", "ANALYZE COPY (SELECT 1) TO 'x'", "(ANALYZE) SELECT 1"]) {
      await failure(explain(write, "plan"), "sql");
      await failure(explain(write, "analyze"), "sql");
    }
    expect((await failure(explain("SELECT nope FROM usage", "plan"), "sql")).message).toContain(
      "line 1: SELECT nope FROM usage",
    );
    await engine.close();
  });
});

describe("stopping", () => {
  test("an aborted signal stops the statement and rejects with its reason", async () => {
    const engine = await openDuckDb(await makeLake([]));
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const running = engine
      .query("SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE a.range + b.range = 7", {
        signal: stop.signal,
      })
      .then(allRows);
    setTimeout(() => stop.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
    await expect(engine.query("SELECT 1", { signal: stop.signal })).rejects.toBe(reason);
    expect(await rows(engine, "SELECT 1")).toEqual([[1]]);
    await engine.close();
  });

  test("an abort does not wait for a slow plan", async () => {
    const engine = await openDuckDb(await makeLake([]));
    const slow = `SELECT 1${"+1".repeat(300)}`;
    let isPlanned = false;
    const other = engine.query(slow).then(() => (isPlanned = true));
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const running = engine.query(slow, { signal: stop.signal });
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(isPlanned).toBe(false);
    await other;
    await engine.close();
  });

  test("rows are streamed, so memory use does not depend on the size of the result", async () => {
    const engine = await openDuckDb(await makeLake([]));
    let read = 0;
    for await (const batch of (await engine.query("SELECT * FROM range(1000000000000)")).batches) {
      read += batch.length;
      if (read > 100_000) break;
    }
    await engine.close();
  });

  test("an unfinished result does not block the next statement, and several run in parallel", async () => {
    const engine = await openDuckDb(await makeLake([]));
    for await (const batch of (await engine.query("SELECT * FROM range(1000000)")).batches) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    const two = await Promise.all([rows(engine, "SELECT 1"), rows(engine, "SELECT 2")]);
    expect(two).toEqual([[[1]], [[2]]]);
    await engine.close();
  });

  test("the temporary folder is empty afterwards", async () => {
    const lake = await makeLake([]);
    const usual = process.env["TMPDIR"];
    // A separate folder, because other tests use the default one at the same time.
    const own = join(lake, "temporary");
    mkdirSync(own);
    try {
      process.env["TMPDIR"] = own;
      const engine = await openDuckDb(lake);
      await rows(engine, "SELECT count(DISTINCT range) FROM range(1000000)");
      expect(readdirSync(own)).not.toEqual([]);
      await engine.close();
      expect(readdirSync(own)).toEqual([]);
    } finally {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
    }
  });
});

describe("errors", () => {
  test("of SQL contain the reason, the line and the position", async () => {
    const engine = await openDuckDb(await makeLake([]));
    const binder = await failure(engine.query("SELECT\n  foo FROM usage"), "sql");
    expect(binder.message).toContain('Referenced column "foo" not found');
    expect(binder.message).toContain("line 2:   foo FROM usage\n          ^");
    expect(binder.details).toMatchObject({ line: 2 });
    expect(binder.hint).toContain("DESCRIBE usage");
    const syntax = await failure(engine.query("SELECT 1\nFROM usage WHER 1"), "sql");
    expect(syntax.message).toContain("syntax error at or near");
    expect(syntax.message).toContain("line 2: FROM usage WHER 1");
    const table = await failure(engine.query("SELECT 1 FROM usages"), "sql");
    expect(table.message).toBe('There is no table "usages" (line 1, column 15).');
    expect(table.hint).toContain("Did you mean usage?");
    expect((await failure(engine.query("-- nothing"), "sql")).message).toBe("There is no SQL statement.");
    expect((await failure(engine.query("SELECT ?"), "sql")).message).toContain("has parameters");
    const deep =
      "SELECT\nCAST(CASE WHEN range = 500000 THEN 'x' ELSE '1' END AS INTEGER)\nFROM range(500001)";
    const late = await failure(engine.query(deep).then(allRows), "sql");
    expect(late.message).toContain("Could not convert string 'x' to INT32");
    expect(late.details).toMatchObject({ line: 2 });
    const later = engine.query("SELECT CAST(x AS INTEGER) FROM (VALUES ('1'), ('b')) t(x)").then(allRows);
    expect((await failure(later, "sql")).message).toContain("Could not convert string 'b'");
    await engine.close();
  });

  test("of a result that stops late are reported after the rows before it", async () => {
    const engine = await openDuckDb(await makeLake([]));
    const sql = "SELECT CASE WHEN range = 1200000 THEN error('too late') ELSE range END FROM range(1300000)";
    const result = await engine.query(sql);
    let read = 0;
    const failed = await failure(
      (async () => {
        for await (const batch of result.batches) read += batch.length;
      })(),
      "sql",
    );
    expect(read).toBeGreaterThan(1_000_000);
    expect(failed.message).toBe(`The result stopped after ${read} rows, and DuckDB does not report why.`);
    await engine.close();
  });

  test("of a lake that does not exist, or is a file", async () => {
    const lake = await makeLake([]);
    expect((await failure(openDuckDb(join(lake, "nowhere")), "lake")).message).toContain(
      "There is no lake at",
    );
    writeFileSync(join(lake, "file"), "");
    expect((await failure(openDuckDb(join(lake, "file")), "lake")).message).toContain("is a file");
  });

  test("of a damaged slice contain the file", async () => {
    const lake = await makeLake([
      slice("2026-11-01", [{ requests: 1 }]),
      slice("2026-11-02", [{ requests: 1 }]),
    ]);
    const file = join(lake, slicePath(sliceKey("2026-11-01")));
    rmSync(file);
    writeFileSync(file, "PAR1 no more");
    const error = await failure(
      openDuckDb(lake).then((engine) => rows(engine, "SELECT sum(requests) FROM usage")),
      "lake",
    );
    expect(error.message).toContain("date=2026-11-01/jobs.client-uri-method.parquet");
  });

  test.each([
    ["data", 4, 60],
    ["footer", -650, -550],
    ["schema", -1350, -1050],
  ])("of a slice with a damaged %s contain the file, whatever DuckDB reports", async (_what, from, to) => {
    const lake = await makeLake([
      slice("2026-11-01", [{ requests: 1 }]),
      slice("2026-11-02", [{ requests: 1 }]),
    ]);
    const file = join(lake, slicePath(sliceKey("2026-11-02")));
    const bytes = readFileSync(file);
    bytes.subarray(from < 0 ? bytes.length + from : from, to < 0 ? bytes.length + to : to).fill(0xff);
    writeFileSync(file, bytes);
    const error = await failure(
      openDuckDb(lake).then((engine) => rows(engine, "SELECT * FROM usage")),
      "lake",
    );
    expect(error.message).toContain(
      "date=2026-11-02/jobs.client-uri-method.parquet is damaged. DuckDB reports",
    );
  });

  test("of a statement are unchanged if no slice is damaged", async () => {
    const engine = await openDuckDb(await makeLake([slice("2026-11-01", [{ requests: 1 }])]));
    const error = await failure(rows(engine, "SELECT error('no') FROM usage"), "sql");
    expect(error.message).toBe("SQL: no");
    await engine.close();
  });
});
