import type { Column, QueryResult, SqlRow, SqlValue } from "../engine/engine.ts";
import { GcUsageError } from "../support/errors.ts";

/** A row by its columns' names. NULL is null. */
export type RowObject = Readonly<Record<string, SqlValue>>;

/** The rows of a result as objects with the columns' own names. */
export async function* rowObjects(result: QueryResult): AsyncGenerator<RowObject> {
  const names = result.columns.map(({ name }) => name);
  for await (const batch of result.batches) for (const row of batch) yield objectOf(names, row);
}

/** All rows of a question's answer, with names in camel case: `client_id` becomes `clientId`. */
export async function answerRows(result: QueryResult): Promise<RowObject[]> {
  const names = result.columns.map(({ name }) => camelCase(name));
  const rows: RowObject[] = [];
  for await (const batch of result.batches) {
    for (const row of batch)
      rows.push(
        objectOf(
          names,
          row.map((value, i) => plain(value, result.columns[i])),
        ),
      );
  }
  return rows;
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}

function objectOf(names: readonly string[], row: SqlRow): RowObject {
  return Object.fromEntries(names.map((name, i) => [name, row[i] ?? null]));
}

/** Figures of a question are typed as numbers. */
function plain(value: SqlValue, column: Column | undefined): SqlValue {
  if (typeof value !== "bigint") return value;
  throw new GcUsageError(
    "sql",
    `${column?.name ?? "A column"} has a figure that a number cannot hold: ${value}.`,
    {
      hint: "Run the question's statement with `query`, which returns such figures as bigints.",
    },
  );
}
