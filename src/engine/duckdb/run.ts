import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBType,
} from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { UsageError } from "../../support/errors.ts";
import type { Column, NestedForm, QueryOptions, SqlRow, SqlValue } from "../engine.ts";
import { nestedText } from "./nested.ts";
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
  { explain, nested = "json" }: Pick<QueryOptions, "explain" | "nested"> = {},
): Promise<Started> {
  let prepared = await prepare(connection, sql, StatementType.SELECT);
  if (explain !== undefined) {
    prepared.destroySync();
    const verb = explain === "analyze" ? "EXPLAIN ANALYZE" : "EXPLAIN";
    prepared = await prepare(connection, `${verb} ${sql}`, StatementType.EXPLAIN);
  }
  const types = typesOf(prepared);
  const result = await prepared.stream();
  return {
    columns: columnsOf(prepared, types, nested),
    rows: () => rowsOf(prepared, result, (chunk) => toRows(chunk, types, nested)),
  };
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

/** A column as DuckDB has it. */
interface Typed {
  readonly type: DuckDBType;
  readonly isNested: boolean;
}

function typesOf(prepared: DuckDBPreparedStatement): Typed[] {
  return Array.from({ length: prepared.columnCount }, (_, i) => {
    const type = prepared.columnType(i);
    return { type, isNested: kindOf(type) === "json" };
  });
}

function columnsOf(prepared: DuckDBPreparedStatement, types: readonly Typed[], nested: NestedForm): Column[] {
  return types.map(({ type, isNested }, i) => ({
    name: prepared.columnName(i),
    type: type.toString(),
    kind: isNested && nested === "text" ? "text" : kindOf(type),
  }));
}

async function* rowsOf(
  prepared: DuckDBPreparedStatement,
  result: DuckDBResult,
  toRows: (chunk: DuckDBDataChunk) => SqlRow[],
): AsyncGenerator<SqlRow[]> {
  let read = 0;
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    read += chunk.rowCount;
    yield toRows(chunk);
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

/** DuckDB's chunk as our rows; by column, since a million rows are some twenty million values. */
function toRows(chunk: DuckDBDataChunk, columns: readonly Typed[], nested: NestedForm): SqlRow[] {
  const rows = Array.from({ length: chunk.rowCount }, (): SqlValue[] => []);
  for (const [i, { isNested, type }] of columns.entries()) {
    if (isNested) {
      const vector = chunk.getColumnVector(i);
      for (const [row, values] of rows.entries()) values.push(nestedText(vector, type, row, nested));
    } else {
      const column = chunk.getColumnValues(i);
      for (const [row, values] of rows.entries()) values.push(toSqlValue(column[row] ?? null, type));
    }
  }
  return rows;
}
