import { rm } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { sqlName, sqlString } from "../../support/quote.ts";
import { type SliceKey, slicesPattern } from "../../usage/slice.ts";
import { type TableColumn, USAGE_COLUMNS, USAGE_PARTITIONS } from "../tables.ts";
import { escapeGlob, hive } from "./views.ts";

/** A lake whose series become views. */
export interface ViewedLake {
  /** The schema of its views; undefined for a single lake. */
  readonly organization: string | undefined;
  /** Absolute, separated by `/`. */
  readonly root: string;
  readonly series: readonly Omit<SliceKey, "date">[];
}

/**
 * Makes a DuckDB file with a view for each series, for programs that read DuckDB files. The views read the slices where they are, so
 * they also show slices that are stored later.
 *
 * @param file may exist, and is replaced.
 * @returns the names of the views.
 */
export async function writeViews(file: string, lakes: readonly ViewedLake[]): Promise<string[]> {
  // DuckDB does not open an empty file.
  await rm(file, { force: true });
  const instance = await duckdb.DuckDBInstance.create(file);
  try {
    const connection = await instance.connect();
    const names = new Set<string>();
    for (const { organization, root, series } of lakes) {
      if (organization !== undefined) await connection.run(`CREATE SCHEMA ${sqlName(organization)}`);
      for (const one of series) {
        const parts = [...(organization === undefined ? [] : [organization]), viewName(one)];
        const name = parts.join(".");
        // Weeks that begin on different weekdays are in the same files.
        if (names.has(name)) continue;
        await createView(
          connection,
          parts.map(sqlName).join("."),
          `${escapeGlob(root)}/${slicesPattern(one)}`,
        );
        names.add(name);
      }
    }
    await connection.run("CHECKPOINT");
    connection.closeSync();
    return [...names];
  } finally {
    instance.closeSync();
  }
}

/** `jobs_client_uri_method_day` */
function viewName({ service, grouping, granularity }: Omit<SliceKey, "date">): string {
  return `${service}_${grouping.replaceAll("-", "_")}_${granularity}`;
}

async function createView(connection: DuckDBConnection, name: string, pattern: string): Promise<void> {
  const from = `read_parquet(${sqlString(pattern)}, union_by_name = true, ${hive(USAGE_PARTITIONS)})`;
  const described = await connection.runAndReadAll(
    `SELECT column_name FROM (DESCRIBE SELECT * FROM ${from})`,
  );
  const there = new Set(described.getRows().map(([column]) => String(column)));
  // Slices of earlier versions do not have every column.
  const columns = [...USAGE_PARTITIONS, ...USAGE_COLUMNS].map(
    ([column, type]: TableColumn) =>
      `CAST(${there.has(column) ? sqlName(column) : "NULL"} AS ${type}) AS ${sqlName(column)}`,
  );
  await connection.run(`CREATE VIEW ${name} AS SELECT ${columns.join(", ")} FROM ${from}`);
}
