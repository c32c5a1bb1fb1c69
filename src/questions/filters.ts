import { allRows, type QueryOptions, type QueryStats, type SqlEngine } from "../engine/engine.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { shellWord, sqlString } from "../support/quote.ts";
import type { Dimension } from "../usage/columns.ts";
import type { MatchedPath, RowFilter } from "../usage/envelope.ts";
import { FILTERS, type FilterColumns, type FilterName } from "./filter-columns.ts";
import { namesShown, type ShownNames } from "./named-rows.ts";
import { endpointsMeant, matchedPaths, type PathPattern } from "./path-patterns.ts";

/**
 * The only rows to read. Each value is an id, a name or an unambiguous part of a name. Several values of a filter mean
 * any of them; several filters mean all of them. An endpoint may start with a method: `GET /api/v2/users/me`.
 */
export type Filters = Readonly<Partial<Record<FilterName, readonly string[] | undefined>>> & {
  /** Endpoints by patterns. Unlike a value, a pattern may match nothing. Not together with `endpoint`. */
  readonly paths?: readonly PathPattern[] | undefined;
};

export function hasFilters(filters: Filters): boolean {
  return givenIn(filters).length > 0;
}

function givenIn(filters: Filters): FilterColumns[] {
  return FILTERS.filter(
    ({ name }) => filters[name]?.length || (name === "endpoint" && filters.paths !== undefined),
  );
}

/** The dimensions that rows must be split by so that the filters can be applied. */
export function dimensionsFiltered(filters: Filters): Dimension[] {
  const wanted = new Set<Dimension>(givenIn(filters).map(({ dimension }) => dimension));
  if (hasMethods(filters)) wanted.add("method");
  return [...wanted];
}

function hasMethods({ endpoint = [], paths = [] }: Filters): boolean {
  return (
    endpoint.some((text) => endpointOf(text).method !== undefined) ||
    paths.some(({ method }) => method !== undefined)
  );
}

/** Rows to look for values in. It has an organization if it is one of several lakes. */
export interface FilteredRows {
  readonly organization: string | undefined;
  readonly engine: SqlEngine;
  /** The condition that selects the rows that are read. */
  readonly where: string;
  readonly options: QueryOptions;
  /** Where the values were looked for, for errors: `2026-10-01 to 2026-10-31`. */
  readonly what: string;
}

/** The values of the filters that exist in the rows, and the conditions that select them. */
export interface AppliedFilters {
  readonly filters: readonly RowFilter[];
  /** SQL, to be joined with AND. */
  readonly conditions: readonly string[];
  /** With patterns of paths: each, and the number of endpoints that it matches. */
  readonly paths?: readonly MatchedPath[];
  /** What the search for the values cost; undefined without filters. */
  readonly searched?: QueryStats;
}

/**
 * Finds the values that the filters mean, with one statement for each lake. An id has precedence over a name, and a
 * whole name over a part. A name may have another id in each organization.
 *
 * @throws {GcUsageError} input, if a value is ambiguous within a lake, or is not found in any of them.
 */
export async function applyFilters(
  filters: Filters,
  parts: readonly FilteredRows[],
  names: ShownNames = { users: new Map(), labels: undefined },
): Promise<readonly AppliedFilters[]> {
  const given = givenIn(filters);
  if (given.length === 0) return parts.map(() => ({ filters: [], conditions: [] }));
  const searches: Awaited<ReturnType<typeof candidatesIn>>[] = [];
  for (const part of parts) searches.push(await candidatesIn(part, given, filters, names));
  const candidates = searches.map(({ values }) => values);
  const applied = searches.map(({ searched, values }) => ({
    filters: [] as RowFilter[],
    conditions: [] as string[],
    ...(filters.paths && { paths: matchedPaths(filters.paths, values.get("endpoint") ?? []) }),
    searched,
  }));
  for (const filter of given) {
    const found = (filters[filter.name] ?? []).map((text) => find(filter, text, candidates, parts));
    for (const [i, part] of applied.entries()) {
      const values =
        filter.name === "endpoint" && filters.paths !== undefined
          ? endpointsMeant(filters.paths, candidates[i]?.get("endpoint") ?? [])
          : found.flatMap((perPart) => perPart[i] ?? []);
      const { organization } = parts[i] as FilteredRows;
      const known = values.map(({ value, label, method }) => ({
        ...(organization === undefined ? {} : { organization }),
        dimension: filter.dimension,
        value,
        name: label,
        ...(method === undefined ? {} : { method }),
      }));
      part.filters.push(...known);
      part.conditions.push(conditionOf(filter, values));
    }
  }
  return applied;
}

