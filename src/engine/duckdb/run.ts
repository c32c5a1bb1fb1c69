import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBResult, DuckDBValue } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";
import { UsageError } from "../../support/errors.ts";
import type { Column, Explain, SqlRow, SqlValue } from "../engine.ts";
import { kindOf, toSqlValue } from "./values.ts";

const { ResultReturnType, StatementType } = duckdb;

export interface Started {
  readonly columns: readonly Column[];
  /** Reads the rows in batches; throws where they end before the last one. */
  rows(): AsyncGenerator<SqlRow[]>;
}

/**
 * Runs a statement that has passed the guard, or explains it. What is executed is what DuckDB prepared here, which must
 * be a SELECT to DuckDB too: the text is not handed over again.
 *
 * Rows are streamed, so a result of any size takes the same memory.
 */
export async function startStatement(
  connection: DuckDBConnection,
  sql: string,
  explain?: Explain,
): Promise<Started> {
  let prepared = await prepare(connection, sql, StatementType.SELECT);
  if (explain !== undefined) {
    prepared.destroySync();
    const verb = explain === "analyze" ? "EXPLAIN ANALYZE" : "EXPLAIN";
    prepared = await prepare(connection, `${verb} ${sql}`, StatementType.EXPLAIN);
  }
  const columns = columnsOf(prepared);
  const result = await prepared.stream();
  return { columns, rows: () => rowsOf(result, columns, prepared) };
}

/** Prepares a text that must be one statement of DuckDB's type `type`. */
export async function prepare(
  connection: DuckDBConnection,
  sql: string,
  type: (typeof StatementType)[keyof typeof StatementType],
): Promise<DuckDBPreparedStatement> {
  const extracted = await connection.extractStatements(sql);
  if (extracted.count !== 1) throw new RangeError("several statements passed the guard");
  const prepared = await extracted.prepare(0);
  if (prepared.statementType !== type)
    throw new RangeError("a statement that does not read passed the guard");
  if (prepared.parameterCount > 0) {
    throw new UsageError("sql", "The statement has parameters (?, $1 or $name) and no values for them.", {
      hint: "Write the values themselves into the statement.",
    });
  }
  return prepared;
}

function columnsOf(prepared: DuckDBPreparedStatement): Column[] {
  return Array.from({ length: prepared.columnCount }, (_, i) => {
    const type = prepared.columnType(i);
    return { name: prepared.columnName(i), type: type.toString(), kind: kindOf(type) };
  });
}

async function* rowsOf(
  result: DuckDBResult,
  columns: readonly Column[],
  prepared: DuckDBPreparedStatement,
): AsyncGenerator<SqlRow[]> {
  let read = 0;
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    read += chunk.rowCount;
    yield toRows(chunk.getColumns(), columns, chunk.rowCount);
  }
  // A stream that fails on the way ends like one that is complete; only its type shows that it failed.
  if (result.returnType === ResultReturnType.INVALID) throw await reasonOf(prepared, read);
}

/** Rows, held in memory, that the statement is run up to again to learn its error. */
const MOST_ROWS_AGAIN = 1_000_000;

/** Why a stream broke off, which the client keeps to itself: the statement says it when it is run at once. */
async function reasonOf(prepared: DuckDBPreparedStatement, read: number): Promise<unknown> {
  if (read <= MOST_ROWS_AGAIN) {
    try {
      await prepared.run();
    } catch (error) {
      return error;
    }
  }
  return new UsageError("sql", `The result broke off after ${read} rows, and DuckDB does not say why.`, {
    hint: "Run the statement again, on fewer days or with a LIMIT. A full temporary folder may be the cause.",
    details: { unexplained: true },
  });
}

/** DuckDB's columns as our rows; by column, since a million rows are some twenty million values. */
function toRows(values: readonly DuckDBValue[][], columns: readonly Column[], count: number): SqlRow[] {
  const rows = Array.from({ length: count }, (): SqlValue[] => []);
  for (const [i, { kind }] of columns.entries()) {
    const column = values[i] ?? [];
    for (let row = 0; row < count; row++) {
      const value = column[row] ?? null;
      rows[row]?.push(typeof value === "string" ? value : toSqlValue(value, kind));
    }
  }
  return rows;
}
