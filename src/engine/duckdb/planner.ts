import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { z } from "zod";
import { duckdb } from "../../lake/duckdb.ts";
import { sqlString } from "../../support/quote.ts";
import type { TableName } from "../tables.ts";
import { catalogStatements, USE } from "./catalog.ts";
import { prepare } from "./run.ts";
import { allowedFolders, viewOf } from "./views.ts";
import { start } from "./workspace.ts";

/** A file of a table, with what its path says. */
export interface TableFile {
  /** Below the lake, with `/` between the parts. */
  readonly path: string;
  readonly granularity: string;
  /** Undefined for raw rows. */
  readonly date?: string | undefined;
}

/**
 * Lets DuckDB say which files a statement would read, before any is copied. It is a DuckDB of its own, over the lake's own
 * files, and it only ever explains: it runs nothing of the statement.
 */
export class Planner {
  readonly #instance: DuckDBInstance;
  readonly #root: string;
  readonly #template: string;

  private constructor(instance: DuckDBInstance, root: string, template: string) {
    this.#instance = instance;
    this.#root = root;
    this.#template = template;
  }

  /**
   * @param root the lake's folder, absolute, with `/` between the parts.
   * @param templateFolder where a slice stands that has every column and no rows (TEMPLATE).
   */
  static async open(root: string, templateFolder: string): Promise<Planner> {
    const instance = await start({ threads: "1", memory_limit: "256MB", temp_directory: "" });
    const connection = await instance.connect();
    const statements = [
      ...catalogStatements(),
      // These read statistics of files in the place of rows, or read a table twice.
      "SET disabled_optimizers = 'statistics_propagation,late_materialization,common_subplan,join_elimination'",
      `SET allowed_directories = ${allowedFolders([root, templateFolder])}`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ];
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
    return new Planner(instance, root, `${templateFolder}/${TEMPLATE.path}`);
  }

  /**
   * The files of a table that a statement reads.
   *
   * @param sql a statement that has passed the guard, and names no other table of files.
   * @param references how often it names the table.
   * @param evaluator a connection without access to the lake, on which DuckDB's own conditions are evaluated.
   * @returns undefined where DuckDB's plan does not say: then it may read any.
   */
  async filesRead(
    sql: string,
    table: TableName,
    references: number,
    files: readonly TableFile[],
    evaluator: DuckDBConnection,
  ): Promise<readonly TableFile[] | undefined> {
    const connection = await this.#instance.connect();
    try {
      await connection.run(USE);
      const isSlices = table !== "gc_usage_api_source";
      const all = isSlices ? [TEMPLATE, ...files] : files;
      const places = files.map(({ path }) => `${this.#root}/${path}`);
      await connection.run(viewOf(table, isSlices ? [this.#template, ...places] : places, "byFirst"));
      const scans = await this.#scans(connection, sql);
      if (scans.length < references) return undefined;
      const read = new Set<number>();
      for (const scan of scans) {
        const some = await filesOf(evaluator, scan, all);
        if (!some) return undefined;
        for (const i of some) read.add(i);
      }
      return all.filter((file, i) => file !== TEMPLATE && read.has(i));
    } catch {
      // A plan that fails here fails again where the statement is run, and there the error is told.
      return undefined;
    } finally {
      connection.closeSync();
    }
  }

  async #scans(connection: DuckDBConnection, sql: string): Promise<Scan[]> {
    const prepared = await prepare(connection, `EXPLAIN (FORMAT json) ${sql}`, duckdb.StatementType.EXPLAIN);
    const rows = await (await prepared.run()).getRows();
    const left = z.array(PLAN).parse(JSON.parse(String(rows[0]?.[1])));
    const scans: Scan[] = [];
    for (let node = left.pop(); node; node = left.pop()) {
      if (node.extra_info.Function?.startsWith("READ_")) scans.push(node.extra_info);
      left.push(...z.array(PLAN).parse(node.children));
    }
    return scans;
  }

  close(): void {
    this.#instance.closeSync();
  }
}

/** The places in `files` that a scan reads, by the very conditions that DuckDB has told for it. */
async function filesOf(
  evaluator: DuckDBConnection,
  scan: Scan,
  files: readonly TableFile[],
): Promise<number[] | undefined> {
  const filters = scan["File Filters"];
  const [, kept, all] = /^(\d+)\/(\d+)$/.exec(scan["Scanning Files"] ?? "") ?? [];
  if (filters === undefined || Number(all) !== files.length) return undefined;
  const rows = files.map(
    ({ granularity, date }, i) =>
      `(${i}, ${sqlString(granularity)}, ${date === undefined ? "NULL" : `DATE ${sqlString(date)}`})`,
  );
  const prepared = await prepare(
    evaluator,
    `SELECT i FROM (VALUES ${rows.join(", ")}) AS files(i, granularity, date) WHERE (${[filters].flat().join(") AND (")})`,
    duckdb.StatementType.SELECT,
  );
  const read = (await (await prepared.run()).getRows()).map(([i]) => Number(i));
  return read.length === Number(kept) ? read : undefined;
}

/** A slice with every column and no rows, of a day that no slice is of. */
export const TEMPLATE: TableFile = {
  path: "usage/granularity=day/date=0001-01-01/template.parquet",
  granularity: "day",
  date: "0001-01-01",
};

const SCAN = z.object({
  Function: z.string().optional(),
  "File Filters": z.union([z.string(), z.array(z.string())]).optional(),
  "Scanning Files": z.string().optional(),
});
type Scan = z.infer<typeof SCAN>;

const PLAN = z.object({ extra_info: SCAN, children: z.array(z.unknown()) });
