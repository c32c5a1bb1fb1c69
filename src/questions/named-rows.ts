import type { Column, QueryResult, SqlRow, SqlValue } from "../engine/engine.ts";
import { type FilterName } from "./filter-columns.ts";
import type { Label } from "./labels.ts";

/** The names to show for ids. Keys are lower-case. */
export interface ShownNames {
  /** Users' names, from the service. */
  readonly users: ReadonlyMap<string, string>;
  /** Labels that a person added. Undefined if there is no labels file. */
  readonly labels: ReadonlyMap<string, Label> | undefined;
}

/**
 * Adds names to the rows of an answer: the column `user_name` after `user_id`, and the column `owner` of the client, or else
 * the user, if there are labels. A label replaces the name. Engines know no names, so this is a step after them.
 *
 * @param by the dimension of the column `value`, if the question splits by one: its names are in the column `name`.
 */
export function withNames(result: QueryResult, { users, labels }: ShownNames, by?: FilterName): QueryResult {
  if (by !== undefined) return withNamedValues(result, { users, labels }, by);
  const { columns } = result;
  const clientId = columns.findIndex(({ name }) => name === "client_id");
  const clientName = columns.findIndex(({ name }) => name === "client_name");
  const userId = columns.findIndex(({ name }) => name === "user_id");
  if (userId < 0 && (clientId < 0 || labels === undefined)) return result;
  const labelOf = (id: SqlValue | undefined): Label | undefined =>
    typeof id === "string" ? labels?.get(id.toLowerCase()) : undefined;
  const userName = (id: SqlValue | undefined): SqlValue =>
    labelOf(id)?.label ?? (typeof id === "string" ? (users.get(id.toLowerCase()) ?? null) : null);
  const ownerOf = (row: SqlRow): SqlValue =>
    labelOf(row[clientId])?.owner ?? labelOf(row[userId])?.owner ?? null;
  // After the last column that names a client or user.
  const last = Math.max(clientId, clientName, userId);
  const expand = <T>(values: readonly T[], name: () => T, owner: () => T, client: (value: T) => T): T[] =>
    values.flatMap((value, i) => [
      i === clientName ? client(value) : value,
      ...(i === userId ? [name()] : []),
      ...(i === last && labels !== undefined ? [owner()] : []),
    ]);
  const text = (name: string): Column => ({ name, kind: "text", type: "VARCHAR" });
  async function* batches(): AsyncGenerator<readonly SqlRow[]> {
    for await (const batch of result.batches) {
      yield batch.map((row) =>
        expand<SqlValue>(
          row,
          () => userName(row[userId]),
          () => ownerOf(row),
          (value) => labelOf(row[clientId])?.label ?? value,
        ),
      );
    }
  }
  return {
    ...result,
    columns: expand(
      columns,
      () => text("user_name"),
      () => text("owner"),
      (column) => column,
    ),
    batches: batches(),
    stats: () => result.stats(),
  };
}

function withNamedValues(result: QueryResult, shown: ShownNames, by: FilterName): QueryResult {
  const value = result.columns.findIndex(({ name }) => name === "value");
  const name = result.columns.findIndex((column) => column.name === "name");
  if (value < 0 || name < 0) return result;
  async function* batches(): AsyncGenerator<readonly SqlRow[]> {
    for await (const batch of result.batches) {
      yield batch.map((row) => {
        const id = row[value];
        const [shownName] = typeof id === "string" ? namesShown(by, id, shown) : [];
        return shownName === undefined ? row : row.with(name, shownName);
      });
    }
  }
  return { ...result, batches: batches(), stats: () => result.stats() };
}

/** The names that the rows do not have: a label, which replaces the name in answers, and the name of a user. */
export function namesShown(by: FilterName, value: string, { users, labels }: ShownNames): string[] {
  const id = value.toLowerCase();
  const label = by === "client" || by === "user" ? labels?.get(id)?.label : undefined;
  const user = by === "user" ? users.get(id) : undefined;
  return [label, user].flatMap((name) => name ?? []);
}
