import type { QueryResult } from "../engine/engine.ts";

/** DuckDB's version. Throws if it cannot be loaded on this machine. */
export async function duckDbVersion(): Promise<string> {
  const { duckdb } = await import("../lake/duckdb-client.ts");
  return duckdb.version();
}

/**
 * Writes a result to a Parquet file.
 *
 * @param names the file's column names, each once.
 * @param metadata texts for the file's key-value metadata.
 */
export async function writeParquet(
  result: QueryResult,
  names: readonly string[],
  path: string,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const { writeParquet: write } = await import("../engine/duckdb/parquet-output.ts");
  await write(result, names, path, metadata);
}
