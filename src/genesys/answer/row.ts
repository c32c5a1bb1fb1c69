import { isInteger, isLosslessNumber, parse as parseLossless } from "lossless-json";
import { messageOf, UsageError } from "../../support/errors.ts";
import { shown } from "../../support/shown.ts";
import { type Day, dayOf, tryDay } from "../../usage/day.ts";
import { DIMENSIONS, type Dimension } from "../../usage/grouping.ts";
import { METRICS, type Metric } from "../../usage/metric.ts";
import { type Count, MAX_COUNT } from "../../usage/row.ts";
import type { Service } from "../../usage/service.ts";

/** A row of either service, flat, in the lake's words; what the row did not hold is undefined. */
export interface ApiRow {
  /** Undefined where the row has only fields that both services' rows have. */
  readonly service: Service | undefined;
  /** The UTC day of `date`, whatever time of day it carried; undefined for a row without. */
  readonly date: Day | undefined;
  readonly dimensions: Readonly<Partial<Record<Dimension, string>>>;
  readonly clientName: string | undefined;
  readonly metrics: Readonly<Partial<Record<Metric, Count>>>;
  /** Fields that we do not know, kept as they came. */
  readonly extra: Readonly<Record<string, unknown>> | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields that only rows of the jobs service have. */
const JOBS_FIELDS = ["requestCount", "oauthClient", "user", "platform"];
/** Fields that only rows of the legacy service have. */
const LEGACY_FIELDS = ["clientId", "clientName", "userId", "requests"];
const SHARED_FIELDS = [
  "date",
  "templateUri",
  "httpMethod",
  "status200",
  "status300",
  "status400",
  "status500",
  "status429",
];
const KNOWN: Readonly<Record<Service, ReadonlySet<string>>> = {
  jobs: new Set([...SHARED_FIELDS, ...JOBS_FIELDS, "organizationId"]),
  legacy: new Set([...SHARED_FIELDS, ...LEGACY_FIELDS, "organizationId"]),
};
const LEGACY_DIMENSIONS: Readonly<Partial<Record<Dimension, string>>> = {
  client: "clientId",
  organization: "organizationId",
  user: "userId",
  uri: "templateUri",
  method: "httpMethod",
};

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
  const service = JOBS_FIELDS.some((field) => field in fields) ? "jobs" : "legacy";
  const metrics: Partial<Record<Metric, Count>> = {};
  for (const metric of METRICS) {
    const field = service === "jobs" && metric === "requests" ? "requestCount" : metric;
    const value = fields[field];
    if (value !== undefined && value !== null) metrics[metric] = count(value, field, number);
  }
  if (Object.keys(metrics).length === 0) throw noCounts(number);
  const client = service === "jobs" ? reference(fields, "oauthClient", number) : undefined;
  const dimensions: Partial<Record<Dimension, string>> = {};
  for (const dimension of DIMENSIONS) {
    const value =
      service === "jobs"
        ? jobsDimension(fields, dimension, client, number)
        : legacyDimension(fields, dimension, number);
    if (value !== undefined) dimensions[dimension] = value;
  }
  return {
    service: service === "jobs" || LEGACY_FIELDS.some((field) => field in fields) ? service : undefined,
    date: rowDate(fields["date"], number),
    dimensions,
    clientName: service === "jobs" ? client?.name : text(fields, "clientName", number),
    metrics,
    extra: unknownFields(fields, service, json, number),
  };
}

const COUNTS = [...METRICS, "requestCount"];

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

function jobsDimension(
  fields: Fields,
  dimension: Dimension,
  client: { id: string | undefined } | undefined,
  number: number,
): string | undefined {
  switch (dimension) {
    case "client":
      return client?.id;
    case "user":
      return reference(fields, "user", number)?.id;
    case "organization":
      return text(fields, "organizationId", number);
    case "uri":
      return text(fields, "templateUri", number);
    case "method":
      return text(fields, "httpMethod", number);
    case "platform":
      return text(fields, "platform", number);
  }
}

function legacyDimension(fields: Fields, dimension: Dimension, number: number): string | undefined {
  const field = LEGACY_DIMENSIONS[dimension];
  return field === undefined ? undefined : text(fields, field, number);
}

/** `{id, name}`, as jobs rows refer to clients and users. */
function reference(
  fields: Fields,
  field: string,
  number: number,
): { id: string | undefined; name: string | undefined } | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw bad(number, `its ${field} is no object`);
  const object = value as Fields;
  return { id: text(object, "id", number), name: text(object, "name", number) };
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

function unknownFields(fields: Fields, service: Service, json: string, number: number): Fields | undefined {
  const unknown = Object.keys(fields).filter((field) => !KNOWN[service].has(field));
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
