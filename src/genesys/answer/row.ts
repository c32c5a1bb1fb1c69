import {
  isInteger,
  isLosslessNumber,
  stringify as losslessJson,
  parse as parseLossless,
} from "lossless-json";
import { GcUsageError } from "../../support/errors.ts";
import { isMembers } from "../../support/members.ts";
import { quoted } from "../../support/printable.ts";
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
import { type Service, serviceOfShape } from "../../usage/service.ts";

/** A row of either service, flattened into the lake's columns; missing values are undefined. */
export interface ApiRow {
  /** Undefined if the row has only fields that the rows of both services have. */
  readonly service: Service | undefined;
  /** The UTC day of `date`, whatever its time of day; undefined for a row without a date. */
  readonly date: Day | undefined;
  readonly texts: Readonly<Partial<Record<TextColumn, string>>>;
  readonly metrics: Readonly<Partial<Record<Metric, Count>>>;
  /** Unknown fields, kept unchanged. */
  readonly extra: Readonly<Record<string, unknown>> | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** The location of each column in rows of one shape: `oauthClient.id` is the member `id` of `oauthClient`. */
interface Reader {
  readonly texts: readonly {
    readonly column: TextColumn;
    readonly field: string;
    readonly member?: string;
  }[];
  readonly metrics: readonly { readonly column: Metric; readonly field: string }[];
  /** The top-level fields that a row of this shape can have. */
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

/** Fields that only rows of one shape have, which identify the shape. */
function only(shape: RowShape, other: RowShape): string[] {
  return [...READERS[shape].known].filter((field) => !READERS[other].known.has(field));
}
const ONLY_NESTED = only("nested", "flat");
const ONLY_FLAT = only("flat", "nested");

/**
 * Parses one row of an answer.
 *
 * @param rounded the row from JSON.parse.
 * @param json the row's text, parsed again if JSON.parse has rounded a count.
 * @param number its position, from 1, for messages.
 * @throws {GcUsageError} input, for anything but a usage row: no counts at all, a count that is not an integer from 0 to
 *   2^63-1, an invalid date, a field of the wrong type.
 */
export function parseApiRow(rounded: Fields, json: string, number: number): ApiRow {
  const fields = mayRepeat(rounded, json) || hasRounded(rounded) ? exactly(json, number) : rounded;
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
    service: isNested || ONLY_FLAT.some((field) => field in fields) ? serviceOfShape(shape) : undefined,
    date: rowDate(fields["date"], number),
    texts,
    metrics,
    extra: unknownFields(fields, reader.known, json, number),
  };
}

/**
 * True if every JSON reader finds the same values in a row's text: only known fields, no duplicates, and no lone
 * surrogates.
 */
export function isPlainRow({ extra }: ApiRow, fields: Fields, json: string): boolean {
  return extra === undefined && !mayRepeat(fields, json) && hasKnownMembers(fields) && !/\\u[dD]/.test(json);
}

/** False if no field is repeated. JSON.parse silently takes the last one. */
function mayRepeat(fields: Fields, json: string): boolean {
  return countNames(fields) !== countMembers(json);
}

/** Counts names at the top level and one below. Deeper names are missed, and then the row is parsed again. */
function countNames(fields: Fields): number {
  let names = 0;
  for (const name in fields) {
    names++;
    const value = fields[name];
    if (typeof value === "object" && value !== null) names += Object.keys(value).length;
  }
  return names;
}

/** Counts at least as many members as the text has: the pattern can also occur inside strings. */
function countMembers(json: string): number {
  let members = 0;
  for (let at = json.indexOf('":'); at !== -1; at = json.indexOf('":', at + 2)) members++;
  return members;
}

/** Members of the services' own references. An engine that treats `id` and `ID` as equal might take the other one. */
const MEMBERS = new Set(["id", "name", "selfUri"]);

function hasKnownMembers(fields: Fields): boolean {
  for (const field in fields) {
    const value = fields[field];
    if (typeof value !== "object" || value === null) continue;
    for (const [name, member] of Object.entries(value))
      if (!MEMBERS.has(name) || (typeof member === "object" && member !== null)) return false;
  }
  return true;
}

const COUNTS = Object.values(READERS).flatMap(({ metrics }) => metrics.map(({ field }) => field));

/**
 * Recognizes rows by the names of their fields, for callers that pass them on unparsed.
 *
 * @param number its position, from 1, for messages.
 * @throws {GcUsageError} input, for an object without any counts.
 */
export function checkHasCounts(fields: Fields, number: number): void {
  if (!COUNTS.some((field) => field in fields)) throw noCounts(number);
}

function noCounts(number: number): GcUsageError {
  return badRow(number, `it has none of the metrics ${METRICS.join(", ")}`);
}

/**
 * Parses a row's text and keeps every digit of its numbers.
 *
 * @throws {GcUsageError} input, for a repeated field with different values, because it is unclear which one is right.
 */
export function exactly(json: string, number: number): Fields {
  return parseLossless(json, null, {
    onDuplicateKey: ({ key, oldValue, newValue }) => {
      if (losslessJson(oldValue) === losslessJson(newValue)) return newValue;
      throw badRow(number, `the field ${quoted(key)} is repeated with different values`);
    },
  }) as Fields;
}

/** JSON.parse rounds integers above 2^53. Such rows are rare, so parsing them again is cheap. */
function hasRounded(fields: Fields): boolean {
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "number" && !Number.isSafeInteger(value)) return true;
  }
  return false;
}

/** A member of an object, which is how nested rows refer to clients and users. */
function memberText(fields: Fields, field: string, member: string, number: number): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw badRow(number, `${field} must be an object`);
  return text(value, member, number);
}

/** In exactly parsed values, numbers are objects, too. */
export function isObject(value: unknown): value is Fields {
  return isMembers(value) && !isLosslessNumber(value);
}

function text(fields: Fields, field: string, number: number): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw badRow(number, `${field} must be text`);
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
  const found = isLosslessNumber(value) ? value.value.slice(0, 60) : quoted(value);
  throw badRow(number, `${field} is ${found} (expected an integer from 0 to 2^63-1)`);
}

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** A large answer has few distinct dates, and parsing a date is slow. */
const readDates = new Map<string, Day>();

/**
 * The UTC day of a row's `date`; undefined if it has none.
 *
 * @param number the row's position, from 1, for messages.
 * @throws {GcUsageError} input, for an invalid date.
 */
export function rowDate(value: unknown, number: number): Day | undefined {
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
  if (typeof value !== "string" || day === undefined) throw badRow(number, `invalid date ${quoted(value)}`);
  if (value.length === 10) return day;
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`);
  const utc = Number.isNaN(ms) ? undefined : tryDay(dayOf(ms));
  if (utc === undefined) throw badRow(number, `invalid date ${quoted(value)}`);
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

export function badRow(number: number, why: string): GcUsageError {
  return new GcUsageError("input", `Row ${number} is not a usage row: ${why}.`, {
    hint: "Expected rows as the usage API returns them.",
  });
}
