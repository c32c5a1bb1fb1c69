import { sqlName, sqlString } from "../../support/quote.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { CANONICAL_SERVICE, type Service } from "../../usage/service.ts";
import { SOURCE_FOLDER } from "../../usage/slice.ts";
import { SOURCE_COLUMNS, type TableColumn, USAGE_COLUMNS, USAGE_PARTITIONS } from "../tables.ts";

/** What of the lake there is to read: DuckDB refuses a pattern that no file matches. */
export interface ViewOptions {
  /** The lake's folder, absolute, with `/` between the parts. */
  readonly folder: string;
  /** The services that have slices. */
  readonly services: readonly Service[];
  /** True where there are raw rows. */
  readonly hasSource: boolean;
}

/** The statements that make our tables over a folder, in order. */
export function viewStatements(options: ViewOptions): string[] {
  return [usageView(options), sourceView(options), dailyView()];
}

/** Where the views' files are, as DuckDB checks it: by the text of a pattern, so the escaped form counts too. */
export function readableFolders(folder: string): string[] {
  const forms = new Set([folder, escapeGlob(folder)]);
  return [...forms].flatMap((form) => [`${form}/usage`, `${form}/${SOURCE_FOLDER.slice(0, -1)}`]);
}

/** `/a[1]/b*` as a pattern that matches just that. */
function escapeGlob(path: string): string {
  return path.replace(/[[*?]/g, "[$&]");
}

function usageView({ folder, services }: ViewOptions): string {
  const columns = [...USAGE_COLUMNS, ...USAGE_PARTITIONS];
  const patterns = services.map((service) =>
    sqlString(`${escapeGlob(folder)}/usage/granularity=*/date=*/${service}.*.parquet`),
  );
  const from =
    patterns.length === 0
      ? undefined
      : `read_parquet([${patterns.join(", ")}], hive_partitioning = true, hive_types = ${hiveTypes(USAGE_PARTITIONS)})`;
  return view("usage", columns, from);
}

function sourceView({ folder, hasSource }: ViewOptions): string {
  const partition: TableColumn = ["granularity", "varchar"];
  const columns = SOURCE_COLUMNS.map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`);
  const from = hasSource
    ? `read_json(${sqlString(`${escapeGlob(folder)}/${SOURCE_FOLDER}granularity=*/*.json`)},
        format = 'newline_delimited', maximum_object_size = 67108864, columns = {${columns.join(", ")}},
        hive_partitioning = true, hive_types = ${hiveTypes([partition])})`
    : undefined;
  return view("gc_usage_api_source", [...SOURCE_COLUMNS, partition], from);
}

function dailyView(): string {
  return `CREATE VIEW daily AS SELECT * FROM usage WHERE granularity = 'day'
    AND service = ${sqlString(CANONICAL_SERVICE)} AND "grouping" = ${sqlString(CANONICAL_GROUPING)}`;
}

/** A view with just these columns, whatever else a file or the folders above the lake bring. */
function view(name: string, columns: readonly TableColumn[], from: string | undefined): string {
  const list = columns.map(([column, type]) =>
    from === undefined ? `CAST(NULL AS ${type}) AS ${sqlName(column)}` : sqlName(column),
  );
  return `CREATE VIEW ${name} AS SELECT ${list.join(", ")}${from === undefined ? " WHERE false" : ` FROM ${from}`}`;
}

function hiveTypes(columns: readonly TableColumn[]): string {
  return `{${columns.map(([name, type]) => `${sqlName(name)}: ${type}`).join(", ")}}`;
}
