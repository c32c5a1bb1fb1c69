import { invalid } from "./athena-error.ts";
import { type TrinoResult, valueText } from "./trino-client.ts";

const PAGE_LIMIT = 1000;

interface Execution {
  readonly state: string;
  readonly isQuery: boolean;
  readonly isDescribe: boolean;
  readonly result: TrinoResult | undefined;
}

/** GetQueryResults: the first page of a query starts with a row of the column names; NULL has no VarCharValue. */
export function resultsPage(execution: Execution, token: string | undefined, limit = PAGE_LIMIT): unknown {
  if (limit < 1 || limit > PAGE_LIMIT) {
    throw invalid("MaxResults is more than maximum allowed length 1000.");
  }
  const result = execution.result;
  if (execution.state !== "SUCCEEDED" || result === undefined) {
    const state = `Query has not yet finished. Current state: ${execution.state}`;
    const ended = `Query did not finish successfully. Final query state: ${execution.state}`;
    const running = execution.state === "QUEUED" || execution.state === "RUNNING";
    throw invalid(running ? state : ended);
  }
  if (execution.isDescribe) return describedPage(result);
  const rows = printedRows(execution);
  const from = token === undefined ? 0 : Number(token);
  const next = from + limit;
  return {
    ResultSet: {
      Rows: rows.slice(from, next).map((row) => ({ Data: row.map(datum) })),
      ResultSetMetadata: { ColumnInfo: result.columns.map(columnInfo) },
    },
    UpdateCount: 0,
    ...(next < rows.length ? { NextToken: String(next) } : {}),
  };
}

/**
 * Athena's DESCRIBE comes from Hive: it declares three columns, but each row is one text of padded cells separated by
 * tabs. The partition columns are listed with the others, and again below a heading.
 */
function describedPage({ rows }: TrinoResult): unknown {
  const cells = rows.map(([name, type, extra]) => ({
    cell: [valueText(name) ?? "", HIVE_TYPES[valueText(type) ?? ""] ?? valueText(type) ?? "", ""],
    isPartition: valueText(extra) === "partition key",
  }));
  const partitions = cells.filter(({ isPartition }) => isPartition);
  const heading = [
    ["", "", ""],
    ["# Partition Information", "", ""],
    ["# col_name", "data_type", "comment"],
  ];
  const all = [
    ...cells.map(({ cell }) => cell),
    ...(partitions.length === 0 ? [] : [...heading, ...partitions.map(({ cell }) => cell)]),
  ];
  const names = ["col_name", "data_type", "comment"];
  return {
    ResultSet: {
      Rows: all.map((row) => ({ Data: [datum(row.map((text) => text.padEnd(20)).join("\t"))] })),
      ResultSetMetadata: { ColumnInfo: names.map((name) => columnInfo({ name, type: "string" })) },
    },
    UpdateCount: 0,
  };
}

const HIVE_TYPES: Readonly<Record<string, string>> = { varchar: "string", integer: "int" };

/** The results file: every value quoted, NULL empty. */
export function resultsCsv(execution: Execution): string {
  return printedRows(execution)
    .map(
      (row) =>
        `${row.map((value) => (value === undefined ? "" : `"${value.replaceAll('"', '""')}"`)).join(",")}\n`,
    )
    .join("");
}

function printedRows(execution: Execution): (string | undefined)[][] {
  const { columns = [], rows = [] } = execution.result ?? {};
  const printed = rows.map((row) => row.map(valueText));
  return execution.isQuery ? [columns.map((column) => column.name), ...printed] : printed;
}

function datum(value: string | undefined): { VarCharValue?: string } {
  return value === undefined ? {} : { VarCharValue: value };
}

const PRECISION: Readonly<Record<string, number>> = {
  varchar: 2_147_483_647,
  bigint: 19,
  integer: 10,
  smallint: 5,
  tinyint: 3,
  double: 17,
  real: 17,
  timestamp: 3,
};

/** Athena's type names have no parameters: varchar(3) is varchar, timestamp(3) is timestamp. */
function columnInfo(column: { name: string; type: string }): unknown {
  const [, base = column.type, zone = ""] = /^(\w+)(?:\([^)]*\))?( with time zone)?/.exec(column.type) ?? [];
  const [precision, scale] = (/^decimal\((\d+),\s*(\d+)\)/.exec(column.type) ?? []).slice(1).map(Number);
  return {
    CatalogName: "hive",
    SchemaName: "",
    TableName: "",
    Name: column.name,
    Label: column.name,
    Type: base + zone,
    Precision: precision ?? PRECISION[base] ?? 0,
    Scale: scale ?? 0,
    Nullable: "UNKNOWN",
    CaseSensitive: base === "varchar",
  };
}
