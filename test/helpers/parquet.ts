import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { PROVENANCE_KEY } from "../../src/lake/provenance.ts";
import { sqlString } from "../../src/support/quote.ts";

/** A file's rows as DuckDB itself reads them. */
export async function readParquet(file: string): Promise<Record<string, unknown>[]> {
  return await withDuckDb(async (connection) =>
    (await connection.runAndReadAll(`SELECT * FROM ${fromParquet(file)}`)).getRowObjects(),
  );
}

/** One value of a Parquet file's metadata, which is JSON. */
export async function readMetadata(file: string, key: string): Promise<object> {
  return await withDuckDb(async (connection) => {
    const found = await connection.runAndReadAll(
      `SELECT decode(value) FROM parquet_kv_metadata(${sqlString(file)}) WHERE decode(key) = ${sqlString(key)}`,
    );
    return JSON.parse(String(found.getRows()[0]?.[0])) as object;
  });
}

/** Runs statements in a new DuckDB, which has none of the program's settings. */
export async function withDuckDb<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Writes a statement's result with the metadata of a slice. Creates the folder. */
export async function writeParquet(
  connection: DuckDBConnection,
  file: string,
  select: string,
  metadata: string,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await connection.run(
    `COPY (${select}) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${PROVENANCE_KEY}: ${sqlString(metadata)}})`,
  );
}

/** A file as a table of a statement, without the columns that its folders' names would add. */
export function fromParquet(file: string): string {
  return `read_parquet(${sqlString(file)}, hive_partitioning = false)`;
}
