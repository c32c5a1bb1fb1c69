import { sqlName, sqlString } from "../../support/quote.ts";
import type { TableName } from "../tables.ts";
import {
  ORGANIZATION,
  SLICES_COLUMNS,
  SOURCE_COLUMNS,
  type TableColumn,
  USAGE_COLUMNS,
  USAGE_PARTITIONS,
} from "../tables.ts";

const SOURCE_PARTITION: TableColumn = ["granularity", "varchar"];

/**
 * The statement that creates a table's view over exactly these files, with exactly its columns.
 *
 * @param files absolute, separated by `/`. If empty, the view has no rows.
 * @param isSeveral true for files of several lakes, whose folders contain the organization.
 * @param reading `byName` opens every file, and a column that a slice does not have is NULL, whatever version wrote
 * it. `byFirst` uses the first file's columns for all files, so that a statement can be planned without opening the
 * others.
 */
export function viewOf(
  table: TableName,
  files: readonly string[],
  isSeveral: boolean,
  reading: "byName" | "byFirst" = "byName",
): string {
  const first = isSeveral ? [ORGANIZATION] : [];
  const { inFile, partitions } = FORMS[table];
  const inPath = [...(table === "slices" ? [] : first), ...partitions];
  const columns = [...first, ...inFile, ...partitions];
  const list = columns
    .map(
      ([name, type]) => `CAST(${files.length === 0 ? "NULL" : sqlName(name)} AS ${type}) AS ${sqlName(name)}`,
    )
    .join(", ");
  if (files.length === 0) return `CREATE OR REPLACE VIEW ${table} AS SELECT ${list} WHERE false`;
  const columnsInFile = columns.filter((column) => !inPath.includes(column));
  const from = FORMS[table].isJson ? json(files, columnsInFile, inPath) : parquet(files, inPath, reading);
  return `CREATE OR REPLACE VIEW ${table} AS SELECT ${list} FROM ${from}`;
}

/** The columns in a table's files, the columns from the files' paths, and the format of the files. */
const FORMS: Readonly<
  Record<
    TableName,
    {
      readonly inFile: readonly TableColumn[];
      readonly partitions: readonly TableColumn[];
      readonly isJson: boolean;
    }
  >
> = {
  usage: { inFile: USAGE_COLUMNS, partitions: USAGE_PARTITIONS, isJson: false },
  daily: { inFile: USAGE_COLUMNS, partitions: USAGE_PARTITIONS, isJson: false },
  gc_usage_api_source: { inFile: SOURCE_COLUMNS, partitions: [SOURCE_PARTITION], isJson: true },
  slices: { inFile: SLICES_COLUMNS, partitions: [], isJson: true },
};

function parquet(
  files: readonly string[],
  inPath: readonly TableColumn[],
  reading: "byName" | "byFirst",
): string {
  return `read_parquet(${fileList(files)}, union_by_name = ${reading === "byName"}, ${hive(inPath)})`;
}

function json(
  files: readonly string[],
  inFile: readonly TableColumn[],
  inPath: readonly TableColumn[],
): string {
  const columns = inFile.map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`);
  return `read_json(${fileList(files)}, format = 'newline_delimited', maximum_object_size = 67108864,
    columns = {${columns.join(", ")}}, ${hive(inPath)})`;
}

/** Writes a slice with every column but no rows, so that each column exists, whatever columns the slices have. */
export function templateStatement(file: string): string {
  const columns = USAGE_COLUMNS.map(([name, type]) => `CAST(NULL AS ${type}) AS ${sqlName(name)}`);
  return `COPY (SELECT ${columns.join(", ")} WHERE false) TO ${sqlString(file)} (FORMAT parquet)`;
}

/**
 * Folders for DuckDB's settings, also with escaped glob characters, because DuckDB compares paths as they are
 * written.
 */
export function allowedFolders(folders: readonly string[]): string {
  const forms = folders.flatMap((folder) => [...new Set([folder, escapeGlob(folder)])]);
  return `[${forms.map(sqlString).join(", ")}]`;
}

function fileList(files: readonly string[]): string {
  return `[${files.map((file) => sqlString(escapeGlob(file))).join(", ")}]`;
}

export function hive(columns: readonly TableColumn[]): string {
  if (columns.length === 0) return "hive_partitioning = false";
  const types = columns.map(([name, type]) => `${sqlName(name)}: ${type}`).join(", ");
  return `hive_partitioning = true, hive_types = {${types}}`;
}

/** `/a[1]/b*` as a pattern that matches only this path. */
export function escapeGlob(path: string): string {
  return path.replace(/[[*?]/g, "[$&]");
}
