import { CATALOG, DATABASE } from "../tables.ts";

/** What a connection begins with, so that short names are our tables. */
export const USE = `USE ${CATALOG}.${DATABASE}`;

/** The statements that make the names' home in a new DuckDB, as Athena has it. */
export function catalogStatements(): string[] {
  return [
    `ATTACH ':memory:' AS ${CATALOG}`,
    `CREATE SCHEMA ${CATALOG}.${DATABASE}`,
    // A day is a UTC day: current_date must be too, whatever the machine's zone.
    "SET GLOBAL TimeZone = 'UTC'",
    USE,
  ];
}
