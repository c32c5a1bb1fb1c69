import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Glue } from "@aws-sdk/client-glue";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openAthena } from "../../src/engine/athena/athena.ts";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type SqlEngine, type SqlRow } from "../../src/engine/engine.ts";
import { openLake } from "../../src/lake/open.ts";
import { choose, type Source, sourcesFor } from "../../src/questions/choose.ts";
import { applyFilters } from "../../src/questions/filters.ts";
import { narrow } from "../../src/questions/narrow.ts";
import { bind, daysRead, get, list, rowsWhere } from "../../src/questions/questions.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import type { Span } from "../../src/usage/period.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { deploy, gcUsage } from "./cli.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { readCalls } from "./harness/moto.ts";
import { makeOddLake } from "./questions-lake.ts";
import { declareSourceTable } from "./source-table.ts";

const aws = inject("aws");
const FIRST = "2026-10-01" as Day;
const WINDOWS: Readonly<Record<string, Span>> = {
  "the middle": { start: addDays(FIRST, 9), end: addDays(FIRST, 15) },
  "one day": { start: addDays(FIRST, 4), end: addDays(FIRST, 4) },
  "days before and after all data": { start: "2026-09-20" as Day, end: "2026-11-10" as Day },
  "days without data": { start: "2027-01-01" as Day, end: "2027-01-07" as Day },
  "days before the table's range": { start: "2025-01-05" as Day, end: "2025-01-06" as Day },
};

const OWN_QUESTION = `-- Endpoints of some clients.
-- title: Endpoints

SELECT templateUri AS uri, sum(requests) AS requests
FROM usage
WHERE granularity = :granularity AND service = :service AND "grouping" = :grouping AND date BETWEEN :from AND :to
GROUP BY templateUri
ORDER BY uri
`;

const isWithin = (day: Day, { start, end }: Span): boolean => day >= start && day <= end;

