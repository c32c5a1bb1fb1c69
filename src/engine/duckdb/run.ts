import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBValue } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";
import { UsageError } from "../../support/errors.ts";
import type { Column, SqlRow, SqlValue } from "../engine.ts";
import { sqlError } from "./errors.ts";
import { assertReadsOnly } from "./guard.ts";
import { kindOf, toSqlValue } from "./values.ts";

export interface Started {
  readonly columns: readonly Column[];
  readonly tables: readonly string[];
  /** Reads the rows in batches; throws where they end before the last one. */
  rows(): AsyncGenerator<SqlRow[]>;
}

/**
 * Checks a statement and runs it to its end into a temporary table, from which the rows are then read.
 *
 * Not streamed from the statement itself: a streamed result that fails half way (an error in a late row, a
 * damaged file, an interruption) ends in this client just like one that is complete, so rows would be missing
 * without a word (tried, @duckdb/node-api 1.5.6-r.1). The table spills to the disk where memory is short.
 */
export async function startStatement(connection: DuckDBConnection, sql: string): Promise<Started> {
  const { describes, tables } = await assertReadsOnly(connection, sql);
  const prepared = await prepare(connection, sql);
  const columns = columnsOf(prepared);
  if (describes) {
    // DESCRIBE, SHOW and EXPLAIN cannot make a table, and are always few rows.
    const rows = (await prepared.run()).getRows();
    const batch = (await rows).map((row) =>
      row.map((value, i) => toSqlValue(value, columns[i]?.kind ?? "text")),
    );
    return {
      columns,
      tables,
      rows: async function* () {
        await Promise.resolve();
        yield batch;
      },
    };
  }
  prepared.destroySync();
  const count = await createTable(connection, sql, columns.length);
  return { columns, tables, rows: () => readTable(connection, columns, count) };
}

async function prepare(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const extracted = await connection.extractStatements(sql);
  const prepared = await extracted.prepare(0);
  const { StatementType } = duckdb;
  const reads = [StatementType.SELECT, StatementType.EXPLAIN].includes(prepared.statementType);
  if (extracted.count !== 1 || !reads)
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

/** Temporary tables are the connection's own: this one goes when it is closed. */
async function createTable(connection: DuckDBConnection, sql: string, width: number): Promise<number> {
  const names = Array.from({ length: width }, (_, i) => `c${i}`).join(", ");
  try {
    // The statement begins on a line of its own, so that places in it are off by one line and nothing else.
    const reader = await connection.runAndReadAll(`CREATE TEMP TABLE result (${names}) AS\n${sql}`);
    return Number(reader.getRows()[0]?.[0] ?? 0);
  } catch (error) {
    throw sqlError(error, 1);
  }
}

async function* readTable(
  connection: DuckDBConnection,
  columns: readonly Column[],
  count: number,
): AsyncGenerator<SqlRow[]> {
  const result = await connection.stream("SELECT * FROM temp.result");
  let read = 0;
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    read += chunk.rowCount;
    yield toRows(chunk.getColumns(), columns, chunk.rowCount);
  }
  if (read !== count) {
    throw new UsageError("sql", `The result broke off after ${read} of ${count} rows.`, {
      hint: "Run it again; free room in the temporary folder if the disk is full.",
    });
  }
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
