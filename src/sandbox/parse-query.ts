import { isGcUsageError } from "../support/errors.ts";
import { addDays, type Day, daysBetween, maxDay, minDay } from "../usage/day.ts";
import { type Interval, parseInterval } from "../usage/interval.ts";
import { apiMetric, METRICS, type Metric } from "../usage/metric.ts";
import type { Granularity, Span } from "../usage/period.ts";
import { METHODS } from "./endpoints.ts";
import { badField, Refusal } from "./http.ts";
import type { Split } from "./split.ts";

/** A validated query: what to sum, over which days, grouped by what. */
export interface Ask {
  readonly dialect: DialectName;
  /** The days that can have data: since 2018 and before the current UTC day. Undefined if there are none. */
  readonly span: Span | undefined;
  readonly granularity: Granularity;
  readonly splits: readonly Split[];
  readonly metrics: readonly Metric[];
  readonly filters: Readonly<Partial<Record<Split, readonly string[]>>>;
  readonly sortBy: readonly SortBy[];
}

interface SortBy {
  readonly field: SortField;
  readonly descending: boolean;
}

export type SortField = "date" | Split | Metric;

/** A service's spelling of queries. Source: the official SDKs' models. */
interface Dialect {
  readonly groupBy: Readonly<Record<string, Split>>;
  /** The grouping if groupBy is missing. Jobs: everything, since "by default the data is not aggregated", says the model. */
  readonly splits: readonly Split[];
  readonly filters: Readonly<Record<string, Split>>;
  readonly hasGranularity: boolean;
  readonly sorts: boolean;
  /** Jobs: the interval starts at most a year ago and ends at most 90 days after its start. */
  readonly limited: boolean;
  readonly builtins: boolean;
}

const LEGACY = { filters: {}, hasGranularity: true, sorts: false, limited: false, builtins: false };
const JOBS = { hasGranularity: true, sorts: true, limited: true, builtins: true };
const JOBS_FILTERS = { templateUris: "uri", httpMethods: "method", platforms: "platform" } as const;

export const DIALECTS = {
  legacy: {
    ...LEGACY,
    groupBy: {
      OAuthClientId: "client",
      OrganizationId: "organization",
      UserId: "user",
      TemplateUri: "uri",
      HttpMethod: "method",
    },
    splits: ["client"],
  },
  clientLegacy: {
    ...LEGACY,
    groupBy: {
      OAuthClientId: "client",
      OrganizationId: "organization",
      TemplateUri: "uri",
      HttpMethod: "method",
    },
    splits: ["client"],
  },
  jobs: {
    ...JOBS,
    groupBy: {
      OauthClientId: "client",
      OauthClientName: "clientName",
      UserId: "user",
      HttpMethod: "method",
      TemplateUri: "uri",
      Platform: "platform",
    },
    splits: ["client", "clientName", "user", "method", "uri", "platform"],
    filters: { oauthClientIds: "client", userIds: "user", ...JOBS_FILTERS },
  },
  clientJobs: {
    ...JOBS,
    groupBy: {
      OrganizationId: "organization",
      HttpMethod: "method",
      TemplateUri: "uri",
      Platform: "platform",
    },
    splits: ["organization", "method", "uri", "platform"],
    filters: { organizationIds: "organization", ...JOBS_FILTERS },
  },
  search: {
    ...LEGACY,
    groupBy: {},
    splits: ["client", "uri", "method"],
    filters: { oauthClientNames: "clientName", httpMethods: "method", templateUris: "uri" },
    hasGranularity: false,
  },
} as const satisfies Record<string, Dialect>;
export type DialectName = keyof typeof DIALECTS;

/** 2018-01-01: "its data reached back to 2018". */
const FIRST = "2018-01-01" as Day;

/**
 * Parses the body of a submit call as strictly as the service. Unknown fields are rejected, too. That is this sandbox's
 * choice (it is not documented), so that a misspelled field is found here and not in the figures.
 *
 * @throws {Refusal} 400 naming the field.
 */