describe("Athena and DuckDB over the same files", async () => {
  const stack = await deploy(aws, "questions", "--parameter", `FirstDay=${addDays(FIRST, -20)}`);
  const folder = await makeOddLake(aws, stack.lakeBucket, FIRST, 20);
  await declareSourceTable(new Glue(clientOptions(aws)), stack, ["month"]);
  // The harness has two endpoints for AWS. The lake's own store reads S3.
  Object.assign(process.env, awsEnv(aws));
  const lake = await openLake(stack.lake, { env: process.env });
  const slices = await lake.list();
  const athena = await openAthena({
    env: process.env,
    workgroup: stack.workgroup,
    database: stack.database,
    slices,
  });
  const duckdb = await openDuckDb(folder);
  afterAll(async () => {
    await Promise.all([athena.close(), duckdb.close(), lake.close()]);
  });

  let scanned = 0;
  const run = async (engine: SqlEngine, sql: string) => {
    const result = await engine.query(sql);
    const rows = (await allRows(result)).map((row: SqlRow) => [...row]);
    scanned = result.stats().bytesScanned ?? 0;
    return { columns: result.columns.map(({ name, kind }) => ({ name, kind })), rows };
  };

  it("have the same slices", () => {
    expect(athena.slices.map(slicePath).sort()).toEqual(duckdb.slices.map(slicePath).sort());
    expect(athena.slices).toHaveLength(77);
  });

  it("find the same values for filters, and return the same rows for them", async () => {
    const window = { start: addDays(FIRST, 9), end: addDays(FIRST, 15) };
    const filters = {
      client: ["Plain", "client-2", 'quote " and COMMA,'],
      endpoint: ["{userId}", "get /api/v2/analytics"],
    };
    const source = choose(sourcesFor(get("hot-spots"), athena.slices), window);
    const found = [];
    for (const engine of [duckdb, athena]) {
      const where = rowsWhere({ ...source, start: addDays(window.start, -7), end: window.end });
      const part = { organization: undefined, engine, where, options: {}, what: "the rows" };
      found.push((await applyFilters(filters, [part]))[0]);
    }
    expect(found[0]?.filters).toHaveLength(5);
    expect(found[1]).toMatchObject({ filters: found[0]?.filters, conditions: found[0]?.conditions });
    for (const name of ["hot-spots", "change", "requests-by-day"]) {
      const sql = narrow(bind(get(name), { ...window, ...source }), found[0]?.conditions ?? []);
      const expected = await run(duckdb, sql);
      expect(expected.rows.length).toBeGreaterThan(0);
      expect(await run(athena, sql), sql).toEqual(expected);
    }
  });

  for (const question of list()) {
    it(`return the same rows for ${question.name}`, async () => {
      const sources = sourcesFor(question, athena.slices);
      let most = 0;
      let scannedMost = 0;
      for (const [what, window] of Object.entries(WINDOWS)) {
        const params = question.params.some((param) => param.name === "top") ? { top: 1000 } : {};
        const sql = bind(question, { ...window, ...choose(sources, daysRead(question, window)), params });
        const expected = await run(duckdb, sql);
        expect(await run(athena, sql), `${what}: ${sql}`).toEqual(expected);
        most = Math.max(most, expected.rows.length);
        // The size that --max-scan is compared with before the statement runs.
        const bound = slices
          .filter(({ key }) => key.granularity === "day" && isWithin(key.date, daysRead(question, window)))
          .reduce((sum, { object }) => sum + object.bytes, 0);
        expect(scanned).toBeLessThanOrEqual(bound);
        scannedMost = Math.max(scannedMost, scanned);
      }
      expect(most).toBeGreaterThan(0);
      expect(scannedMost).toBeGreaterThan(0);
    });
  }

  it("return the same by month", async () => {
    const window = { start: FIRST, end: "2026-10-31" as Day };
    for (const question of list().filter(({ needs }) => !needs.includes("user"))) {
      const [source] = sourcesFor(question, athena.slices, { granularity: "month" });
      const sql = bind(question, { ...(source as Source), ...window });
      const expected = await run(duckdb, sql);
      expect(await run(athena, sql), sql).toEqual(expected);
    }
  });

  it("return the same for every service and grouping", async () => {
    for (const source of sourcesFor(get("busy-clients"), duckdb.slices)) {
      const sql =
        `SELECT clientId AS a, clientName AS b, userId AS c, templateUri AS d, httpMethod AS e, status300 AS f, status429 AS g,` +
        ` requests AS h, date AS i, granularity AS j, service AS k, "grouping" AS l FROM usage WHERE granularity = 'day'` +
        ` AND service = '${source.service}' AND "grouping" = '${source.grouping}' AND date >= DATE '${FIRST}'` +
        ` ORDER BY i, a NULLS LAST, d NULLS LAST, c NULLS LAST, e NULLS LAST, b NULLS LAST`;
      const expected = await run(duckdb, sql);
      expect(expected.rows.length).toBeGreaterThan(10);
      expect(await run(athena, sql)).toEqual(expected);
    }
  });

  it("show the same daily", async () => {
    const sql =
      `SELECT date, clientId AS id, sum(requests) AS n FROM daily WHERE date BETWEEN DATE '${FIRST}' AND DATE '2026-10-31'` +
      ` GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST`;
    const expected = await run(duckdb, sql);
    expect(expected.rows.some((row) => typeof row[2] === "bigint")).toBe(true);
    expect(await run(athena, sql)).toEqual(expected);
  });

  it("return the same for the article's statement, with the crawler's columns", async () => {
    const article = (database: string): string =>
      `SELECT * FROM "${database}"."gc_usage_api_source" WHERE granularity='month' ORDER BY status429 DESC limit 10`;
    const theirs = await run(athena, article(stack.database));
    const ours = await run(duckdb, article("genesysclouddb"));
    const at = theirs.columns.map(({ name }) =>
      ours.columns.findIndex((column) => column.name.toLowerCase() === name),
    );
    expect(at).not.toContain(-1);
    expect(theirs.rows).toHaveLength(8);
    expect(theirs.rows).toEqual(ours.rows.map((row) => at.map((i) => row[i])));
  });

  it("read only the requested days in S3", async () => {
    const objectsOf = async (window: Span): Promise<{ read: number; listed: number }> => {
      const question = get("noisy-clients");
      const before = (await readCalls(aws.record)).length;
      const choice = choose(sourcesFor(question, athena.slices), window);
      await run(athena, bind(question, { ...window, ...choice }));
      const calls = (await readCalls(aws.record)).slice(before).filter((call) => call.method === "GET");
      const read = calls.filter(({ path }) => path.includes("/usage/granularity="));
      const listed = calls.filter(({ query }) => query.includes("list-type=2"));
      expect(read.every(({ path }) => path.includes("granularity=day"))).toBe(true);
      return { read: new Set(read.map(({ path }) => path)).size, listed: listed.length };
    };
    const three = await objectsOf({ start: addDays(FIRST, 9), end: addDays(FIRST, 11) });
    const all = await objectsOf({ start: addDays(FIRST, -5), end: addDays(FIRST, 19) });
    expect(three).toEqual({ read: 12, listed: 3 });
    expect(all).toEqual({ read: 76, listed: 25 });
    expect(await objectsOf({ start: "2025-01-01" as Day, end: "2025-12-31" as Day })).toEqual({
      read: 0,
      listed: 0,
    });
  });

  it("stop a statement that scanned more than the limit", async () => {
    const limited = await openAthena({
      env: process.env,
      workgroup: stack.workgroup,
      database: stack.database,
      maxScan: 1,
    });
    const sql =
      `SELECT count(*) FROM usage, UNNEST(sequence(1, 10000)) a(x), UNNEST(sequence(1, 10000)) b(y)` +
      ` WHERE date = DATE '${FIRST}' AND (requests + x * y) % 7 = 8`;
    const error: unknown = await limited.query(sql).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("The statement was stopped") as unknown,
    });
    await limited.close();
  });

  it("print the same in the built program with both engines", async () => {
    const asked = [
      "ask",
      "noisy-clients",
      "--stack",
      "questions",
      "--from",
      "2026-10-02",
      "--to",
      "2026-10-18",
    ];
    const csv = [...asked, "--output", "csv", "--allow-partial"];
    const theirs = await gcUsage(aws, [...csv, "--engine", "athena", "--max-scan", "1MB"]);
    expect(theirs.exitCode).toBe(0);
    expect(theirs.stderr).toContain("Missing: 2026-10-08.");
    expect(theirs.stderr).toMatch(/Scanned \d+\.?\d* kB in \d+\.\d s, about \$0\.000050\./);
    const ours = await gcUsage(aws, csv);
    expect(ours.exitCode).toBe(0);
    expect(theirs.stdout).toBe(ours.stdout);
    const question = join(await workFolder(), "endpoints.sql");
    await writeFile(question, OWN_QUESTION);
    const own = [
      "ask",
      "endpoints",
      "--questions",
      dirname(question),
      "--client",
      "client-2",
      ...csv.slice(2),
    ];
    const narrowed = await gcUsage(aws, [...own, "--engine", "athena"]);
    expect(narrowed).toMatchObject({ exitCode: 0 });
    expect(narrowed.stderr).toContain(", only client Line break and tab (client-2)");
    expect(narrowed.stderr).toMatch(/^To find the values of the filters: Scanned .*\nScanned /m);
    expect(narrowed.stdout.split("\r\n").length).toBeGreaterThan(3);
    expect(narrowed.stdout).toBe((await gcUsage(aws, own)).stdout);
    const sql = [
      "sql",
      "SELECT 1 FROM daily",
      "--client",
      "client-2",
      "--stack",
      "questions",
      "--engine",
      "athena",
    ];
    const billed = await gcUsage(aws, sql);
    expect(billed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(billed.stderr).toContain("--client cannot narrow a statement on Athena");
    const facts = async (engine: string): Promise<object> => {
      const { stdout } = await gcUsage(aws, [...asked, "--allow-partial", "--json", "--engine", engine]);
      const {
        answeredAt: _at,
        engine: _engine,
        rows: _rows,
        ...rest
      } = JSON.parse(stdout) as Record<string, unknown>;
      return rest;
    };
    const [athenas, duckdbs] = [await facts("athena"), await facts("duckdb")];
    expect(athenas).toMatchObject({
      service: "jobs",
      coverage: { complete: false, days: 17, missing: [{ from: "2026-10-08", to: "2026-10-08" }] },
      fetchedAt: { oldest: expect.any(String) as string },
    });
    expect(Object.keys(athenas)).toEqual(Object.keys(duckdbs));
    expect(theirs.stdout).toContain('"Quote "" and comma,"');
    const refused = await gcUsage(aws, [...csv, "--engine", "athena", "--max-scan", "10kB"]);
    expect(refused.exitCode).toBe(8);
    expect(refused.stderr).toMatch(/The statement may read \d+\.?\d* kB, more than --max-scan 10 kB\./);
  });

  it("treat days that the stack's table does not cover as missing", async () => {
    const asked = [
      "ask",
      "requests-by-day",
      "--stack",
      "questions",
      "--from",
      "2026-10-02",
      "--to",
      "2026-10-12",
      "--json",
      "--allow-partial",
    ];
    await deploy(aws, "questions", "--parameter", "FirstDay=2026-10-10");
    const theirs = await gcUsage(aws, [...asked, "--engine", "athena"]);
    expect(theirs.stderr).toContain("Athena does not see slices before 2026-10-10");
    expect(theirs.stderr).toContain(
      "has 3 of these 11 days (jobs, client-uri-method). Missing: 2026-10-02 to 2026-10-09.",
    );
    expect(theirs.stdout).toContain('"day":"2026-10-10"');
    expect(theirs.stdout).not.toContain('"day":"2026-10-09"');
    expect((await gcUsage(aws, asked)).stderr).toMatch(/has \d+ of these 11 days .*Missing: 2026-10-08\./);
  });
});
