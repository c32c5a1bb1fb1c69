import { isInteger, isLosslessNumber, parse as parseLossless } from "lossless-json";
import { messageOf, UsageError } from "../../support/errors.ts";
import { shown } from "../../support/shown.ts";
import {
  METRIC_COLUMNS,
  type Metric,
  type RowShape,
  TEXT_COLUMNS,
  type TextColumn,
  type UsageColumn,
} from "../../usage/columns.ts";
import { type Day, dayOf, tryDay } from "../../usage/day.ts";
import { METRICS } from "../../usage/metric.ts";
import { type Count, MAX_COUNT } from "../../usage/row.ts";
import type { Service } from "../../usage/service.ts";

/** A row of either service, flat, in the lake's columns; what the row did not hold is undefined. */
export interface ApiRow {
  /** Undefined if the row has only fields that both services' rows have. */
  readonly service: Service | undefined;
  /** The UTC day of `date`, whatever time of day it carried; undefined for a row without. */
  readonly date: Day | undefined;
  readonly texts: Readonly<Partial<Record<TextColumn, string>>>;
  readonly metrics: Readonly<Partial<Record<Metric, Count>>>;
  /** Fields that we do not know, kept as they came. */
  readonly extra: Readonly<Record<string, unknown>> | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where rows of one shape have each column: `oauthClient.id` is read as the member `id` of `oauthClient`. */
interface Reader {
  readonly texts: readonly {
    readonly column: TextColumn;
    readonly field: string;
    readonly member?: string;
  }[];
  readonly metrics: readonly { readonly column: Metric; readonly field: string }[];
  /** Top-level fields that a row of this shape can have. */
  readonly known: ReadonlySet<string>;
}

function readerOf(shape: RowShape): Reader {
  const texts = TEXT_COLUMNS.flatMap(({ name, field }: UsageColumn) => {
    const [top, member] = field[shape]?.split(".") ?? [];
    return top === undefined
      ? []
      : [{ column: name as TextColumn, field: top, ...(member ? { member } : {}) }];
  });
  const metrics = METRIC_COLUMNS.map(({ name, field }) => ({ column: name, field: field[shape] }));
  return { texts, metrics, known: new Set(["date", ...[...texts, ...metrics].map(({ field }) => field)]) };
}

const READERS: Readonly<Record<RowShape, Reader>> = { flat: readerOf("flat"), nested: readerOf("nested") };

/** The service that writes rows of a shape. */
const SERVICE_OF: Readonly<Record<RowShape, Service>> = { flat: "legacy", nested: "jobs" };

/** Fields that only rows of one shape have: they tell which shape a row is. */
function only(shape: RowShape, other: RowShape): string[] {
  return [...READERS[shape].known].filter((field) => !READERS[other].known.has(field));
}
const ONLY_NESTED = only("nested", "flat");
const ONLY_FLAT = only("flat", "nested");

/**
 * Reads one row of an answer.
 *
 * @param rounded the row, as JSON.parse gives it.
 * @param json the row's text, read again where JSON.parse has rounded a count.
 * @param number its place, from 1, for messages.
 * @throws {UsageError} input, for what is no usage row: no counts at all, a count that is no whole number from 0 to
 *   2^63-1, a date that is none, a field of another type.
 */
export function parseApiRow(rounded: Fields, json: string, number: number): ApiRow {
  const fields = hasRounded(rounded) ? exactly(json, number) : rounded;
  const isNested = ONLY_NESTED.some((field) => field in fields);
  const shape: RowShape = isNested ? "nested" : "flat";
  const reader = READERS[shape];
  const metrics: Partial<Record<Metric, Count>> = {};
  for (const { column, field } of reader.metrics) {
    const value = fields[field];
    if (value !== undefined && value !== null) metrics[column] = count(value, field, number);
  }
  if (Object.keys(metrics).length === 0) throw noCounts(number);
  const texts: Partial<Record<TextColumn, string>> = {};
  for (const { column, field, member } of reader.texts) {
    const value =
      member === undefined ? text(fields, field, number) : memberText(fields, field, member, number);
    if (value !== undefined) texts[column] = value;
  }
  return {
    service: isNested || ONLY_FLAT.some((field) => field in fields) ? SERVICE_OF[shape] : undefined,
    date: rowDate(fields["date"], number),
    texts,
    metrics,
    extra: unknownFields(fields, reader.known, json, number),
  };
}

const COUNTS = Object.values(READERS).flatMap(({ metrics }) => metrics.map(({ field }) => field));

/**
 * Tells rows from other objects by their fields' names alone, for whoever passes them on unread.
 *
 * @param number its place, from 1, for messages.
 * @throws {UsageError} input, for what has no counts at all.
 */
export function checkHasCounts(fields: Fields, number: number): void {
  if (!COUNTS.some((field) => field in fields)) throw noCounts(number);
}

function noCounts(number: number): UsageError {
  return bad(number, `it has none of the counts ${METRICS.join(", ")}`);
}

function exactly(json: string, number: number): Fields {
  try {
    return parseLossless(json) as Fields;
  } catch (error) {
    // JSON.parse has read it before: what is left to complain of is a field that is there twice.
    throw bad(number, messageOf(error));
  }
}

/** JSON.parse rounds integers above 2^53: such a row is rare, and worth a second reading. */
function hasRounded(fields: Fields): boolean {
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "number" && !Number.isSafeInteger(value)) return true;
  }
  return false;
}

