import { tablesOf } from "../engine/athena/dates.ts";
import type { SqlEngine } from "../engine/engine.ts";
import { ORGANIZATION } from "../engine/tables.ts";
import { GcUsageError } from "../support/errors.ts";
import { sqlString } from "../support/quote.ts";
import type { RowFilter } from "../usage/envelope.ts";
import { CANONICAL_GROUPING, dimensionsOf } from "../usage/grouping.ts";
import { FILTERS } from "./filter-columns.ts";
import { applyFilters, type Filters } from "./filters.ts";
import type { ShownNames } from "./named-rows.ts";
import { narrow } from "./narrow.ts";
import { engineOf } from "./organizations.ts";

/**
 * A statement in which `usage` and `daily` have only the rows that the filters select. Their values are looked up in
 * all rows of the lake.
 *
 * @param organizations the lakes, if there are several.
 * @throws {GcUsageError} input, for a filter that is ambiguous or not found, a statement that cannot be narrowed, or an
 * engine that bills the search.
 */
export async function narrowStatement(
  sql: string,
  engine: SqlEngine,
  filters: Filters,
  {
    organizations,
    names,
    signal,
  }: {
    readonly organizations: readonly string[];
    readonly names: ShownNames;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ readonly sql: string; readonly filters: readonly RowFilter[] }> {
  const given = FILTERS.filter(({ name }) => filters[name]?.length);
  const [first] = given;
  if (first === undefined) return { sql, filters: [] };
  const what = given.map(({ name }) => `--${name}`).join(" and ");
  if (engine.traits.billsByScan) {
    throw new GcUsageError(
      "input",
      `${what} cannot narrow a statement on Athena: finding the values would scan the whole lake.`,
      {
        hint:
          `Write the condition in the statement: WHERE ${first.column} = '…'. To find the value: ` +
          `gc-usage ask trend --by ${first.name} --engine athena`,
      },
    );
  }
  checkDaily(sql, filters);
  const where = { where: "true", options: { signal }, what: "the lake" };
  const parts =
    organizations.length === 0
      ? [{ ...where, organization: undefined, engine }]
      : organizations.map((organization) => ({
          ...where,
          organization,
          engine: engineOf(engine, organization, engine.slices),
        }));
  const applied = await applyFilters(filters, parts, names);
  const conditions = applied.map((part, i) =>
    [
      ...(organizations[i] === undefined ? [] : [`${ORGANIZATION[0]} = ${sqlString(organizations[i])}`]),
      ...part.conditions,
    ].join(" AND "),
  );
  const condition =
    conditions.length === 1 ? conditions : [`(${conditions.map((part) => `(${part})`).join(" OR ")})`];
  return {
    sql: narrow(sql, condition, { tables: ["usage", "daily"], what }),
    filters: applied.flatMap((part) => part.filters),
  };
}

/** @throws {GcUsageError} input, if a filter would leave no rows of `daily`, because they do not have its dimension. */
function checkDaily(sql: string, filters: Filters): void {
  const split = dimensionsOf(CANONICAL_GROUPING);
  const unsplit = FILTERS.find(({ name, dimension }) => filters[name]?.length && !split.includes(dimension));
  if (unsplit === undefined || !tablesOf(sql).some(({ name, isBound }) => name === "daily" && !isBound))
    return;
  throw new GcUsageError(
    "input",
    `--${unsplit.name} cannot narrow daily: its rows are split only by ${split.slice(0, -1).join(", ")} and ${split.at(-1)}.`,
    { hint: `Query usage, with a "grouping" that contains ${unsplit.dimension}.` },
  );
}
