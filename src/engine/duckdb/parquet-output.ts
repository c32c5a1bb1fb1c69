import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { sqlName, sqlString } from "../../support/quote.ts";
import type { Column, ColumnKind, QueryResult, SqlValue } from "../engine.ts";
import { openPrivateDuckDb } from "./private-duckdb.ts";

const { BOOLEAN, DOUBLE, DuckDBDataChunk, VARCHAR } = duckdb;

/**
 * Reads any engine's result to its end and writes it as a Parquet file, replacing the file's content. Whole numbers
 * become BIGINT, or DECIMAL(38,0) if one has more than 64 bits. (Sums have 128 bits, and DuckDB itself would write
 * them as inexact doubles.) Nested values become JSON text. A column with a value that fits no such type, for example
 * an infinite date or a whole number of 39 digits, becomes text. `names` makes the column names unique.
 *
 * @param metadata entries for the file's key-value metadata.
 * @returns the number of rows.
 */
export async function writeParquet(
  result: QueryResult,
  names: readonly string[],
  file: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<number> {
  const memory = await openPrivateDuckDb();
  try {
    const connection = await memory.instance.connect();
    const rows = await collect(connection, result);
    const columns: string[] = [];
    for (const [i, column] of result.columns.entries()) {
      columns.push(`${await finalForm(connection, column, `c${i}`)} AS ${sqlName(names[i] ?? column.name)}`);
    }
    const pairs = Object.entries(metadata).map(([key, value]) => `${sqlName(key)}: ${sqlString(value)}`);
    const kept = pairs.length === 0 ? "" : `, KV_METADATA {${pairs.join(", ")}}`;
    await connection.run(
      `COPY (SELECT ${columns.join(", ")} FROM result) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false${kept})`,
    );
    connection.closeSync();
    return rows;
  } finally {
    await memory.close();
  }
}

/** The type that holds each kind until the end. Other kinds are held as text. */
const HELD: Partial<Record<ColumnKind, DuckDBType>> = { boolean: BOOLEAN, double: DOUBLE };

async function collect(connection: DuckDBConnection, { columns, batches }: QueryResult): Promise<number> {
  const types = columns.map((column) => HELD[column.kind] ?? VARCHAR);
  await connection.run(
    `CREATE TABLE result (${types.map((type, i) => `c${i} ${type.toString()}`).join(", ")})`,
  );
  const appender = await connection.createAppender("result");
  let rows = 0;
  // DuckDB's chunks hold 2048 rows; the batches of other engines may have any size.
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
  return value === null || kind === "boolean" || kind === "double" ? value : String(value);
}

/** Converts the column to the first type of its kind that holds all of its values exactly, else to text. */
async function finalForm(connection: DuckDBConnection, column: Column, name: string): Promise<string> {
  for (const type of typesOf(column)) {
    const reader = await connection.runAndReadAll(
      `SELECT coalesce(bool_and(coalesce(${fits(column.kind, type, name)}, false)), true) FROM result WHERE ${name} IS NOT NULL`,
    );
    if (reader.getRows()[0]?.[0] === true) return `CAST(${name} AS ${type})`;
  }
  return name;
}

/** The condition that a value, held as text, fits the type without loss. */
function fits(kind: ColumnKind, type: string, name: string): string {
  const cast = `TRY_CAST(${name} AS ${type})`;
  if (kind === "date" || type === "TIMESTAMP_NS") return `isfinite(${cast})`;
  return kind === "timestamp"
    ? `isfinite(${cast}) AND NOT regexp_matches(${name}, '\\.\\d{7}')`
    : `${cast} IS NOT NULL`;
}

function typesOf({ kind, type }: Column): string[] {
  switch (kind) {
    case "integer":
      return ["BIGINT", "DECIMAL(38,0)"];
    case "decimal":
      return /^decimal\(\d+, ?\d+\)$/i.test(type) ? [type] : [];
    case "date":
      return ["DATE"];
    case "timestamp":
      return /zone|tz/i.test(type) ? ["TIMESTAMPTZ"] : ["TIMESTAMP", "TIMESTAMP_NS"];
    case "boolean":
    case "double":
    case "json":
    case "text":
      return [];
  }
}
