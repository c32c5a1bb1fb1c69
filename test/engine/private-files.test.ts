import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { readingStatement } from "../../src/engine/duckdb/guard.ts";
import { openPrivateDuckDb } from "../../src/engine/duckdb/private-duckdb.ts";
import { Tables } from "../../src/engine/duckdb/tables.ts";
import { allRows } from "../../src/engine/engine.ts";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { sqlString } from "../../src/support/quote.ts";
import { addDays, parseDay } from "../../src/usage/day.ts";
import { SOURCE_FOLDER, slicePath } from "../../src/usage/slice.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { addSource, makeLake, slice, sliceKey } from "../helpers/lakes.ts";
import { size } from "../reliability/size.ts";

/** The tables as the engine opens them, with their DuckDB. */
async function openTables(folder: string) {
  const store = new FolderStore(folder);
  const duckdb = await openPrivateDuckDb();
  const tables = await Tables.open(duckdb, [
    {
      organization: undefined,
      root: folder,
      slices: await new Lake(store).list(),
      isElsewhere: false,
      readSources: () => store.list(SOURCE_FOLDER),
      fetch: () => Promise.resolve(),
      readSlices: () => Promise.reject(new Error("no statement names the table slices")),
    },
  ]);
  return { duckdb, tables };
}

/** Every file in a folder, with its content and the attributes that a write would change. */
function contents(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const { size, ctimeNs } = statSync(file, { bigint: true });
      return [file, size, ctimeNs, entry.isFile() ? readFileSync(file, "base64") : ""].join(" ");
    })
    .join("\n");
}