/** `client Dialer (a1b2) or Portal (c3d4) and method GET`. */
export function describeFilters(filters: readonly RowFilter[]): string {
  return FILTERS.flatMap(({ name, dimension }) => {
    const values = filters.filter((filter) => filter.dimension === dimension);
    return values.length === 0 ? [] : `${name} ${values.map(describeValue).join(" or ")}`;
  }).join(" and ");
}

function describeValue({ value, name, method }: Pick<RowFilter, "value" | "name" | "method">): string {
  const whole = method === undefined ? value : `${method} ${value}`;
  return name === null ? whole : `${inLine(name)} (${whole})`;
}

/** A name may contain line breaks. */
function inLine(name: string): string {
  return name.replaceAll(/\s+/g, " ");
}

/** A value that a filter selects. */
interface Found {
  readonly value: string;
  /** The value's newest name; null if it has none. */
  readonly label: string | null;
  readonly method: string | undefined;
}

/** A value of a dimension in the rows, with its newest name first. */
interface Candidate {
  readonly value: string;
  readonly names: string[];
  readonly methods: Set<string>;
}

type Candidates = ReadonlyMap<FilterName, readonly Candidate[]>;

async function candidatesIn(
  { engine, where, options }: FilteredRows,
  given: readonly FilterColumns[],
  filters: Filters,
  shown: ShownNames,
): Promise<{ readonly values: Candidates; readonly searched: QueryStats }> {
  const hasMethod = hasMethods(filters);
  const selects = given.map(({ name, column, label }) => {
    const others = [...(label ? [label] : []), ...(name === "endpoint" && hasMethod ? ["httpMethod"] : [])];
    const shown = [label, name === "endpoint" && hasMethod ? "httpMethod" : undefined];
    return `SELECT ${sqlString(name)} AS filter, ${column} AS value, ${shown
      .map((other, i) => `${other ?? "CAST(NULL AS varchar)"} AS ${["name", "method"][i]}`)
      .join(", ")}, CAST(max(date) AS varchar) AS newest
FROM usage WHERE ${where} AND ${column} IS NOT NULL GROUP BY ${[column, ...others].join(", ")}`;
  });
  const sql = `${selects.join("\nUNION ALL\n")}\nORDER BY filter, newest DESC, value, name`;
  const found = new Map<FilterName, Map<string, Candidate>>(given.map(({ name }) => [name, new Map()]));
  const result = await engine.query(sql, options);
  const rows = await allRows(result);
  const searched = result.stats();
  for (const [filter, value, name, method] of rows) {
    const values = found.get(filter as FilterName);
    if (values === undefined || typeof value !== "string") continue;
    const names = namesShown(filter as FilterName, value, shown);
    const candidate = values.get(value) ?? { value, names, methods: new Set<string>() };
    values.set(value, candidate);
    if (typeof name === "string" && name.trim() !== "") candidate.names.push(name);
    if (typeof method === "string") candidate.methods.add(method);
  }
  return {
    values: new Map([...found].map(([name, values]) => [name, [...values.values()]])),
    searched,
  };
}

const METHODS = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+(?=\S)/i;

function endpointOf(text: string): { readonly method: string | undefined; readonly uri: string } {
  const method = METHODS.exec(text.trim());
  return { method: method?.[1]?.toUpperCase(), uri: text.trim().slice(method?.[0].length ?? 0) };
}

