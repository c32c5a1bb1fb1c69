import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";
import { sqlName, sqlString } from "../../support/quote.ts";
import type { Column, ColumnKind, QueryResult, SqlValue } from "../engine.ts";
import { openInstance } from "./instance.ts";

const { BOOLEAN, DOUBLE, DuckDBDataChunk, HUGEINT, VARCHAR } = duckdb;

/**
 * Writes any engine's result as a Parquet file, read to its end. Whole numbers become BIGINT, or DECIMAL(38,0)
 * where one is beyond 64 bits (sums are 128-bit, and DuckDB itself would write them as doubles, which are not
 * exact); nested values become JSON text. Columns of one name are told apart by `columnNames`' numbers.
 *
 * @returns the number of rows.
 */
export async function writeParquet(
  result: QueryResult,
  names: readonly string[],
  file: string,
): Promise<number> {
  const memory = await openInstance();
  try {
    const connection = await memory.instance.connect();
    const rows = await collect(connection, result);
    const columns: string[] = [];
    for (const [i, column] of result.columns.entries()) {
      columns.push(`${await finalForm(connection, column, `c${i}`)} AS ${sqlName(names[i] ?? column.name)}`);
    }
    await connection.run(
      `COPY (SELECT ${columns.join(", ")} FROM result) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    connection.closeSync();
    return rows;
  } finally {
    await memory.close();
  }
}

/** What holds each kind until the end; the rest waits as its text. */
const HELD: Partial<Record<ColumnKind, DuckDBType>> = { boolean: BOOLEAN, integer: HUGEINT, double: DOUBLE };

async function collect(connection: DuckDBConnection, { columns, batches }: QueryResult): Promise<number> {
  const types = columns.map((column) => HELD[column.kind] ?? VARCHAR);
  await connection.run(
    `CREATE TABLE result (${types.map((type, i) => `c${i} ${type.toString()}`).join(", ")})`,
  );
  const appender = await connection.createAppender("result");
  let rows = 0;
  // DuckDB's chunks hold 2048 rows; another engine's batches may be of any size.
  for await (const batch of batches) {
    for (let start = 0; start < batch.length; start += 2048) {
      const part = batch.slice(start, start + 2048);
      const chunk = DuckDBDataChunk.create(types, part.length);
      chunk.setRows(part.map((row) => row.map((value, i) => held(value, columns[i]?.kind ?? "text"))));
      appender.appendDataChunk(chunk);
      rows += part.length;
    }
  }
  appender.closeSync();
  return rows;
}

function held(value: SqlValue, kind: ColumnKind): DuckDBValue {
  if (value === null || kind === "boolean" || kind === "double") return value;
  return kind === "integer" ? BigInt(value) : String(value);
}

async function finalForm(connection: DuckDBConnection, column: Column, name: string): Promise<string> {
  switch (column.kind) {
    case "integer": {
      const reader = await connection.runAndReadAll(
        `SELECT coalesce(bool_and(TRY_CAST(${name} AS BIGINT) IS NOT NULL), true) FROM result WHERE ${name} IS NOT NULL`,
      );
      return `CAST(${name} AS ${reader.getRows()[0]?.[0] === true ? "BIGINT" : "DECIMAL(38,0)"})`;
    }
    case "decimal":
      return /^decimal\(\d+, ?\d+\)$/i.test(column.type) ? `CAST(${name} AS ${column.type})` : name;
    case "date":
      return `CAST(${name} AS DATE)`;
    case "timestamp":
      return `CAST(${name} AS ${/zone|tz/i.test(column.type) ? "TIMESTAMPTZ" : "TIMESTAMP"})`;
    case "boolean":
    case "double":
    case "json":
    case "text":
      return name;
  }
}
