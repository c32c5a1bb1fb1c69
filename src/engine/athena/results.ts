import type { Athena, Datum, GetQueryResultsOutput, QueryExecution, Row } from "@aws-sdk/client-athena";
import type { Column, SqlRow } from "../engine.ts";
import { columnOf, valueOf } from "./values.ts";

/** The most rows that Athena returns at a time. */
const PAGE = 1000;

export interface Results {
  readonly columns: readonly Column[];
  /** Reads the rows page by page. Can be read only once. */
  rows(): AsyncGenerator<SqlRow[]>;
}

/**
 * Opens the rows of a successful execution. Resolves with the first page, which contains the columns.
 *
 * @param most how many rows are wanted.
 */
export async function openResults(
  athena: Athena,
  execution: QueryExecution,
  most: number = PAGE,
): Promise<Results> {
  const id = execution.QueryExecutionId ?? "";
  // The header, and one more row to know that there are more.
  const page = pages(athena, id, Math.min(PAGE, most + 2));
  const first = await page(undefined);
  const columns = (first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? []).map(columnOf);
  const toRow = (row: Row): SqlRow => {
    const data = dataOf(row, columns.length);
    return columns.map(({ kind }, i) => valueOf(data[i] ?? {}, kind));
  };
  async function* rows(): AsyncGenerator<SqlRow[]> {
    const all = first.ResultSet?.Rows ?? [];
    yield (hasHeader(execution, all[0], columns) ? all.slice(1) : all).map(toRow);
    for (let token = first.NextToken; token !== undefined; ) {
      const next = await page(token);
      yield (next.ResultSet?.Rows ?? []).map(toRow);
      token = next.NextToken;
    }
  }
  return { columns, rows };
}

/** DESCRIBE declares three columns but returns them as one text: padded with spaces, separated by tabs. */
function dataOf({ Data = [] }: Row, width: number): readonly Datum[] {
  const [only] = Data;
  if (Data.length !== 1 || width < 2 || only?.VarCharValue === undefined) return Data;
  return only.VarCharValue.split("\t").map((text) => ({ VarCharValue: text.trim() }));
}

function pages(athena: Athena, id: string, rows: number) {
  return (token: string | undefined): Promise<GetQueryResultsOutput> =>
    athena.getQueryResults({
      QueryExecutionId: id,
      MaxResults: rows,
      ...(token === undefined ? {} : { NextToken: token }),
    });
}

/**
 * The rows of a query start with a row of the column names; those of SHOW and DESCRIBE do not. EXPLAIN is not
 * documented, so if the statement is not DML, the row itself decides.
 */
function hasHeader(
  { StatementType }: QueryExecution,
  first: Row | undefined,
  columns: readonly Column[],
): boolean {
  if (StatementType === "DML") return true;
  return columns.length > 0 && columns.every(({ name }, i) => first?.Data?.[i]?.VarCharValue === name);
}
