import { tablesOf } from "../engine/athena/dates.ts";
import { isSign, isWord } from "../engine/athena/guard.ts";
import { scan } from "../engine/athena/tokens.ts";
import type { SqlEngine } from "../engine/engine.ts";
import type { TableName } from "../engine/tables.ts";
import { GcUsageError } from "../support/errors.ts";
import type { SliceKey } from "../usage/slice.ts";

/**
 * A statement in which tables have only the rows that meet all conditions. It defines queries of the tables' names in
 * WITH: within its own definition, such a name still means the table. So the engines resolve the names, not this
 * function.
 *
 * @param what the option or fact that narrows the statement, for errors.
 * @throws {GcUsageError} input, if the statement reads no such table, or names it in a way that cannot be narrowed.
 */
export function narrow(
  sql: string,
  conditions: readonly string[],
  {
    tables = ["usage"],
    what = "The organization or filter",
  }: { tables?: readonly TableName[]; what?: string } = {},
): string {
  if (conditions.length === 0) return sql;
  const named = tablesOf(sql);
  const wanted = tables.filter((table) => named.some(({ name, isBound }) => name === table && !isBound));
  const { tokens, isClosed } = scan(sql);
  const [first, second] = tokens;
  const isWith = isWord(first, "with");
  const why =
    !isClosed ||
    first === undefined ||
    !(isWith || isWord(first, "select") || isWord(first, "from") || isSign(first, "("))
      ? "it applies only to a SELECT"
      : isWith && isWord(second, "recursive")
        ? "it does not apply to WITH RECURSIVE"
        : whyNot(named, wanted, tables);
  if (why !== undefined) {
    throw new GcUsageError("input", `${what} cannot narrow the statement: ${why}.`, {
      hint: `Write the condition in the statement itself: WHERE ${conditions.join(" AND ")}`,
    });
  }
  const definitions = wanted
    .map((table) => `${table} AS (SELECT * FROM ${table} WHERE ${conditions.join(" AND ")})`)
    .join(",\n  ");
  return isWith && first !== undefined
    ? `${sql.slice(0, first.end)} ${definitions},${sql.slice(first.end)}`
    : `WITH ${definitions}\n${sql}`;
}

function whyNot(
  named: ReturnType<typeof tablesOf>,
  wanted: readonly TableName[],
  tables: readonly TableName[],
): string | undefined {
  const isOurs = (name: string): boolean => tables.some((table) => table === name);
  const qualified = named.find(({ name, isQualified }) => isQualified && isOurs(name));
  if (qualified) return `it names ${qualified.name} with its database, so write only ${qualified.name}`;
  const redefined = named.find(({ name, isBound }) => isBound && isOurs(name));
  if (redefined) return `its WITH defines a query of the name ${redefined.name}, so use another name`;
  return wanted.length === 0 ? `it does not read ${tables.join(" or ")}` : undefined;
}

/** An engine whose statements see only some rows of `usage`. */
interface NarrowedEngine extends SqlEngine {
  readonly whole: SqlEngine;
  readonly conditions: readonly string[];
}

/** Narrows an engine, which may be narrowed already, for statements that read `usage`. */
export function narrowEngine(
  engine: SqlEngine,
  conditions: readonly string[],
  slices: readonly SliceKey[] = engine.slices,
): NarrowedEngine {
  const before = "conditions" in engine ? (engine as NarrowedEngine) : undefined;
  const whole = before?.whole ?? engine;
  const all = [...(before?.conditions ?? []), ...conditions];
  return {
    whole,
    conditions: all,
    traits: whole.traits,
    slices,
    query: (sql, options) => whole.query(narrow(sql, all), options),
    close: () => whole.close(),
  };
}

/** The statement that an engine runs for this one: with the conditions of a narrowed engine. */
export function asRun(engine: SqlEngine, sql: string): string {
  return "conditions" in engine ? narrow(sql, (engine as NarrowedEngine).conditions) : sql;
}
