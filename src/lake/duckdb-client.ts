import { createRequire } from "node:module";

/**
 * DuckDB's client, for the lake and the engine. Required, not imported: of a CommonJS package that is imported Node reads
 * each file a second time for the names that it exports, and this one has 180. That was a third of each command's start.
 */
export const duckdb = createRequire(import.meta.url)("@duckdb/node-api") as typeof import("@duckdb/node-api");