/** The values that a text means, for each lake. */
function find(
  filter: FilterColumns,
  text: string,
  candidates: readonly Candidates[],
  parts: readonly FilteredRows[],
): (Found | undefined)[] {
  if (text.trim() === "") {
    throw new GcUsageError("input", `--${filter.name} is empty.`, {
      hint: "Set all or part of a name or value.",
    });
  }
  const { method, uri } = filter.name === "endpoint" ? endpointOf(text) : { method: undefined, uri: text };
  const all = candidates.map((known) =>
    (known.get(filter.name) ?? []).filter(({ methods }) => method === undefined || methods.has(method)),
  );
  for (const isMatch of matchers(uri, filter.name !== "client")) {
    const matches = all.map((known) => known.filter(isMatch));
    if (matches.every(({ length }) => length === 0)) continue;
    return matches.map((match, i) => {
      if (match.length > 1)
        throw ambiguous(filter, text, match, { method, organization: parts[i]?.organization });
      const [only] = match;
      return only && { value: only.value, label: only.names[0] ?? null, method };
    });
  }
  throw notFound(filter, text, all.flat(), { method, parts });
}

/** How a text can mean a value, from the strictest to the least strict. */
export function matchers(
  text: string,
  withParts: boolean,
): ((candidate: Pick<Candidate, "value" | "names">) => boolean)[] {
  const wanted = text.toLowerCase();
  const isIn = (value: string): boolean => value.toLowerCase().includes(wanted);
  return [
    ({ value }) => value === text,
    ({ value }) => value.toLowerCase() === wanted,
    ({ names }) => names.some((name) => name.toLowerCase() === wanted),
    ({ names }) => names.some(isIn),
    // A short text is in many clients' ids by accident.
    ({ value }) => withParts && isIn(value),
  ];
}

/** How many candidates a message lists. */
const LISTED = 10;

function ambiguous(
  { name }: FilterColumns,
  text: string,
  matches: readonly Candidate[],
  {
    method,
    organization,
  }: { readonly method: string | undefined; readonly organization: string | undefined },
): GcUsageError {
  const whose = organization === undefined ? "" : `${organization}: `;
  return new GcUsageError(
    "input",
    `${whose}--${name} ${quoted(text)} matches ${counted(matches.length, name)}, but must match one.`,
    {
      hint: `Use one of these:\n${listed(name, matches, method)}`,
      details: { matches: matches.map(({ value, names }) => ({ value, name: names[0] ?? null })) },
    },
  );
}

function notFound(
  { name }: FilterColumns,
  text: string,
  known: readonly Candidate[],
  { method, parts }: { readonly method: string | undefined; readonly parts: readonly FilteredRows[] },
): GcUsageError {
  const words = known.flatMap((candidate) => [...candidate.names, candidate.value]);
  const hint =
    didYouMean(text, words, (word) => `--${name} ${shellWord(word)}`) ??
    (known.length > 0
      ? `Use one of these:\n${listed(name, known, method)}`
      : `These rows contain no ${name}.`);
  return new GcUsageError(
    "input",
    `--${name} ${quoted(text)} was not found in ${parts[0]?.what ?? "the lake"}.`,
    { hint },
  );
}

/** A line for each candidate, with the option to copy, in the order of names. A method in front of an endpoint stays. */
function listed(name: FilterName, candidates: readonly Candidate[], method: string | undefined): string {
  const whole = (value: string): string => (method === undefined ? value : `${method} ${value}`);
  const lines = candidates
    .map(({ value, names: [first = ""] }) => ({ first, option: `  --${name} ${shellWord(whole(value))}` }))
    .sort((a, b) => a.first.localeCompare(b.first) || a.option.localeCompare(b.option))
    .slice(0, LISTED)
    .map(({ first, option }) => (first === "" ? option : `${option}  ${inLine(first)}`));
  const more = candidates.length - lines.length;
  return lines.join("\n") + (more > 0 ? `\nand ${more} more` : "");
}

/** No values select no rows. */
function conditionOf({ column }: FilterColumns, found: readonly Found[]): string {
  const plain = found.flatMap(({ value, method }) => (method === undefined ? sqlString(value) : []));
  const withMethod = found.flatMap(({ value, method }) =>
    method === undefined ? [] : `${column} = ${sqlString(value)} AND httpMethod = ${sqlString(method)}`,
  );
  const conditions = [
    ...(plain.length === 1 ? [`${column} = ${plain.join("")}`] : []),
    ...(plain.length > 1 ? [`${column} IN (${plain.join(", ")})`] : []),
    ...withMethod,
  ];
  const [only] = conditions;
  if (only === undefined) return "false";
  return conditions.length === 1 ? only : `(${conditions.map((condition) => `(${condition})`).join(" OR ")})`;
}
