import { badField } from "./http.ts";
import { names, parseObject } from "./parse-query.ts";
import { DIMENSIONS, type Dimension, type RecordDimensions } from "./rate-limit-records.ts";

/** A validated query of the rate limit records. */
export interface RateLimitQuery {
  /** Milliseconds since 1970; the end is not included. */
  readonly start: number;
  readonly end: number;
  /** The buckets' starts, ascending. */
  readonly buckets: readonly number[];
  readonly groupBy: readonly Dimension[];
  readonly matches: (dimensions: RecordDimensions) => boolean;
}

const FIELDS = [
  "interval",
  "metrics",
  "granularity",
  "timeZone",
  "groupBy",
  "filter",
  "views",
  "flattenMultivaluedDimensions",
  "alternateTimeDimension",
];
export const METRIC = "oRateLimitRecorded";

/** @throws {Refusal} 400 naming the field. */
export function parseRateLimitQuery(text: string): RateLimitQuery {
  const body = parseObject(text);
  for (const field of Object.keys(body)) {
    if (!FIELDS.includes(field)) throw badField(field, `expected one of ${FIELDS.join(", ")}`);
  }
  const { start, end } = parseInterval(body["interval"]);
  if (names(body, "metrics", [METRIC]).length === 0) throw badField("metrics", `use ["${METRIC}"]`);
  parseOthers(body);
  return {
    start,
    end,
    buckets: bucketsOf(start, end, body["granularity"]),
    groupBy: names(body, "groupBy", DIMENSIONS) as Dimension[],
    matches: body["filter"] === undefined ? () => true : parseFilter(body["filter"], "filter"),
  };
}

/** Fields that are checked and change nothing here. */
function parseOthers(body: Record<string, unknown>): void {
  const { timeZone, views, flattenMultivaluedDimensions, alternateTimeDimension } = body;
  if (timeZone !== undefined && (typeof timeZone !== "string" || !isTimeZone(timeZone)))
    throw badField("timeZone", `${JSON.stringify(timeZone)} is not an IANA time zone`);
  if (views !== undefined && (!Array.isArray(views) || views.length > 0))
    throw badField("views", "the sandbox supports only an empty list");
  if (flattenMultivaluedDimensions !== undefined && typeof flattenMultivaluedDimensions !== "boolean")
    throw badField("flattenMultivaluedDimensions", "it is not a boolean");
  if (alternateTimeDimension !== undefined && alternateTimeDimension !== "eventTime")
    throw badField("alternateTimeDimension", `${JSON.stringify(alternateTimeDimension)} is not eventTime`);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

function parseInterval(value: unknown): { start: number; end: number } {
  if (value === undefined || value === null || value === "") throw badField("interval", "it is required");
  const [start = Number.NaN, end = Number.NaN, ...rest] =
    typeof value === "string" ? value.split("/").map(parseInstant) : [];
  if (Number.isNaN(start + end) || rest.length > 0)
    throw badField(
      "interval",
      `${JSON.stringify(value)} is not two ISO 8601 times with a slash between them`,
    );
  if (end <= start) throw badField("interval", "the end is not after the start");
  return { start, end };
}

/** Times without a zone are UTC. */
function parseInstant(text: string): number {
  if (!INSTANT.test(text)) return Number.NaN;
  return Date.parse(text.includes("T") && !/(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? `${text}Z` : text);
}

const PERIOD =
  /^P(?=.)(?:(\d{1,4})W|(?:(\d{1,4})M)?(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,4})H)?(?:(\d{1,4})M)?)?)$/;
const MINUTE_MS = 60_000;
const MAX_BUCKETS = 100_000;

/** The buckets start at the interval's start, one period after the other. Default: one bucket. */
function bucketsOf(start: number, end: number, granularity: unknown): number[] {
  if (granularity === undefined || granularity === null) return [start];
  const parts = typeof granularity === "string" ? PERIOD.exec(granularity) : null;
  const [weeks = 0, months = 0, days = 0, hours = 0, minutes = 0] = (parts ?? [])
    .slice(1)
    .map((part) => Number(part ?? 0));
  const step = ((weeks * 7 + days) * 1440 + hours * 60 + minutes) * MINUTE_MS;
  if (step + months === 0)
    throw badField(
      "granularity",
      `${JSON.stringify(granularity)} is not an ISO 8601 period, such as P1D or PT1H`,
    );
  const buckets: number[] = [];
  for (let at = start; at < end; at = monthsLater(start, months * buckets.length) + step * buckets.length) {
    buckets.push(at);
    if (buckets.length > MAX_BUCKETS) throw badField("granularity", "it is too fine for the interval");
  }
  return buckets;
}

function monthsLater(ms: number, months: number): number {
  const date = new Date(ms);
  return date.setUTCMonth(date.getUTCMonth() + months);
}

type Match = (dimensions: RecordDimensions) => boolean;

/** `{type: and|or, clauses[], predicates[]}`; a clause has the same form. */
function parseFilter(value: unknown, field: string): Match {
  const { type, clauses, predicates, ...others } = asObject(value, field);
  noOthers(others, field);
  if (type !== "and" && type !== "or") throw badField(`${field}.type`, "it is neither and nor or");
  const parts = [
    ...asList(clauses, `${field}.clauses`).map((clause, i) => parseFilter(clause, `${field}.clauses[${i}]`)),
    ...asList(predicates, `${field}.predicates`).map((predicate, i) =>
      parsePredicate(predicate, `${field}.predicates[${i}]`),
    ),
  ];
  if (parts.length === 0) throw badField(field, "it has neither clauses nor predicates");
  return (dimensions) =>
    type === "and" ? parts.every((part) => part(dimensions)) : parts.some((part) => part(dimensions));
}

function parsePredicate(predicate: unknown, field: string): Match {
  const { type, dimension, operator = "matches", value, range, ...others } = asObject(predicate, field);
  noOthers(others, field);
  if (type !== undefined && type !== "dimension") throw badField(`${field}.type`, "it is not dimension");
  const named = DIMENSIONS.find((known) => known === dimension);
  if (named === undefined) throw badField(`${field}.dimension`, `it is not one of ${DIMENSIONS.join(", ")}`);
  switch (operator) {
    case "exists":
      return (dimensions) => dimensions[named] !== undefined;
    case "notExists":
      return (dimensions) => dimensions[named] === undefined;
    case "matches":
      if (range !== undefined) return parseRange(range, named, `${field}.range`);
      if (typeof value !== "string") throw badField(`${field}.value`, "it is not text");
      return (dimensions) => dimensions[named] === value;
    default:
      throw badField(`${field}.operator`, "it is not one of matches, exists, notExists");
  }
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
};

function parseRange(range: unknown, dimension: Dimension, field: string): Match {
  const bounds = Object.entries(asObject(range, field)).map(([name, bound]) => {
    const compare = COMPARISONS[name];
    if (compare === undefined || typeof bound !== "number")
      throw badField(`${field}.${name}`, "expected gt, gte, lt or lte with a number");
    return (value: number) => compare(value, bound);
  });
  return (dimensions) => bounds.every((holds) => holds(Number(dimensions[dimension] ?? Number.NaN)));
}

function asObject(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badField(field, "it is not an object");
  return { ...value };
}

function asList(value: unknown, field: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badField(field, "it is not a list");
  return value;
}

function noOthers(others: Record<string, unknown>, field: string): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw badField(`${field}.${name}`, "it is not a known field");
}
