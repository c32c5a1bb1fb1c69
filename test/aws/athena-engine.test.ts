import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AthenaClient, GetQueryExecutionCommand } from "@aws-sdk/client-athena";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { type AthenaOptions, openAthena } from "../../src/engine/athena/athena.ts";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type SqlEngine } from "../../src/engine/engine.ts";
import { Lake } from "../../src/lake/lake.ts";
import { realEffects } from "../../src/support/effects.ts";
import { type GcUsageError, isGcUsageError } from "../../src/support/errors.ts";
import { sizeText } from "../../src/support/size.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, putSlice, sliceKey } from "../helpers/lakes.ts";
import { deploy, gcUsage } from "./cli.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const server = new AthenaClient({ ...clientOptions(aws), endpoint: aws.athenaUrl });
describe("the Athena engine", async () => {
  const stack = await deploy(aws, "engine", "--parameter", "ScanLimitBytes=10000000");
  const open = (more: Partial<AthenaOptions> = {}) =>
    openAthena({
      workgroup: stack.workgroup,
      database: stack.database,
      env: awsEnv(aws),
      ...endpoint(),
      ...more,
    });
  const endpoint = () => ({ aws: { endpointUrl: aws.athenaUrl } });
  Object.assign(process.env, awsEnv(aws));
  const athena = await open();
  const folder = await makeLake([]);
  const duckdb = await openDuckDb(folder);
  afterAll(async () => {
    await Promise.all([athena.close(), duckdb.close()]);
  });

  const sql = (statement: string, ...more: string[]) =>
    gcUsage(aws, ["sql", "--engine", "athena", "--stack", "engine", statement, ...more]);
  const failure = async (promise: Promise<unknown>): Promise<GcUsageError> => {
    const error: unknown = await promise.catch((thrown: unknown) => thrown);
    if (!isGcUsageError(error)) throw new Error(`no GcUsageError: ${String(error)}`);
    return error;
  };
  const run = async (engine: SqlEngine, statement: string) => {
    const result = await engine.query(statement);
    const rows = await allRows(result);
    return { kinds: result.columns.map(({ kind }) => kind), rows: rows.map((row) => [...row]) };
  };

  const VALUES: readonly (readonly [expression: string, kind: string, value: unknown])[] = [
    ["CAST(9007199254740993 AS bigint)", "integer", 9007199254740993n],
    ["CAST(-9223372036854775807 AS bigint)", "integer", -9223372036854775807n],
    ["CAST(9007199254740991 AS bigint)", "integer", 9007199254740991],
    ["CAST(7 AS smallint)", "integer", 7],
    ["7", "integer", 7],
    ["1.5E0", "double", 1.5],
    ["1E300", "double", 1e300],
    ["CAST('NaN' AS double)", "double", Number.NaN],
    ["CAST('Infinity' AS double)", "double", Number.POSITIVE_INFINITY],
    ["CAST('-0.30' AS decimal(10, 2))", "decimal", "-0.30"],
    ["CAST('12345678901234567890.123456789' AS decimal(38, 9))", "decimal", "12345678901234567890.123456789"],
    ["true", "boolean", true],
    ["1 = 2", "boolean", false],
    ["DATE '2026-11-01'", "date", "2026-11-01"],
    ["TIMESTAMP '2026-11-01 08:00:00'", "timestamp", "2026-11-01 08:00:00.000"],
    ["TIMESTAMP '2026-11-01 08:00:00.125'", "timestamp", "2026-11-01 08:00:00.125"],
    ["'a,\"b\" ''c'''", "text", "a,\"b\" 'c'"],
    ["'line\nbreak 😀'", "text", "line\nbreak 😀"],
    ["''", "text", ""],
    ["'NULL'", "text", "NULL"],
    ["CAST(NULL AS varchar)", "text", null],
    ["CAST(NULL AS bigint)", "integer", null],
    ["CAST(NULL AS date)", "date", null],
    ["CAST(NULL AS double)", "double", null],
    ["CAST(NULL AS boolean)", "boolean", null],
    ["CAST(NULL AS decimal(5, 1))", "decimal", null],
    ["CAST(NULL AS timestamp)", "timestamp", null],
  ];

  it("returns a value of each type like DuckDB", async () => {
    const statement = `SELECT ${VALUES.map(([expression], i) => `${expression} AS c${i}`).join(", ")}`;
    const expected = { kinds: VALUES.map(([, kind]) => kind), rows: [VALUES.map(([, , value]) => value)] };
    expect(await run(athena, statement)).toEqual(expected);
    expect(await run(duckdb, statement)).toEqual(expected);
  });

  it("pages through more rows than Athena returns at a time, in order and without a header", async () => {
    const result = await athena.query(
      "SELECT n, 'n' AS n2 FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n;",
    );
    const sizes: number[] = [];
    const seen: unknown[] = [];
    for await (const batch of result.batches) {
      sizes.push(batch.length);
      seen.push(...batch.map((row) => row[0]));
    }
    expect(sizes).toEqual([999, 1000, 501]);
    expect(seen).toEqual(Array.from({ length: 2500 }, (_, i) => i + 1));
    expect(result.stats()).toMatchObject({ rows: 2500, bytesScanned: 0, costUsd: 0.00005 });
  });

  it("reads no further than the bounds of rows and characters, and cuts long values", async () => {
    const bounded = async (statement: string, change: object) => {
      const bounds = { rows: 10, characters: 1_000, valueCharacters: 100, ...change };
      const result = await athena.query(statement, { bounds });
      const rows = await allRows(result);
      return { rows, isTruncated: result.stats().isTruncated };
    };
    const numbers = "SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n";
    expect(await bounded(numbers, { rows: 2 })).toEqual({ rows: [[1], [2]], isTruncated: true });
    const many = await bounded(numbers, { rows: 1_200, characters: 10_000 });
    expect([many.rows.length, many.rows.at(-1), many.isTruncated]).toEqual([1_200, [1_200], true]);
    expect(await bounded("SELECT 1", { rows: 1 })).toEqual({ rows: [[1]], isTruncated: false });
    const long = "SELECT array_join(repeat('x', 2000), '') AS x";
    expect(await bounded(long, {})).toEqual({ rows: [["x".repeat(100)]], isTruncated: true });
    expect(await bounded("SELECT 'abcdef' FROM UNNEST(sequence(1, 9)) AS t(n)", { characters: 20 })).toEqual({
      rows: [["abcdef"], ["abcdef"], ["abcdef"]],
      isTruncated: true,
    });
  });

  it("keeps the first row of statements that describe, which have no header and are free", async () => {
    const shown = await athena.query("SHOW TABLES");
    expect((await allRows(shown)).flat().sort()).toEqual(["daily", "slices", "usage"]);
    expect(shown.stats()).toMatchObject({ rows: 3, costUsd: 0 });
    const described = await run(athena, "DESCRIBE usage");
    expect(described.rows[0]).toEqual(["service", "string", ""]);
    expect(described.rows).toContainEqual(["requests", "bigint", ""]);
    expect(described.rows.slice(-3)).toEqual([
      ["# col_name", "data_type", "comment"],
      ["granularity", "string", ""],
      ["date", "date", ""],
    ]);
    const plan = await athena.query("SELECT 1 /* one */", { explain: "plan" });
    const lines = JSON.stringify(await allRows(plan));
    expect(lines).not.toContain('[["Query Plan"]');
    expect(lines).toContain("Output");
    expect(plan.stats().costUsd).toBe(0);
    const measured = await athena.query("SELECT 1", { explain: "analyze" });
    expect(JSON.stringify(await allRows(measured))).toContain("CPU");
    expect((await sql("SELECT 1", "--explain")).stdout).toContain("Output");
  });

  it("returns no rows for an empty result", async () => {
    expect((await run(athena, "SELECT requests FROM daily WHERE date = DATE '2026-11-01'")).rows).toEqual([]);
  });

  it("reports a failed statement's reason and position, in the built program", async () => {
    const done = await sql("SELECT 1,\n  nothing_here\nFROM usage WHERE date = DATE '2026-11-01'");
    expect(done.exitCode).toBe(10);
    expect(done.stdout).toBe("");
    expect(done.stderr).toContain(
      "SQL: Column 'nothing_here' cannot be resolved\n\nline 2:   nothing_here\n          ^\nTables of engine: usage,",
    );
    const syntax = await sql("SELECT FROM WHERE");
    expect(syntax).toMatchObject({ exitCode: 10 });
    expect(syntax.stderr).toMatch(/SQL: mismatched input 'FROM'[\s\S]+line 1: SELECT FROM WHERE\n {15}\^/);
    const json = await sql("SELECT nothing_here", "--json");
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { kind: "sql", exitCode: 10, code: "COLUMN_NOT_FOUND", line: 1, column: 8 },
    });
  });

  it("reports what is missing or denied in the account", async () => {
    const nowhere = await failure((await open({ workgroup: "nowhere" })).query("SELECT 1"));
    expect(nowhere).toMatchObject({
      kind: "aws",
      message: "There is no Athena workgroup nowhere in this account and region.",
    });
    const noDatabase = await failure(
      (await open({ database: "nowhere" })).query("SELECT * FROM usage WHERE date = current_date"),
    );
    expect(noDatabase).toMatchObject({
      kind: "sql",
      message: expect.stringContaining("Schema 'nowhere' does not exist") as unknown,
    });
    const noCredentials = await gcUsage(
      aws,
      ["sql", "--engine", "athena", "--workgroup", "engine", "SELECT 1"],
      {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
      },
    );
    expect(noCredentials.exitCode).toBe(3);
    expect(noCredentials.stderr).toContain("no usable AWS credentials");
  });

  it("rejects flags that cannot be combined, before any call", async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const done = await gcUsage(aws, args, { AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
      expect(done.exitCode).toBe(2);
      return done.stderr;
    };
    expect(await refused("sql", "SELECT 1", "--max-scan", "1GB")).toContain(
      "--max-scan applies to Athena only, but the engine is duckdb.\nAdd --engine athena, or omit --max-scan.",
    );
    expect(await refused("sql", "SELECT 1", "--engine", "athena")).toContain("Athena needs a workgroup");
    expect(await refused("sql", "SELECT 1", "--max-scan", "much")).toContain(
      'Invalid --max-scan: "much" (expected a size)',
    );
    expect(await refused("ask", "change", "--engine", "athena", "--workgroup", "w")).toContain(
      "Athena reads a lake on S3, not the folder usage-lake",
    );
  });

  it("never sends statements that write", async () => {
    const done = await sql("CREATE TABLE taken AS SELECT 1 AS x");
    expect(done.exitCode).toBe(10);
    expect(done.stderr).toContain("CREATE is not accepted");
    expect((await run(athena, "SHOW TABLES")).rows).not.toContainEqual(["taken"]);
  });

  it("warns about a statement that reads every day, with the reason", async () => {
    const done = await sql("SELECT count(*) AS n FROM usage WHERE granularity = 'total' AND 1 = 2", "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({
      rows: [{ n: 0 }],
      engine: "athena",
      tables: ["usage"],
      coverage: null,
      series: [],
    });
    expect(done.stderr).toContain(
      "warning: The statement does not filter by date. Athena then calls S3 for each day",
    );
    const dated = await sql("SELECT count(*) AS n FROM usage WHERE date = DATE '2026-11-01'");
    expect(dated.stderr).not.toContain("warning");
    expect(dated.stderr).toMatch(/Scanned 0 bytes in \d+\.\d s, about \$0\.000050\./);
    const dear = await gcUsage(aws, ["sql", "--engine", "athena", "--workgroup", "engine", "SELECT 1"], {
      GC_USAGE_ATHENA_USD_PER_TB: "9.5",
    });
    expect(dear.stderr).toContain("about $0.000095.");
  });

  it("explains that --max-scan may be exceeded, unless the workgroup's own limit is lower", async () => {
    const others = "SELECT count(*) FROM information_schema.tables";
    const warned = await sql(others, "--max-scan", "5MB");
    expect(warned.exitCode).toBe(0);
    expect(warned.stderr).toContain("is not known before the statement runs");
    expect(warned.stderr).toContain("(BytesScannedCutoffPerQuery) is exact; it is 10 MB.");
    expect((await sql(others, "--max-scan", "10MB")).stderr).not.toContain("warning");
  });

  it("compares --max-scan with the slices before, and with the scanned bytes after", async () => {
    const { store } = await openStore(aws, stack.lake);
    await putSlice(new Lake(store), sliceKey("2026-11-01"), { requests: 5 });
    const slices = await new Lake(store).list();
    const bytes = slices[0]?.object.bytes ?? 0;
    const messages: string[] = [];
    const log = { warn: (text: string) => void messages.push(text), info() {}, debug() {} };
    let id = "";
    const engine = async (maxScan: number) =>
      open({
        slices,
        maxScan,
        log: { ...log, debug: (text: string) => void (id = /execution (\S+) started/.exec(text)?.[1] ?? id) },
        // Ends between the first and the second poll.
        effects: {
          ...realEffects,
          sleep: () =>
            vi.waitFor(async () => expect(await stateOf(id)).toBe("SUCCEEDED"), { timeout: 60_000 }),
        },
      });
    const ofOneDay = "SELECT * FROM usage WHERE date = DATE '2026-11-01'";
    const two = `SELECT * FROM daily d JOIN usage u ON d.date = u.date WHERE u.date = DATE '2026-11-01'`;
    for (const [statement, maxScan] of [
      ["SELECT 1", 1],
      [ofOneDay, bytes],
      [two, 2 * bytes],
    ] as const) {
      await (await engine(maxScan)).query(statement);
      expect(messages).toEqual([]);
    }
    await (await engine(2 * bytes - 1)).query(two);
    expect(messages.splice(0)[0]).toContain("is not known");
    const result = await (await engine(1)).query(ofOneDay);
    expect(messages).toEqual([
      expect.stringContaining("is not known"),
      `The statement ended before it could be stopped: it read ${sizeText(result.stats().bytesScanned ?? 0)}, more than --max-scan ${sizeText(1)}.`,
    ]);
  });

  it("warns only about sums over several series", async () => {
    const { store } = await openStore(aws, stack.lake);
    await putSlice(new Lake(store), sliceKey("2026-11-03"), { requests: 5 });
    const rows = join(await workFolder(), "rows.ndjson");
    await writeFile(rows, '{"date":"2026-11-03T00:00:00Z","clientId":"c1","requests":5}\n');
    const load = ["load", rows, "--granularity", "day"];
    expect(await gcUsage(aws, [...load, "--lake", stack.lake])).toMatchObject({ exitCode: 0 });
    const of = "FROM usage WHERE date = DATE '2026-11-03'";
    const summed = await sql(`SELECT sum(requests) AS n ${of}`);
    expect(summed.exitCode).toBe(0);
    expect(summed.stderr).toContain(
      'warning: The statement sums usage over service jobs, legacy; "grouping" client, client-uri-method: rows that count the same requests are added together.',
    );
    expect(
      (await sql(`SELECT sum(requests) AS n ${of} AND service = 'legacy' AND "grouping" = 'client'`)).stderr,
    ).not.toContain("warning");
  });

  async function stateOf(id: string): Promise<string | undefined> {
    const { QueryExecution } = await server.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    return QueryExecution?.Status?.State;
  }
});
