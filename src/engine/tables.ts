import { SLICE_ROW_COLUMNS } from "../lake/slice-columns.ts";
import { USAGE_COLUMNS as COLUMNS } from "../usage/columns.ts";

/** Both names are the blueprint's: its article queries "genesysclouddb"."gc_usage_api_source". */
export const DATABASE = "genesysclouddb";
/** Athena's name for the Glue catalog, so that three-part names work in both engines. */
export const CATALOG = "awsdatacatalog";

/**
 * The tables for SQL: the rows of slices, the raw rows, the rows that are safe to sum, and the facts about each
 * slice.
 */
export const TABLES = ["usage", "gc_usage_api_source", "daily", "slices"] as const;
export type TableName = (typeof TABLES)[number];

/** A column with its type, in a spelling that DuckDB and Trino both understand. */
export type TableColumn = readonly [name: string, type: string];

const API_COLUMNS: readonly TableColumn[] = COLUMNS.map(({ name, type }) => [name, type]);

/** The columns of `usage` and `daily` in a slice's file; `granularity` and `date` come from its path. */
export const USAGE_COLUMNS: readonly TableColumn[] = [
  ["service", "varchar"],
  ["grouping", "varchar"],
  ...API_COLUMNS,
  ["extra", "varchar"],
];

/** The columns from a slice's path. */
export const USAGE_PARTITIONS: readonly TableColumn[] = [
  ["granularity", "varchar"],
  ["date", "date"],
];

/** The organization of the rows, if several organizations' lakes are read together: the name of the lake's folder. */
export const ORGANIZATION: TableColumn = ["organization", "varchar"];

/** The columns of `slices`. */
export const SLICES_COLUMNS: readonly TableColumn[] = SLICE_ROW_COLUMNS;

const ref = 'struct(id varchar, "name" varchar, selfUri varchar)';

/**
 * The raw rows exactly as received, as Glue's crawler defines them: the columns of both services, without conversion.
 * `date` is text for both, in two formats.
 */
export const SOURCE_COLUMNS: readonly TableColumn[] = [
  ...API_COLUMNS,
  ["date", "varchar"],
  ["requestCount", "bigint"],
  ["oauthClient", ref],
  ["user", ref],
];

/** The names of each table's columns, for completion in an editor. */
export function tableColumns(isSeveral: boolean): Readonly<Record<TableName, readonly string[]>> {
  const usage = [...(isSeveral ? [ORGANIZATION] : []), ...USAGE_COLUMNS, ...USAGE_PARTITIONS];
  const names = (columns: readonly TableColumn[]) => columns.map(([name]) => name);
  return {
    usage: names(usage),
    daily: names(usage),
    slices: names(SLICES_COLUMNS),
    gc_usage_api_source: names(SOURCE_COLUMNS),
  };
}
