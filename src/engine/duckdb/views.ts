import { sqlName, sqlString } from "../../support/quote.ts";
import type { TableName } from "../tables.ts";
import {
  ORGANIZATION,
  SOURCE_COLUMNS,
  type TableColumn,
  USAGE_COLUMNS,
  USAGE_PARTITIONS,
} from "../tables.ts";

const SOURCE_PARTITION: TableColumn = ["granularity", "varchar"];

/**
 * The statement that makes a table's view over just these files, with just its columns.
 *
 * @param files absolute, with `/` between the parts; none: the view has no rows.
 * @param isSeveral several lakes' files: their folders say which organization's each is.
 * @param reading `byName` opens every file: a column that a slice does not have is NULL, whatever version wrote it.
 * `byFirst` takes the first file's columns for all, so that a statement can be planned without opening the others.
 */
export function viewOf(
  table: TableName,
  files: readonly string[],
  isSeveral: boolean,
  reading: "byName" | "byFirst" = "byName",
): string {
  const isSource = table === "gc_usage_api_source";
  const first = isSeveral ? [ORGANIZATION] : [];
  const inPath = [...first, ...(isSource ? [SOURCE_PARTITION] : USAGE_PARTITIONS)];
  const columns = [...first, ...(isSource ? SOURCE_COLUMNS : USAGE_COLUMNS), ...inPath.slice(first.length)];
  const list = columns
    .map(
      ([name, type]) => `CAST(${files.length === 0 ? "NULL" : sqlName(name)} AS ${type}) AS ${sqlName(name)}`,
    )
    .join(", ");
  const from =
    files.length === 0
      ? " WHERE false"
      : ` FROM ${isSource ? json(files, inPath) : parquet(files, inPath, reading)}`;
  return `CREATE OR REPLACE VIEW ${table} AS SELECT ${list}${from}`;
}

function parquet(
  files: readonly string[],
  inPath: readonly TableColumn[],
  reading: "byName" | "byFirst",
): string {
  return `read_parquet(${fileList(files)}, union_by_name = ${reading === "byName"}, ${hive(inPath)})`;
}

function json(files: readonly string[], inPath: readonly TableColumn[]): string {
  const columns = SOURCE_COLUMNS.map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`);
  return `read_json(${fileList(files)}, format = 'newline_delimited', maximum_object_size = 67108864,
    columns = {${columns.join(", ")}}, ${hive(inPath)})`;
}

/** A slice without rows and with every column, so that each of them is there, whatever the slices have. */
export function templateStatement(file: string): string {
  const columns = USAGE_COLUMNS.map(([name, type]) => `CAST(NULL AS ${type}) AS ${sqlName(name)}`);
  return `COPY (SELECT ${columns.join(", ")} WHERE false) TO ${sqlString(file)} (FORMAT parquet)`;
}

/** A folder as DuckDB's settings take it: paths are compared as they are written, with a pattern's signs escaped too. */
export function allowedFolders(folders: readonly string[]): string {
  const forms = folders.flatMap((folder) => [...new Set([folder, escapeGlob(folder)])]);
  return `[${forms.map(sqlString).join(", ")}]`;
}

function fileList(files: readonly string[]): string {
  return `[${files.map((file) => sqlString(escapeGlob(file))).join(", ")}]`;
}

function hive(columns: readonly TableColumn[]): string {
  const types = columns.map(([name, type]) => `${sqlName(name)}: ${type}`).join(", ");
  return `hive_partitioning = true, hive_types = {${types}}`;
}

/** `/a[1]/b*` as a pattern that matches just that. */
function escapeGlob(path: string): string {
  return path.replace(/[[*?]/g, "[$&]");
}