describe("without the guard", () => {
  test("DuckDB cannot change files of the lake or access others, whatever it runs", async () => {
    const lake = await makeLake([slice("2026-11-01", [{ clientId: "a", requests: 1 }])]);
    addSource(lake, "month", "one", '{"clientId":"a"}\n');
    const outside = await workFolder();
    writeFileSync(join(outside, "secret.csv"), "a\nnot-for-sql\n");
    let calls = 0;
    const server = createServer((_request, response) => {
      calls++;
      response.end("a,b\n1,2\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    const { duckdb, tables } = await openTables(lake);
    const connection = await duckdb.instance.connect();
    await connection.run("USE awsdatacatalog.genesysclouddb");
    for (const table of ["usage", "gc_usage_api_source"]) {
      await tables.provide("", await readingStatement(connection, `SELECT * FROM ${table}`), undefined);
    }
    const before = contents(lake) + contents(outside);
    const file = join(lake, slicePath(sliceKey("2026-11-01")));
    const [copy = ""] = tables.copied.map(({ copy }) => copy);
    const places = [
      file,
      join(lake, "usage", "new.parquet"),
      join(lake, ".staging", "new"),
      join(outside, "new.csv"),
      // It may write to its own copy, but that must not change the lake.
      copy,
      `${dirname(copy)}/../../../../../../${file}`,
      `file://${file}`,
    ];
    const statements = [
      ...places.flatMap((place) => [
        `COPY (SELECT 666 AS requests) TO ${sqlString(place)}`,
        `COPY (SELECT 666 AS requests) TO ${sqlString(place)} (FORMAT parquet, USE_TMP_FILE false)`,
        `COPY (SELECT 666 AS requests) TO ${sqlString(place)} (FORMAT csv, USE_TMP_FILE false, OVERWRITE_OR_IGNORE)`,
        `COPY (SELECT 666 AS requests) TO ${sqlString(place)} (FORMAT parquet, PER_THREAD_OUTPUT)`,
        `COPY (SELECT 666 AS a, 1 AS b) TO ${sqlString(dirname(place))} (FORMAT parquet, PARTITION_BY b, OVERWRITE)`,
        `EXPLAIN ANALYZE COPY (SELECT 666 AS requests) TO ${sqlString(place)} (USE_TMP_FILE false)`,
        `EXPORT DATABASE ${sqlString(place)}`,
        `ATTACH ${sqlString(place)}`,
        `ATTACH ${sqlString(place)} AS y (READ_ONLY)`,
        `SET temp_directory = ${sqlString(place)}`,
        `SET profiling_output = ${sqlString(place)}`,
        `PRAGMA enable_profiling = 'json'`,
        `SET log_query_path = ${sqlString(place)}`,
        `SET allowed_directories = [${sqlString(lake)}]`,
        `SET allowed_paths = [${sqlString(place)}]`,
      ]),
      "SET enable_external_access = true",
      "RESET enable_external_access",
      "SET lock_configuration = false",
      "SET disabled_filesystems = ''",
      "INSTALL httpfs",
      "LOAD httpfs",
      `SELECT * FROM read_csv(${sqlString(join(outside, "secret.csv"))})`,
      `SELECT * FROM read_text('/etc/passwd')`,
      `SELECT * FROM glob(${sqlString(`${lake}/**`)})`,
      `SELECT * FROM read_csv(${sqlString(url)})`,
      `COPY (SELECT 1) TO ${sqlString(url)}`,
      "VACUUM",
      "CHECKPOINT",
    ];
    const read: unknown[] = [];
    for (const statement of statements) {
      const rows = await connection.runAndReadAll(statement).then(
        (reader) => reader.getRows(),
        () => [],
      );
      if (statement.startsWith("SELECT")) read.push(...rows.flat());
      expect(contents(lake) + contents(outside), statement).toBe(before);
    }
    expect(read).toEqual([]);
    expect(calls).toBe(0);
    connection.closeSync();
    await tables.close();
    server.close();
    expect(existsSync(duckdb.folder)).toBe(false);
  });

  test("only this user can access its temporary folder, which is deleted on close", async () => {
    const { duckdb, tables } = await openTables(await makeLake([]));
    expect(statSync(duckdb.folder).mode & 0o777).toBe(0o700);
    await tables.close();
    expect(existsSync(duckdb.folder)).toBe(false);
  });
});

describe("only slices are read,", () => {
  test("whatever files are next to them", async () => {
    const lake = await makeLake([
      slice("2026-11-01", [{ clientId: "a", requests: 1 }]),
      slice("2026-11-01", [{ clientId: "a", requests: 2 }], { granularity: "month" }),
    ]);
    addSource(lake, "month", "one", '{"clientId":"a"}\n');
    const file = join(lake, slicePath(sliceKey("2026-11-01")));
    const folder = dirname(file);
    for (const name of [
      "jobs.client-uri-method-DESKTOP-1A2B.parquet",
      "jobs.client-uri-method (1).parquet",
      "jobs.client-uri-method.sync-conflict-20261101-120000-ABCDEFG.parquet",
      "jobs.client-uri-method.parquet.bak",
      "jobs.method-client.parquet",
      "jobs..parquet",
      "legacy.nothing.parquet",
      ".jobs.client-uri-method.parquet",
      "_jobs.client-uri-method.parquet",
      "more/jobs.client-uri-method.parquet",
      "../date=2026-13-01/jobs.client-uri-method.parquet",
      "../date=2026-11-02 (1)/jobs.client-uri-method.parquet",
      "../../granularity=Day/date=2026-11-01/jobs.client-uri-method.parquet",
      "../../granularity=month/date=2026-11-02/jobs.client-uri-method.parquet",
      "../../../gc_usage_api_source/granularity=month/one.json.bak",
      "../../../gc_usage_api_source/granularity=month/more/one.json",
      "../../../gc_usage_api_source/one.json",
    ]) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      if (name.includes("json")) writeFileSync(join(folder, name), '{"clientId":"stray"}\n');
      else cpSync(file, join(folder, name));
    }
    const ask = async (statement: string): Promise<unknown> => {
      const { stdout, stderr } = await gcUsage(["sql", statement, "--lake", lake, "--output", "ndjson"]);
      const lines = stdout.split("\n").filter(Boolean);
      return lines.length === 0 ? stderr : lines.map((line): unknown => JSON.parse(line));
    };
    expect(await ask("SELECT sum(requests) AS n FROM daily")).toEqual([{ n: 1 }]);
    expect(await ask("SELECT granularity, requests AS n FROM usage ORDER BY 1")).toEqual([
      { granularity: "day", n: 1 },
      { granularity: "month", n: 2 },
    ]);
    expect(await ask("SELECT clientId AS c FROM gc_usage_api_source")).toEqual([{ c: "a" }]);
  });
});

describe("slices of every version are read together", () => {
  const columnsOf = async (lake: string, select: string, day: string): Promise<void> => {
    const file = join(lake, slicePath(sliceKey(day)));
    mkdirSync(dirname(file), { recursive: true });
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(`COPY (${select}) TO ${sqlString(file)} (FORMAT parquet)`);
    connection.closeSync();
  };

  test("a missing column is NULL, and columns of later versions are omitted", async () => {
    const lake = await makeLake([slice("2026-11-02", [{ clientId: "b", requests: 2, extra: "{}" }])]);
    const key = `'jobs' AS service, 'client-uri-method' AS "grouping"`;
    // The first slice by name does not have it, and DuckDB would use its columns for all.
    await columnsOf(lake, `SELECT ${key}, 'a' AS "clientId", 1::BIGINT AS requests`, "2026-11-01");
    await columnsOf(
      lake,
      `SELECT 7 AS status418, ${key}, 'c' AS "clientId", 3::BIGINT AS requests, 'EU' AS region`,
      "2026-11-03",
    );
    const engine = await openDuckDb(lake);
    const sql = "SELECT date, clientId, requests, extra, status200 FROM usage ORDER BY date";
    expect(await allRows(await engine.query(sql))).toEqual([
      ["2026-11-01", "a", 1, null, null],
      ["2026-11-02", "b", 2, "{}", null],
      ["2026-11-03", "c", 3, null, null],
    ]);
    const names = (await allRows(await engine.query("DESCRIBE usage"))).map(([name]) => name);
    expect(names).not.toContain("status418");
    const only = await openDuckDb(await makeLake([]));
    expect((await allRows(await only.query("DESCRIBE usage"))).map(([name]) => name)).toEqual(names);
    for (const opened of [engine, only]) await opened.close();
  });

  test("a column that all slices miss still exists, and counts of another type are read correctly", async () => {
    const lake = await makeLake([]);
    const key = `'jobs' AS service, 'client-uri-method' AS "grouping"`;
    await columnsOf(lake, `SELECT ${key}, 'a' AS "clientId", 5::INTEGER AS requests`, "2026-11-01");
    await columnsOf(lake, `SELECT ${key}, 'a' AS "clientId", 6::HUGEINT AS requests`, "2026-11-02");
    await columnsOf(lake, `SELECT ${key}, 'a' AS "clientId", 7::DECIMAL(20,0) AS requests`, "2026-11-03");
    const engine = await openDuckDb(lake);
    const sql = "SELECT sum(requests), max(requests), count(platform), count(status429) FROM daily";
    expect(await allRows(await engine.query(sql))).toEqual([[18, 7, 0, 0]]);
    await engine.close();
  });
});

describe("a lake of many days", () => {
  const FIRST = parseDay("2026-01-01", "");
  const days = Array.from({ length: 45 }, (_, i) => addDays(FIRST, i));

  const make = async (): Promise<string> => {
    const lake = await makeLake([slice(FIRST, [{ clientId: "x", requests: 1 }])]);
    // Each day's slice is a copy with one row; the days differ only by their paths.
    for (const day of days.slice(1)) {
      for (const key of [slice(day, []), slice(day, [], { service: "legacy", grouping: "client" })]) {
        const file = join(lake, slicePath(key));
        mkdirSync(dirname(file), { recursive: true });
        cpSync(join(lake, slicePath(sliceKey(FIRST))), file);
      }
    }
    return lake;
  };

  test("returns the same results as reading all files, but reads only those of a statement's dates", async () => {
    const lake = await make();
    const all = await DuckDBInstance.create(":memory:");
    const direct = await all.connect();
    await direct.run(`CREATE VIEW usage AS SELECT * FROM read_parquet(${sqlString(`${lake}/usage/*/*/*.parquet`)},
      hive_partitioning = true, hive_types = {granularity: varchar, date: date})`);
    await direct.run(`CREATE VIEW daily AS SELECT * FROM read_parquet(${sqlString(`${lake}/usage/granularity=day/*/jobs.client-uri-method.parquet`)},
      hive_partitioning = true, hive_types = {granularity: varchar, date: date})`);
    const day = fc.integer({ min: -5, max: 50 }).map((i) => `DATE '${addDays(FIRST, i)}'`);
    const condition = fc.oneof(
      fc.tuple(day, day).map(([a, b]) => `date BETWEEN ${a} AND ${b}`),
      day.map((a) => `date >= ${a}`),
      day.map((a) => `NOT (date > ${a})`),
      fc.array(day, { minLength: 1, maxLength: 3 }).map((some) => `date IN (${some.join(", ")})`),
      day.map((a) => `date <> ${a} AND granularity = 'day'`),
      fc.tuple(day, day).map(([a, b]) => `(date = ${a} OR date + 3 = ${b} OR granularity = 'week')`),
      fc.integer({ min: 1, max: 5 }).map((month) => `date_trunc('month', date) = DATE '2026-0${month}-01'`),
      fc.integer({ min: 1, max: 5 }).map((month) => `extract(month FROM date) = ${month}`),
      day.map((a) => `date = (SELECT max(date) FROM T WHERE date < ${a})`),
      day.map((a) => `EXISTS (SELECT 1 FROM T b WHERE b.date = T.date AND b.date > ${a})`),
      fc.constantFrom("granularity = 'month'", "granularity IN ('day', 'week')", "date IS NULL", "true"),
    );
    const statement = fc
      .tuple(
        fc.constantFrom("usage", "daily"),
        fc.array(condition, { minLength: 1, maxLength: 2 }),
        fc.constantFrom(
          "SELECT count(*), min(date), max(date) FROM T WHERE C",
          "SELECT date, sum(requests) FROM T WHERE C GROUP BY date ORDER BY date LIMIT 7",
          "WITH w AS (SELECT * FROM T WHERE C) SELECT count(*) FROM w UNION ALL SELECT count(*) FROM w",
          "SELECT (SELECT count(*) FROM T), count(*) FROM T WHERE C",
          "SELECT count(*) FROM T LEFT JOIN (SELECT date AS d FROM T WHERE date < DATE '2026-01-20') o ON T.date = o.d WHERE C",
          "SELECT count(*) FROM usage LEFT JOIN daily d USING (date) WHERE usage.date < DATE '2026-01-09'",
          "SELECT count(*) FROM (SELECT DISTINCT date FROM T) T WHERE date > DATE '2026-02-03'",
          "SELECT date, rank() OVER (ORDER BY date) AS r FROM T WHERE C QUALIFY r < 4 ORDER BY ALL",
        ),
      )
      .map(([table, conditions, sql]) =>
        sql.replaceAll(/\bC\b/g, conditions.join(" AND ")).replaceAll(/\bT\b/g, table),
      );
    await fc.assert(
      fc.asyncProperty(statement, async (sql) => {
        const engine = await openDuckDb(lake);
        const expected = (await direct.runAndReadAll(sql)).getRows().map((row) => row.map(String));
        const rows = (await allRows(await engine.query(sql))).map((row) => row.map(String));
        expect(rows).toEqual(expected);
        await engine.close();
      }),
      { numRuns: size({ least: 8, short: 30, full: 30 }) },
    );
    direct.closeSync();

    const { duckdb, tables } = await openTables(lake);
    const connection = await duckdb.instance.connect();
    const copiedFor = async (sql: string): Promise<number> => {
      const before = tables.copied.length;
      await tables.provide(sql, await readingStatement(connection, sql), undefined);
      return tables.copied.length - before;
    };
    expect(await copiedFor("SELECT 1")).toBe(0);
    expect(await copiedFor("DESCRIBE usage")).toBe(0);
    expect(await copiedFor("SELECT * FROM daily WHERE date = DATE '2026-01-05'")).toBe(1);
    expect(await copiedFor("SELECT * FROM daily WHERE date < DATE '2026-01-06'")).toBe(4);
    expect(await copiedFor("SELECT * FROM usage WHERE date = DATE '2026-01-05'")).toBe(1);
    expect(await copiedFor("SELECT count(*) FROM daily")).toBe(40);
    expect(await copiedFor("SELECT count(*) FROM usage")).toBe(43);
    connection.closeSync();
    await tables.close();
  });
});

describe("a lake with problems", () => {
  const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const canBeNobody = process.getuid?.() === 0 && existsSync("/usr/bin/setpriv");

  test("a file instead of a day's folder is not a slice", async () => {
    const lake = await makeLake([slice("2026-11-01", [{ requests: 1 }])]);
    writeFileSync(join(lake, "usage", "granularity=day", "date=2026-11-02"), "");
    const engine = await openDuckDb(lake);
    expect(await allRows(await engine.query("SELECT count(*) FROM usage"))).toEqual([[1]]);
    await engine.close();
  });

  test("a slice that is removed while it is read causes a retryable error", async () => {
    const lake = await makeLake([
      slice("2026-11-01", [{ requests: 1 }]),
      slice("2026-11-02", [{ requests: 1 }]),
    ]);
    const engine = await openDuckDb(lake);
    rmSync(join(lake, slicePath(sliceKey("2026-11-02"))));
    await expect(engine.query("SELECT count(*) FROM usage")).rejects.toMatchObject({
      kind: "lake",
      retryable: true,
      message: expect.stringContaining(
        "date=2026-11-02/jobs.client-uri-method.parquet was removed",
      ) as string,
    });
    await engine.close();
  });

  test.skipIf(!canBeNobody)("a slice without permission is not reported as damaged", async () => {
    const lake = await makeLake([
      slice("2026-11-01", [{ requests: 1 }]),
      slice("2026-11-02", [{ requests: 1 }]),
    ]);
    const file = join(lake, slicePath(sliceKey("2026-11-01")));
    for (const entry of readdirSync(lake, { recursive: true, withFileTypes: true })) {
      chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
    }
    chmodSync(lake, 0o755);
    chmodSync(file, 0o000);
    const home = await workFolder();
    chmodSync(home, 0o777);
    const { execa } = await import("execa");
    const { BIN } = await import("../helpers/bin.ts");
    const args = [...NOBODY, process.execPath, BIN, "sql", "SELECT count(*) FROM usage", "--lake", lake];
    const [command = "", ...rest] = args;
    const { stderr, stdout, exitCode } = await execa(command, rest, {
      reject: false,
      extendEnv: false,
      env: { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home },
    });
    expect(stderr).toContain(`Cannot read ${file}: EACCES: permission denied`);
    expect(stderr).toContain("chmod");
    expect(stderr).not.toMatch(/damaged|[Rr]emove/);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 9 });
  });
});

describe("the temporary folder", () => {
  const SLOW = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE a.range + b.range = 7";
  const own = `gc-usage-${process.getuid?.()}`;

  test("is cleaned of the files of killed processes, but not of running ones", async () => {
    const [lake, temporary] = [await makeLake([slice("2026-11-01", [{ requests: 1 }])]), await workFolder()];
    const env = { TMPDIR: temporary };
    const folders = (): string[] => {
      const folder = join(temporary, own);
      return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("spill.")) : [];
    };
    const slow = `${SLOW} AND a.range > (SELECT count(*) FROM usage)`;
    const killed = start(["sql", slow, "--lake", lake], { env });
    await vi.waitFor(() => expect(folders()).toHaveLength(1), { timeout: 60_000 });
    const [left = ""] = folders();
    expect(statSync(join(temporary, own, left)).mode & 0o777).toBe(0o700);
    const alive = start(["sql", slow, "--lake", lake], { env });
    await vi.waitFor(() => expect(folders()).toHaveLength(2), { timeout: 60_000 });
    killed.kill("SIGKILL");
    await killed;
    expect((await gcUsage(["sql", "SELECT 1", "--lake", lake], { env })).exitCode).toBe(0);
    expect(folders()).toHaveLength(1);
    expect(folders()).not.toContain(left);
    alive.kill("SIGINT");
    const ended = await alive;
    expect(ended.exitCode, ended.stderr).toBe(130);
    expect(readdirSync(temporary, { recursive: true })).toEqual([]);
  });

  test.skipIf(process.getuid === undefined)("is not a folder that others can write to", async () => {
    const [lake, temporary] = [await makeLake([slice("2026-11-01", [{ requests: 1 }])]), await workFolder()];
    const trap = join(temporary, own);
    mkdirSync(trap);
    chmodSync(trap, 0o777);
    const before = contents(temporary);
    const statement = ["sql", "SELECT count(*) FROM usage", "--lake", lake];
    expect((await gcUsage(statement, { env: { TMPDIR: temporary } })).exitCode).toBe(0);
    expect(contents(temporary)).toBe(before);
  });

  test("is reported if it cannot be written", async () => {
    const lake = await makeLake([]);
    const { exitCode, stderr } = await gcUsage(["sql", "SELECT 1", "--lake", lake], {
      env: { TMPDIR: join(lake, "nowhere") },
    });
    expect(stderr).toContain(`Cannot write to the temporary folder ${join(lake, "nowhere")} (ENOENT).`);
    expect(exitCode).toBe(2);
  });
});

test("has a limit for a statement's temporary data, which the message contains", async () => {
  const lake = await makeLake([]);
  const engine = await openDuckDb(lake, { memoryLimit: 100e6, spillLimit: 1e6 });
  const statement = "SELECT repeat('x', 500) || range AS t FROM range(400000) ORDER BY t";
  const failed = await engine
    .query(statement)
    .then(allRows)
    .catch((error: unknown) => error);
  expect(failed).toMatchObject({
    kind: "sql",
    message: expect.stringContaining("The statement needs more memory than its limit: ") as string,
    hint: expect.stringContaining("GC_USAGE_SPILL_LIMIT") as string,
  });
  await engine.close();
});
