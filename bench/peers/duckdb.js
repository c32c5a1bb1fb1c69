// Runs the statements of a file in DuckDB and reads all rows: what a command costs without gc-usage.
import { readFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const [file = ""] = process.argv.slice(2);
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
for (const statement of readFileSync(file, "utf8").split(";\n")) {
  if (statement.trim() !== "") (await connection.runAndReadAll(statement)).getRows();
}