/** A member of an object, as nested rows refer to clients and users. */
function memberText(fields: Fields, field: string, member: string, number: number): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw bad(number, `its ${field} is no object`);
  return text(value as Fields, member, number);
}

function text(fields: Fields, field: string, number: number): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw bad(number, `its ${field} is not text`);
  return value;
}

function count(value: unknown, field: string, number: number): Count {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  if (isLosslessNumber(value) && isInteger(value.value)) {
    const exact = BigInt(value.value);
    if (exact >= 0n && exact <= MAX_COUNT) {
      return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : exact;
    }
  }
  const found = isLosslessNumber(value) ? value.value.slice(0, 60) : shown(value);
  throw bad(number, `its ${field} is ${found}, no whole number from 0 to 2^63-1`);
}

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** A large answer has few dates, and reading one is slow. */
const readDates = new Map<string, Day>();

function rowDate(value: unknown, number: number): Day | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const known = typeof value === "string" ? readDates.get(value) : undefined;
  if (known !== undefined) return known;
  const day = parseRowDate(value, number);
  if (typeof value === "string" && readDates.size < 10_000) readDates.set(value, day);
  return day;
}

function parseRowDate(value: unknown, number: number): Day {
  const match = typeof value === "string" ? DATE_TIME.exec(value) : null;
  const day = match ? tryDay(match[1] ?? "") : undefined;
  if (typeof value !== "string" || day === undefined)
    throw bad(number, `its date ${shown(value)} is no date`);
  if (value.length === 10) return day;
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`);
  const utc = Number.isNaN(ms) ? undefined : tryDay(dayOf(ms));
  if (utc === undefined) throw bad(number, `its date ${shown(value)} is no date`);
  return utc;
}

function unknownFields(
  fields: Fields,
  known: ReadonlySet<string>,
  json: string,
  number: number,
): Fields | undefined {
  const unknown = Object.keys(fields).filter((field) => !known.has(field));
  if (unknown.length === 0) return undefined;
  const nested = unknown.some((field) => typeof fields[field] === "object" && fields[field] !== null);
  const source = nested ? exactly(json, number) : fields;
  return Object.fromEntries(unknown.map((field) => [field, source[field]]));
}

function bad(number: number, why: string): UsageError {
  return new UsageError("input", `Row ${number} is no usage row: ${why}.`, {
    hint: "Expected rows as the usage API gives them.",
  });
}
