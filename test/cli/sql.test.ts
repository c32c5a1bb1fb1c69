import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { sqlString } from "../../src/support/quote.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { addSource, makeLake, slice } from "../helpers/lakes.ts";
import { withDuckDb } from "../helpers/parquet.ts";

const BIG = 2n ** 63n - 1n;
let lake: string;
let folder: string;

beforeAll(async () => {
  folder = await workFolder();
  lake = await makeLake([
    slice("2026-11-01", [
      { clientId: "a", clientName: 'He said "hi", twice\r\n', requests: BIG, status429: 0n },
      { clientId: "b", clientName: "", requests: BIG },
      { clientId: "c", clientName: null, requests: 3n },
    ]),
  ]);
  addSource(
    lake,
    "month",
    "x",
    Array.from(
      { length: 12 },
      (_, i) => `{"clientId":"c${i}","status429":${i},"date":"2026-11-01T00:00:00Z"}\n`,
    ).join(""),
  );
});

const sql = (args: readonly string[], input?: string) =>
  gcUsage(["sql", "--lake", lake, ...args], input === undefined ? {} : { input });

describe("gc-usage sql", () => {
  test("prints a table, on a terminal and in a pipe", async () => {
    const { stdout, exitCode } = await sql(["SELECT clientId, requests FROM daily ORDER BY clientId"]);
    expect(stdout).toBe(
      "clientId                   requests\na         9,223,372,036,854,775,807\nb         9,223,372,036,854,775,807\nc                                 3\n",
    );
    expect(exitCode).toBe(0);
  });

  test("runs the article's statement unchanged", async () => {
    const statement = `SELECT * FROM "genesysclouddb"."gc_usage_api_source" WHERE granularity='month' ORDER BY status429 DESC limit 10`;
    const { stdout, exitCode } = await sql([statement, "--output", "ndjson"]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { status429: number }).status429),
    ).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    expect(exitCode).toBe(0);
  });

  test("prints counts with all digits in each format", async () => {
    const statement =
      "SELECT sum(requests) AS total, CAST(0.10 AS DECIMAL(4,2)) AS d, CAST('NaN' AS DOUBLE) AS n FROM usage";
    const sum = String(2n * BIG + 3n);
    expect((await sql([statement, "--json"])).stdout).toMatch(
      new RegExp(`"rows":\\[\\n\\{"total":${sum},"d":0\\.10,"n":"NaN"\\}\\n\\]\\}\\n$`),
    );
    expect((await sql([statement, "--output", "ndjson"])).stdout).toBe(
      `{"total":${sum},"d":0.10,"n":"NaN"}\n`,
    );
    expect((await sql([statement, "--output", "csv"])).stdout).toBe(`total,d,n\r\n${sum},0.10,NaN\r\n`);
    expect((await sql([statement])).stdout).toContain("18,446,744,073,709,551,617");
  });

  test("writes CSV by RFC 4180: quotes if needed, NULL empty, empty text quoted", async () => {
    const { stdout } = await sql([
      'SELECT clientName, status429 AS "a,b" FROM daily ORDER BY clientId',
      "--output",
      "csv",
    ]);
    expect(stdout).toBe('clientName,"a,b"\r\n"He said ""hi"", twice\r\n",0\r\n"",\r\n,\r\n');
  });

  test("makes column names unique if the format requires it", async () => {
    expect((await sql(["SELECT 1 AS a, 2 AS A, 3 AS a_2", "--output", "ndjson"])).stdout).toBe(
      '{"a":1,"A_2":2,"a_2_2":3}\n',
    );
  });

  test("prints no rows as an empty list, a header, or nothing", async () => {
    const statement = "SELECT clientId FROM usage WHERE false";
    expect((await sql([statement, "--json"])).stdout).toMatch(/^\{\n"program":[\s\S]*"rows":\[\]\}\n$/);
    expect((await sql([statement, "--output", "ndjson"])).stdout).toBe("");
    expect((await sql([statement, "--output", "csv"])).stdout).toBe("clientId\r\n");
    expect(await sql([statement])).toMatchObject({ stdout: "clientId\n", stderr: "No rows.\n", exitCode: 0 });
  });

  test("reads the statement from a file or from standard input", async () => {
    const file = join(folder, "q.sql");
    writeFileSync(file, "\uFEFF-- a query\nSELECT 42 AS x;\n");
    expect((await sql(["--file", file, "--output", "ndjson"])).stdout).toBe('{"x":42}\n');
    expect((await sql(["--file", "-", "--output", "ndjson"], "SELECT 43 AS x")).stdout).toBe('{"x":43}\n');
    expect((await sql(["--output", "ndjson"], "SELECT 44 AS x")).stdout).toBe('{"x":44}\n');
    const none = await sql([], " \n");
    expect(none).toMatchObject({ exitCode: 2, stdout: "" });
    expect(none.stderr).toContain("There is no SQL statement: standard input is empty.");
  });

  test("writes a file in the format of its extension", async () => {
    for (const [name, expected] of [
      ["r.csv", "x\r\n1\r\n"],
      ["r.json", '"rows":[\n{"x":1}\n]}\n'],
      ["r.jsonl", '{"x":1}\n'],
      ["r.txt", "x\n1\n"],
    ] as const) {
      const file = join(folder, name);
      writeFileSync(file, "what was there");
      expect(await sql(["SELECT 1 AS x", "--out", file])).toMatchObject({ stdout: "", exitCode: 0 });
      const text = readFileSync(file, "utf8");
      expect(name === "r.json" ? text.slice(text.indexOf('"rows":')) : text).toBe(expected);
    }
  });

  test("writes Parquet with the correct types, exact beyond 64 bits, to a file and a pipe", async () => {
    const file = join(folder, "it's.parquet");
    const statement =
      "SELECT sum(requests) AS big, count(*) AS n, max(date) AS d, TIMESTAMP '2026-11-01 01:02:03' AS t, 0.5E0 AS f, 0.10 AS dec, true AS b, NULL AS nothing, max(clientName) AS n FROM usage";
    expect(await sql([statement, "--out", file])).toMatchObject({ stdout: "", stderr: "", exitCode: 0 });
    expect((await sql([statement, "--output", "parquet"])).stdout.slice(0, 4)).toBe("PAR1");
    const [types, values] = await withDuckDb(async (connection) => [
      await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${sqlString(file)}`),
      await connection.runAndReadAll(
        `SELECT CAST(big AS VARCHAR), n, CAST(d AS VARCHAR) FROM ${sqlString(file)}`,
      ),
    ]);
    expect(types.getRows().map((row) => `${String(row[0])} ${String(row[1])}`)).toEqual([
      "big DECIMAL(38,0)",
      "n BIGINT",
      "d DATE",
      "t TIMESTAMP",
      "f DOUBLE",
      "dec DECIMAL(3,2)",
      "b BOOLEAN",
      "nothing BIGINT",
      "n_2 VARCHAR",
    ]);
    expect(values.getRows()).toEqual([[String(2n * BIG + 3n), 3n, "2026-11-01"]]);
  });

  test("shows a statement's plan with --explain, and its times with --explain-analyze", async () => {
    const statement = "SELECT clientId, sum(requests) FROM daily GROUP BY 1";
    const plan = await sql([statement, "--explain"]);
    expect(plan).toMatchObject({ stderr: "", exitCode: 0 });
    expect(plan.stdout).toContain("HASH_GROUP_BY");
    expect((await sql([statement, "--explain-analyze"])).stdout).toContain("Total Time");
    expect((await sql(["COPY (SELECT 1) TO 'x.csv'", "--explain"])).exitCode).toBe(10);
    expect((await sql([`EXPLAIN ${statement}`])).stderr).toContain('gc-usage sql --explain "SELECT …"');
    expect((await sql([statement, "--explain", "--explain-analyze"])).exitCode).toBe(2);
    const asked = await gcUsage(["ask", "busy-endpoints", "--lake", lake, "--explain"]);
    expect(asked.stdout).toContain("READ_PARQUET");
  });

  test("writes nothing, however comments disguise a statement", async () => {
    const evil = join(lake, "usage", "evil.parquet");
    const { exitCode, stdout } = await sql([
      `/* /* */ explain analyze select 1 -- */ explain analyze copy (select 1 a) to '${evil}'`,
    ]);
    expect({ exitCode, stdout, wrote: existsSync(evil) }).toEqual({ exitCode: 10, stdout: "", wrote: false });
    const many = await sql([`${"/* */ ".repeat(60)}x`]);
    expect(many.stderr).toContain("syntax error");
  });

  test("stops quietly when the reader closes the pipe", async () => {
    const { exitCode, stderr } = await sql([
      "SELECT * FROM range(300000)",
      "--output",
      "ndjson",
      "--out",
      "-",
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  test("reads the lake of GC_USAGE_LAKE, else ./usage-lake", async () => {
    expect(
      await gcUsage(["sql", "SELECT count(*) FROM usage", "--output", "ndjson"], {
        env: { GC_USAGE_LAKE: lake },
      }),
    ).toMatchObject({
      stdout: '{"count_star()":3}\n',
    });
    const nowhere = await gcUsage(["sql", "SELECT 1"], { cwd: folder });
    expect(nowhere.exitCode).toBe(9);
    expect(nowhere.stderr).toContain("No lake at usage-lake");
  });

  test("warns if daily is empty but the lake is not", async () => {
    const other = await makeLake([
      slice("2026-11-01", [{ requests: 1n }], { service: "legacy", grouping: "client" }),
      slice("2026-11-01", [{ requests: 1n }], { granularity: "month" }),
    ]);
    const { stderr, exitCode } = await gcUsage([
      "sql",
      "SELECT sum(requests) AS n FROM Daily",
      "--lake",
      other,
      "--json",
    ]);
    expect(stderr).toBe(
      'warning: daily is empty: it contains jobs, client-uri-method by day, but the lake has jobs, client-uri-method: 1 month, 2026-11-01; legacy, client: 1 day, 2026-11-01. Query usage instead, and filter by service, "grouping" and granularity.\n',
    );
    expect(exitCode).toBe(0);
    expect((await gcUsage(["sql", "SELECT 1 FROM usage", "--lake", other])).stderr).toBe("");
  });
});

describe("a sum over usage", () => {
  let mixed: string;
  beforeAll(async () => {
    mixed = await makeLake([
      slice("2026-11-01", [{ clientId: "a", requests: 5n }]),
      slice("2026-11-01", [{ clientId: "a", requests: 5n }], { grouping: "client" }),
      slice("2026-11-01", [{ clientId: "a", requests: 4n }], { service: "legacy", grouping: "client" }),
      slice("2026-11-01", [{ clientId: "a", requests: 9n }], { granularity: "month" }),
    ]);
  });
  const note = async (statement: string, ...more: string[]): Promise<string> =>
    (await gcUsage(["sql", statement, "--lake", mixed, "--output", "ndjson", ...more])).stderr;

  test("that mixes services, groupings and granularities causes a warning, even with -q", async () => {
    const expected =
      'warning: The statement sums usage over service jobs, legacy; "grouping" client, client-uri-method; granularity day, month: ' +
      "rows that count the same requests are added together. " +
      'Filter or group by service and "grouping" and granularity, or query daily, which is safe to sum.\n';
    expect(await note("SELECT sum(requests) FROM usage")).toBe(expected);
    expect(await note("SELECT sum(requests) FROM usage", "-q")).toBe(expected);
    expect(
      await note("SELECT avg(status429) FROM usage WHERE service = 'jobs' AND \"grouping\" = 'client'"),
    ).toContain("Filter or group by granularity,");
  });

  test("causes no warning if it names them, or in a lake with one series", async () => {
    const named = 'SELECT service, "grouping", granularity, sum(requests) FROM usage GROUP BY ALL';
    expect(await note(named)).toBe("");
    expect((await sql(["SELECT sum(requests) FROM usage"])).stderr).toBe("");
  });
});

describe("gc-usage sql rejects", () => {
  test.each([
    [["SELEC 1"], 10, 'syntax error at or near "SELEC"'],
    [["SELECT nope FROM usage"], 10, 'Referenced column "nope" not found'],
    [["DROP VIEW usage"], 10, "Only statements that read can be run."],
    [["SELECT * FROM read_text('/etc/passwd')"], 10, "read_text() is not allowed"],
    [[], 2, "There is no SQL statement: standard input is empty."],
    [["SELECT 1", "--file", "x.sql"], 2, "There are two SQL statements"],
    [["--file", "/nowhere.sql"], 2, "no such file or folder"],
    [["SELECT 1", "--output", "xml"], 2, "Allowed choices are table, json, ndjson, csv, parquet"],
    [["SELECT 1", "--json", "--output", "csv"], 2, "contradict each other"],
    [["SELECT 1", "--wrong"], 2, "unknown option"],
    [["SELECT list(range) FROM range(50000000)"], 10, "needs more memory than its limit"],
  ])("%j with exit code %i", async (args, exitCode, message) => {
    const outcome = await gcUsage(["sql", "--lake", lake, ...args], {
      env: { GC_USAGE_MEMORY_LIMIT: "200MB" },
    });
    expect(outcome.stderr).toContain(message);
    expect(outcome).toMatchObject({ exitCode, stdout: "" });
  });

  test("a folder as the file, and leaves nothing behind if the statement fails", async () => {
    const target = join(folder, "results");
    mkdirSync(join(target, "a-folder"), { recursive: true });
    expect(await sql(["SELECT 1", "--out", join(target, "a-folder")])).toMatchObject({ exitCode: 2 });
    expect(await sql(["SELECT 1", "--out", join(target, "none", "r.csv")])).toMatchObject({ exitCode: 2 });
    for (const name of ["r.csv", "r.parquet"]) {
      const late =
        "SELECT CAST(CASE WHEN range = 500000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(500001)";
      expect(await sql([late, "--out", join(target, name)])).toMatchObject({ exitCode: 10 });
    }
    expect(readdirSync(target)).toEqual(["a-folder"]);
  });

  test("with errors as JSON with --json", async () => {
    const { stderr, exitCode } = await sql(["SELECT\nnope FROM usage", "--json"]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { kind: "sql", exitCode: 10, line: 2 } });
    expect(exitCode).toBe(10);
  });
});