export function parseBody(name: DialectName, text: string, today: Day): Ask {
  const dialect: Dialect = DIALECTS[name];
  const body = parseObject(text);
  const known = [
    "interval",
    "metrics",
    ...(dialect.hasGranularity ? ["granularity", "groupBy"] : []),
    ...(dialect.sorts ? ["sortBy"] : []),
    ...Object.keys(dialect.filters),
  ];
  for (const field of Object.keys(body)) {
    if (!known.includes(field)) throw badField(field, `expected one of ${known.join(", ")}`);
  }
  const interval = parseIntervalField(body["interval"], dialect, today);
  const start = maxDay(interval.start, FIRST);
  const end = minDay(interval.end, addDays(today, -1));
  const groupBy = names(body, "groupBy", Object.keys(dialect.groupBy));
  const splits = groupBy.flatMap((name) => dialect.groupBy[name] ?? []);
  return {
    dialect: name,
    span: end < start ? undefined : { start, end },
    granularity: parseGranularity(body["granularity"]),
    splits: splits.length === 0 ? dialect.splits : [...new Set(splits)],
    metrics: parseMetrics(body),
    filters: parseFilters(body, dialect),
    sortBy: parseSortBy(body["sortBy"]),
  };
}

/** @throws {Refusal} 400, if the text is not a JSON object. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, "bad.request", "The request body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refusal(400, "bad.request", "The request body is not a JSON object.");
  }
  return { ...value };
}

function parseIntervalField(value: unknown, dialect: Dialect, today: Day): Interval {
  if (value === undefined || value === null || value === "") throw badField("interval", "it is required");
  if (typeof value !== "string") throw badField("interval", "it is not text");
  const interval = readInterval(value);
  if (dialect.limited) {
    if (daysBetween(interval.start, interval.end) > 90) {
      throw badField("interval", "the end is more than 90 days after the start");
    }
    if (daysBetween(interval.start, today) > 365) {
      throw badField("interval", "the start is more than a year ago");
    }
  }
  return interval;
}

function readInterval(text: string): Interval {
  try {
    return parseInterval(text);
  } catch (error) {
    if (isGcUsageError(error)) throw badField("interval", error.message);
    throw error;
  }
}

function parseGranularity(value: unknown): Granularity {
  switch (value) {
    case undefined:
    case null:
      return "total";
    case "Day":
      return "day";
    case "Week":
      return "week";
    case "Month":
      return "month";
    default:
      throw badField("granularity", `${JSON.stringify(value)} is not one of Day, Week, Month`);
  }
}

function parseMetrics(body: Record<string, unknown>): Metric[] {
  const asked = names(body, "metrics", METRICS.map(apiMetric));
  return METRICS.filter((metric) => asked.length === 0 || asked.includes(apiMetric(metric)));
}

function parseFilters(body: Record<string, unknown>, dialect: Dialect): Partial<Record<Split, string[]>> {
  const filters: Partial<Record<Split, string[]>> = {};
  for (const [field, split] of Object.entries(dialect.filters)) {
    const wanted = names(body, field, field === "httpMethods" ? METHODS : undefined);
    if (wanted.length > 0) filters[split] = wanted;
  }
  return filters;
}

/** `sortBy.fieldName` has no documented values: the names of a row's fields and of the groupings are accepted. */
const SORT_FIELDS: ReadonlyMap<string, SortField> = new Map<string, SortField>([
  ["date", "date"],
  ["oauthclientid", "client"],
  ["oauthclientname", "clientName"],
  ["organizationid", "organization"],
  ["userid", "user"],
  ["templateuri", "uri"],
  ["httpmethod", "method"],
  ["platform", "platform"],
  ["requestcount", "requests"],
  ...METRICS.map((metric) => [metric, metric] as const),
]);

function parseSortBy(value: unknown): SortBy[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badField("sortBy", "it is not a list");
  return value.map((entry: unknown, i) => {
    const { fieldName, order } = (typeof entry === "object" && entry !== null ? entry : {}) as SortByBody;
    const field = typeof fieldName === "string" ? SORT_FIELDS.get(fieldName.toLowerCase()) : undefined;
    if (field === undefined) throw badField(`sortBy[${i}].fieldName`, "it is not a field of a row");
    if (order !== undefined && order !== "Asc" && order !== "Desc") {
      throw badField(`sortBy[${i}].order`, "it is neither Asc nor Desc");
    }
    return { field, descending: order === "Desc" };
  });
}

interface SortByBody {
  readonly fieldName?: unknown;
  readonly order?: unknown;
}

/** A list of names; empty if the field is absent. Case matters: the two services differ in it. */
export function names(body: Record<string, unknown>, field: string, allowed?: readonly string[]): string[] {
  const value = body[field];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) {
    throw badField(field, "it is not a list of names");
  }
  const wrong = allowed && value.find((entry) => !allowed.includes(entry));
  if (wrong !== undefined) {
    throw badField(field, `${JSON.stringify(wrong)} is not one of ${allowed?.join(", ")}`);
  }
  return value;
}
