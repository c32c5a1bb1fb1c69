import { CATALOG, DATABASE } from "../tables.ts";

/** The first statement of a connection, so that unqualified names are our tables. */
export const USE = `USE ${CATALOG}.${DATABASE}`;

/** The statements that create the same catalog and schema in a new DuckDB as in Athena. */
export function catalogStatements(): string[] {
  return [
    `ATTACH ':memory:' AS ${CATALOG}`,
    `CREATE SCHEMA ${CATALOG}.${DATABASE}`,
    // Days are UTC days, so current_date must be too, whatever the machine's time zone.
    "SET GLOBAL TimeZone = 'UTC'",
    USE,
  ];
}
