import { UsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { DIMENSIONS, type Dimension, dimensionsOf, type Grouping, groupingOf } from "./grouping.ts";
import { type Interval, parseInterval } from "./interval.ts";
import { apiMetric, METRICS, type Metric, tryMetric } from "./metric.ts";
import { GRANULARITIES, type Granularity } from "./period.ts";
import { cannotGroupBy, SERVICE_SPECS, type Service } from "./service.ts";

/** A query as we mean it; the spelling of each service is `queryBody`'s business. */
export interface Query {
  readonly interval: Interval;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** Never empty: all of them where the API would be sent none. */
  readonly metrics: readonly Metric[];
  /** True where rows are filtered: such results are no slice and never land. */
  readonly filtered: boolean;
}

/** The body of a submit call, as JSON. */
export type QueryBody = Readonly<Record<string, unknown>>;

const FILTERS = ["oauthClientIds", "userIds", "templateUris", "httpMethods", "platforms"] as const;

/** The body that asks `service` for a query, in that service's own spelling. */
export function queryBody(service: Service, query: Query): QueryBody {
  const { groupBy } = SERVICE_SPECS[service];
  return {
    interval: query.interval.text,
    ...apiGranularity(query.granularity),
    groupBy: dimensionsOf(query.grouping).flatMap((dimension) => {
      const names = groupBy[dimension];
      if (names === undefined) throw cannotGroupBy(service, [dimension]);
      return names;
    }),
    ...(query.metrics.length === METRICS.length ? {} : { metrics: query.metrics.map(apiMetric) }),
  };
}

/**
 * Checks a query file's object as strictly as the service would, before anything is sent, and tells what it
 * means. Enum values are matched whatever their case, since the two services spell them differently.
 *
 * @throws {UsageError} input, naming the field, its value and what it may be.
 */
export function parseQuery(value: unknown, service: Service): Query {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError("input", `A query is a JSON object, not ${quoted(value)}.`, {
      hint: 'For example {"interval": "2026-10-01/2026-10-31", "granularity": "Day", "groupBy": ["OAuthClientId"]}.',
    });
  }
  const body: Record<string, unknown> = { ...value };
  const { bodyFields } = SERVICE_SPECS[service];
  for (const field of Object.keys(body)) {
    if (!bodyFields.includes(field)) {
      throw new UsageError("input", `The ${service} service's query has no field ${quoted(field)}.`, {
        hint: `It takes ${bodyFields.join(", ")}.`,
      });
    }
  }
  if (typeof body["interval"] !== "string" || body["interval"] === "") {
    throw new UsageError("input", "The query's interval is missing or not text.", {
      hint: 'Write "interval": "2026-10-01/2026-10-31" (UTC days, both included).',
    });
  }
  checkSortBy(body["sortBy"]);
  return {
    interval: parseInterval(body["interval"]),
    granularity: parseBodyGranularity(body["granularity"]),
    grouping: parseGroupBy(body["groupBy"], service),
    metrics: parseMetrics(body["metrics"]),
    filtered: FILTERS.map((filter) => stringList(body[filter], filter)).some(
      (given) => (given ?? []).length > 0,
    ),
  };
}

/** A granularity as the API or a person writes it; absent, null or empty means one group for the whole interval. */
export function parseApiGranularity(value: unknown): Granularity {
  if (value === undefined || value === null || value === "") return "total";
  const known = typeof value === "string" && GRANULARITIES.find((one) => one === value.toLowerCase());
  if (!known) throw unknownGranularity(value);
  return known;
}

/** In a body the whole interval is asked for by leaving the granularity out: `total` is our word, not the API's. */
function parseBodyGranularity(value: unknown): Granularity {
  const granularity = parseApiGranularity(value);
  if (granularity === "total" && typeof value === "string" && value !== "") throw unknownGranularity(value);
  return granularity;
}

function unknownGranularity(value: unknown): UsageError {
  return new UsageError("input", `Unknown granularity ${quoted(value)}.`, {
    hint: "Use Day, Week or Month, or leave it out for one figure over the whole interval.",
  });
}

function parseGroupBy(value: unknown, service: Service): Grouping {
  const names = stringList(value, "groupBy");
  if (names === undefined || names.length === 0) return groupingOf(SERVICE_SPECS[service].defaultGroupBy);
  return groupingOf(names.map((name) => parseGroupByName(name, service)));
}

/** The service's spelling of what a person calls a groupBy value: `oauthclientid` its own, `client` all that it stands for. */
export function apiGroupBy(name: string, service: Service): readonly string[] {
  const names = SERVICE_SPECS[service].groupBy[parseGroupByName(name, service)] ?? [];
  const exact = names.find((spelled) => spelled.toLowerCase() === name.toLowerCase());
  return exact === undefined ? names : [exact];
}

/** `OAuthClientId`, `OauthClientId`, `client` … → `client`. */
export function parseGroupByName(name: string, service: Service): Dimension {
  const { groupBy } = SERVICE_SPECS[service];
  const wanted = name.toLowerCase();
  const dimension = DIMENSIONS.find(
    (one) =>
      groupBy[one]?.some((spelled) => spelled.toLowerCase() === wanted) || (one === wanted && groupBy[one]),
  );
  if (dimension === undefined) {
    throw cannotGroupBy(service, [quoted(name)]);
  }
  return dimension;
}

/** @throws {UsageError} input, for a name that is no metric's. */
export function metricsNamed(names: readonly string[]): Metric[] {
  const asked = names.map((name) => {
    const metric = tryMetric(name);
    if (metric === undefined) {
      throw new UsageError("input", `Unknown metric ${quoted(name)}.`, {
        hint: `Use some of ${METRICS.map(apiMetric).join(", ")}.`,
      });
    }
    return metric;
  });
  return METRICS.filter((metric) => asked.includes(metric));
}

function parseMetrics(value: unknown): Metric[] {
  const names = stringList(value, "metrics");
  if (names === undefined || names.length === 0) return [...METRICS];
  return metricsNamed(names);
}

/** `[{"fieldName": …, "order": …}]`; the service says which names it knows. */
function checkSortBy(value: unknown): void {
  if (value === undefined || value === null) return;
  const isSort = (one: unknown): boolean =>
    typeof one === "object" && one !== null && Object.values(one).every((field) => typeof field === "string");
  if (Array.isArray(value) && value.every(isSort)) return;
  throw new UsageError(
    "input",
    `The query's sortBy is ${quoted(value)}, not a list of fields with their order.`,
    {
      hint: 'Write "sortBy": [{"fieldName": "…", "order": "Desc"}], or leave it out.',
    },
  );
}

function stringList(value: unknown, field: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw new UsageError("input", `The query's ${field} is ${quoted(value)}, not a list of names.`, {
      hint: `Write "${field}": ["…", "…"], or leave it out.`,
    });
  }
  return value;
}

/** The member of a query's body that names a granularity, as both services spell it; none where none is asked for. */
export function apiGranularity(granularity: Granularity): { granularity?: string } {
  return granularity === "total"
    ? {}
    : { granularity: granularity.charAt(0).toUpperCase() + granularity.slice(1) };
}
