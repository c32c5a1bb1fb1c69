import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import * as z from "zod";
import { duckdb } from "../../lake/duckdb-client.ts";
import { sqlString } from "../../support/quote.ts";
import type { TableName } from "../tables.ts";
import { catalogStatements, USE } from "./catalog.ts";
import { startDuckDb } from "./private-duckdb.ts";
import { prepare } from "./run.ts";
import { allowedFolders, viewOf } from "./views.ts";

/** A file of a table, with the values from its path. */
export interface TableFile {
  /** Relative to the lake or, for several lakes, starting with `organization=NAME/`; separated by `/`. */
  readonly path: string;
  /** Undefined for a single lake. */
  readonly organization?: string | undefined;
  readonly granularity: string;
  /** Undefined for raw rows. */
  readonly date?: string | undefined;
}

/**
 * Asks DuckDB which files a statement would read, before any is copied. This is a separate DuckDB over the lake's own
 * files. It only explains statements and never runs them.
 */
export class Planner {
  readonly #instance: DuckDBInstance;
  readonly #options: PlannerOptions;

  private constructor(instance: DuckDBInstance, options: PlannerOptions) {
    this.#instance = instance;
    this.#options = options;
  }

  static async open(options: PlannerOptions): Promise<Planner> {
    const instance = await startDuckDb({ threads: "1", memory_limit: "256MB", temp_directory: "" });
    const connection = await instance.connect();
    const statements = [
      ...catalogStatements(),
      // These optimizers use file statistics instead of rows, or read a table twice.
      "SET disabled_optimizers = 'statistics_propagation,late_materialization,common_subplan,join_elimination'",
      `SET allowed_directories = ${allowedFolders([...options.folders, options.templateFolder])}`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ];
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
    return new Planner(instance, options);
  }

  /**
   * Finds the files of a table that a statement reads.
   *
   * @param sql a statement that passed the guard and names no other table with files.
   * @param references how often the statement names the table.
   * @param evaluator a connection without access to the lake, on which DuckDB's own conditions are evaluated.
   * @returns undefined if DuckDB's plan does not show it: then the statement may read any file.
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
      const { root, templateFolder, isSeveral } = this.#options;
      const isSlices = table !== "gc_usage_api_source";
      const template = templateOf(isSeveral);
      const all = isSlices ? [template, ...files] : files;
      const places = files.map(({ path }) => `${root}/${path}`);
      const first = isSlices ? [`${templateFolder}/${template.path}`] : [];
      await connection.run(viewOf(table, [...first, ...places], isSeveral, "byFirst"));
      const scans = await this.#scans(connection, sql);
      if (scans.length < references) return undefined;
      const read = new Set<number>();
      for (const scan of scans) {
        const some = await filesOf(evaluator, scan, all);
        if (!some) return undefined;
        for (const i of some) read.add(i);
      }
      return all.filter((file, i) => file !== template && read.has(i));
    } catch {
      // If the plan fails here, running the statement fails too, and that reports the error.
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

/** The indexes in `files` that a scan reads, according to the conditions in DuckDB's plan. */
async function filesOf(
  evaluator: DuckDBConnection,
  scan: Scan,
  files: readonly TableFile[],
): Promise<number[] | undefined> {
  const filters = scan["File Filters"];
  const [, kept, all] = /^(\d+)\/(\d+)$/.exec(scan["Scanning Files"] ?? "") ?? [];
  if (filters === undefined || Number(all) !== files.length) return undefined;
  const rows = files.map(
    ({ organization = "", granularity, date }, i) =>
      `(${i}, ${sqlString(organization)}, ${sqlString(granularity)}, ${date === undefined ? "NULL" : `DATE ${sqlString(date)}`})`,
  );
  const prepared = await prepare(
    evaluator,
    `SELECT i FROM (VALUES ${rows.join(", ")}) AS files(i, organization, granularity, date) WHERE (${[filters].flat().map(joined).join(") AND (")})`,
    duckdb.StatementType.SELECT,
  );
  const read = (await (await prepared.run()).getRows()).map(([i]) => Number(i));
  return read.length === Number(kept) ? read : undefined;
}

/** DuckDB writes conditions in parentheses one after the other, `(a = 'x')(b = 'y')`, without AND between them. */
function joined(filters: string): string {
  let depth = 0;
  return filters.replace(/'[^']*'|"[^"]*"|[()]/g, (token, at: number) => {
    if (token === "(") depth++;
    else if (token === ")") depth--;
    return token === ")" && depth === 0 && filters[at + 1] === "(" ? ") AND " : token;
  });
}

/** A slice with every column but no rows, on a day without slices. */
const TEMPLATE: TableFile = {
  path: "usage/granularity=day/date=0001-01-01/template.parquet",
  granularity: "day",
  date: "0001-01-01",
};
/** With several lakes, each file's path must contain the organization. */
const TEMPLATE_OF_SEVERAL = { ...TEMPLATE, organization: "-", path: `organization=-/${TEMPLATE.path}` };

export function templateOf(isSeveral: boolean): TableFile {
  return isSeveral ? TEMPLATE_OF_SEVERAL : TEMPLATE;
}

export interface PlannerOptions {
  /** The folder that the files' paths are relative to: absolute, separated by `/`. */
  readonly root: string;
  /** The real folders of the files, with links resolved. */
  readonly folders: readonly string[];
  /** The folder of the template. */
  readonly templateFolder: string;
  readonly isSeveral: boolean;
}

const SCAN = z.object({
  Function: z.string().optional(),
  "File Filters": z.union([z.string(), z.array(z.string())]).optional(),
  "Scanning Files": z.string().optional(),
});
type Scan = z.infer<typeof SCAN>;

const PLAN = z.object({ extra_info: SCAN, children: z.array(z.unknown()) });
