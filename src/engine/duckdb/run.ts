import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBType,
  DuckDBVector,
} from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { Allowance } from "../bounds.ts";
import type { Column, NestedForm, QueryOptions, SqlRow, SqlValue } from "../engine.ts";
import { beginningOf } from "./long-text.ts";
import { nestedText } from "./nested.ts";
import { kindOf, toSqlValue } from "./values.ts";

const { ResultReturnType, StatementType } = duckdb;

export interface Started {
  readonly columns: readonly Column[];
  /** Reads the rows in batches, up to the allowance. Throws if they end early. */
  rows(allowance?: Allowance): AsyncGenerator<SqlRow[]>;
}

/**
 * Runs or explains a statement that passed the guard. It executes the statement that DuckDB prepares here, which must
 * be a SELECT for DuckDB too; the text is not passed again.
 *
 * Rows are streamed, so memory use does not depend on the size of the result.
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
    rows: (allowance) => {
      const rows = (chunk: DuckDBDataChunk): SqlRow[] =>
        allowance === undefined ? toRows(chunk, types, nested) : rowsWithin(allowance, chunk, types, nested);
      return rowsOf(prepared, result, rows, allowance);
    },
  };
}

/** Prepares a text, which must be one statement of DuckDB's type `type`. */
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
    throw new GcUsageError("sql", "The statement has parameters (?, $1 or $name) without values.", {
      hint: "Write the values directly in the statement.",
    });
  }
  return prepared;
}

/** A column's type in DuckDB. */
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
  allowance: Allowance | undefined,
): AsyncGenerator<SqlRow[]> {
  let read = 0;
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    read += chunk.rowCount;
    yield toRows(chunk);
    if (allowance?.isUsedUp) return;
  }
  // A stream that fails ends like a complete one; only its type shows the failure.
  if (result.returnType === ResultReturnType.INVALID) throw await reasonOf(prepared, read);
}

/** Up to this number of rows, which it holds in memory, the statement is run again to learn its error. */
const MOST_ROWS_AGAIN = 1_000_000;

/**
 * Why a stream stopped early. The client hides the reason of a stream, but reports it if the statement runs as a
 * whole.
 */
async function reasonOf(prepared: DuckDBPreparedStatement, read: number): Promise<unknown> {
  if (read <= MOST_ROWS_AGAIN) {
    try {
      await prepared.run();
    } catch (error) {
      return error;
    }
  }
  return new GcUsageError("sql", `The result stopped after ${read} rows, and DuckDB does not report why.`, {
    hint: "A full temporary folder may be the cause. Run the statement again with fewer days or a LIMIT.",
    details: { unexplained: true },
  });
}

/**
 * Converts DuckDB's chunk to rows. It works by column for speed, since a million rows have about twenty million
 * values.
 */
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

/** The same row by row, up to the allowance: nothing is copied that is not returned. */
function rowsWithin(
  allowance: Allowance,
  chunk: DuckDBDataChunk,
  columns: readonly Typed[],
  nested: NestedForm,
): SqlRow[] {
  const most = allowance.valueCharacters;
  const vectors = columns.map((_, i) => chunk.getColumnVector(i));
  const rows: SqlRow[] = [];
  for (let row = 0; row < chunk.rowCount; row++) {
    if (!allowance.hasRow()) break;
    const values = columns.map(({ type, isNested }, i): SqlValue => {
      const vector = vectors[i] as DuckDBVector;
      return isNested
        ? nestedText(vector, type, row, nested, { characters: most + 1 })
        : toSqlValue(beginningOf(vector, row, most), type);
    });
    const taken = allowance.takeRow(values);
    if (taken === undefined) break;
    rows.push(taken);
  }
  return rows;
}
