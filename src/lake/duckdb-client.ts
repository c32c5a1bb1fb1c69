import { createRequire } from "node:module";

/**
 * DuckDB's client, for the lake and the engine. It is required, not imported: when Node imports a CommonJS package, it reads
 * each file twice to find the exported names, and this package has 180 files. That was a third of each command's start.
 */
export const duckdb = createRequire(import.meta.url)("@duckdb/node-api") as typeof import("@duckdb/node-api");
