import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openAthena } from "../../src/engine/athena/athena.ts";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type SqlEngine } from "../../src/engine/engine.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { deploy } from "./cli.ts";
import { awsEnv } from "./harness/env.ts";
import { makeOddLake } from "./questions-lake.ts";

const aws = inject("aws");
const FIRST = "2025-10-01" as Day;

interface Dashboard {
  panels: { id: number; title: string; targets: { format: number; rawSQL: string }[] }[];
}

/** What Grafana's Athena data source makes of a query. */
const expanded = (sql: string, from: Day, to: Day): string =>
  sql.replaceAll(/\$__dateFilter\(([\w.]+)\)/g, `$1 BETWEEN date '${from}' AND date '${to}'`);

describe("the Grafana dashboard over Athena", async () => {
  const file = new URL("../../infra/monitoring/athena-dashboard.json", import.meta.url);
  const { panels } = JSON.parse(await readFile(file, "utf8")) as Dashboard;
  const stack = await deploy(aws, "dashboard");
  const folder = await makeOddLake(aws, stack.lakeBucket, FIRST, 20);
  Object.assign(process.env, awsEnv(aws));
  const athena = await openAthena({ env: process.env, workgroup: stack.workgroup, database: stack.database });
  const duckdb = await openDuckDb(folder);
  afterAll(() => Promise.all([athena.close(), duckdb.close()]));

  const sqlOf = (title: string): string => {
    const sql = panels.find((panel) => panel.title === title)?.targets[0]?.rawSQL ?? "";
    return expanded(sql, addDays(FIRST, 1), addDays(FIRST, 18));
  };
  const run = async (engine: SqlEngine, sql: string) => {
    const result = await engine.query(sql);
    return {
      columns: result.columns.map(({ name }) => name),
      rows: (await allRows(result)).map((row) => [...row]),
    };
  };

  it("has queries without other macros, and series with a time", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets } of panels) {
      expect(targets).toHaveLength(1);
      expect(sqlOf(title)).not.toContain("$");
      if (targets[0]?.format === 0)
        expect(sqlOf(title)).toMatch(/^SELECT CAST\(u\.date AS timestamp\) AS time/);
    }
  });

  it.each([
    ["Requests by client", ["time", "client", "requests"]],
    ["Rate limited requests (429) by client", ["time", "client", "status429"]],
    ["Failing endpoints", ["method", "endpoint", "failed", "status429", "requests", "failed_pct"]],
  ])("returns the same rows with Athena and DuckDB: %s", async (title, columns) => {
    const sql = sqlOf(title);
    const expected = await run(duckdb, sql);
    expect(expected.columns).toEqual(columns);
    expect(expected.rows.length).toBeGreaterThan(2);
    expect(await run(athena, sql)).toEqual(expected);
  });

  it("lists the days without rows: those that are missing, and those without requests", async () => {
    const { rows } = await run(athena, sqlOf("Missing days"));
    expect(rows).toEqual([[addDays(FIRST, 3)], [addDays(FIRST, 7)]]);
  });
});
