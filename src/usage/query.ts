import { GcUsageError } from "../support/errors.ts";
import { didYouMean, suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import {
  DIMENSIONS,
  type Dimension,
  dimensionNamed,
  dimensionsOf,
  type Grouping,
  groupingOf,
} from "./grouping.ts";
import { type Interval, parseInterval } from "./interval.ts";
import { apiMetric, METRICS, type Metric, tryMetric } from "./metric.ts";
import { GRANULARITIES, type Granularity } from "./period.ts";
import { cannotGroupBy, SERVICE_SPECS, type Service } from "./service.ts";

/** A query independent of the service; `queryBody` spells it for each service. */
export interface Query {
  readonly interval: Interval;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** Never empty: all metrics if the API would get none. */
  readonly metrics: readonly Metric[];
  /** True if rows are filtered: such results are never stored as a slice. */
  readonly filtered: boolean;
}

/** The body of a submit call, as a JSON object. */
export type QueryBody = Readonly<Record<string, unknown>>;

const FILTERS = ["oauthClientIds", "userIds", "templateUris", "httpMethods", "platforms"] as const;

/** The body for `service`, in that service's own spelling. */
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
 * Parses the object of a query file, as strictly as the service would, before anything is sent. Enum values are not
 * case-sensitive, because the two services spell them differently.
 *
 * @throws {GcUsageError} input, with the field, its value and the allowed values.
 */
export function parseQuery(value: unknown, service: Service): Query {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GcUsageError("input", `Invalid query: ${quoted(value)} (expected a JSON object).`, {
      hint: 'Example: {"interval": "2026-10-01/2026-10-31", "granularity": "Day", "groupBy": ["OAuthClientId"]}.',
    });
  }
  const body: Record<string, unknown> = { ...value };
  const { bodyFields } = SERVICE_SPECS[service];
  for (const field of Object.keys(body)) {
    if (!bodyFields.includes(field)) {
      throw new GcUsageError(
        "input",
        `Unknown field ${quoted(field)} in a query of the ${service} service.`,
        {
          hint: `Allowed fields: ${bodyFields.join(", ")}.`,
        },
      );
    }
  }
  if (typeof body["interval"] !== "string" || body["interval"] === "") {
    throw new GcUsageError("input", "The query's interval is missing or not text.", {
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

/** Parses a granularity of the API or a person. Undefined, null or empty means one group for the whole interval. */
export function parseApiGranularity(value: unknown): Granularity {
  if (value === undefined || value === null || value === "") return "total";
  const known =
    typeof value === "string" && GRANULARITIES.find((granularity) => granularity === value.toLowerCase());
  if (!known) throw unknownGranularity(value);
  return known;
}

/** A query body requests the whole interval by omitting the granularity: `total` is our word, not the API's. */
function parseBodyGranularity(value: unknown): Granularity {
  const granularity = parseApiGranularity(value);
  if (granularity === "total" && typeof value === "string" && value !== "") throw unknownGranularity(value);
  return granularity;
}

function unknownGranularity(value: unknown): GcUsageError {
  return new GcUsageError("input", `Unknown granularity ${quoted(value)}.`, {
    hint: "Use Day, Week or Month, or omit it for one figure over the whole interval.",
  });
}

function parseGroupBy(value: unknown, service: Service): Grouping {
  const names = stringList(value, "groupBy");
  if (names === undefined || names.length === 0) return groupingOf(SERVICE_SPECS[service].defaultGroupBy);
  return groupingOf(names.map((name) => parseGroupByName(name, service)));
}

/** The service's spelling of a groupBy value: `oauthclientid` in its own spelling, `client` with all values it stands for. */
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
    (candidate) =>
      groupBy[candidate]?.some((spelled) => spelled.toLowerCase() === wanted) ||
      (candidate === dimensionNamed(wanted) && groupBy[candidate]),
  );
  if (dimension === undefined) {
    const known = Object.entries(groupBy).flatMap(([dimension, spelled]) => [dimension, ...spelled]);
    throw cannotGroupBy(service, [quoted(name)], didYouMean(name, known));
  }
  return dimension;
}

/** @throws {GcUsageError} input, for an unknown metric. */
export function metricsNamed(names: readonly string[]): Metric[] {
  const asked = names.map((name) => {
    const metric = tryMetric(name);
    if (metric === undefined) {
      throw new GcUsageError("input", `Unknown metric ${quoted(name)}.`, {
        hint: suggesting(
          name,
          METRICS.map(apiMetric),
          `Known metrics: ${METRICS.map(apiMetric).join(", ")}.`,
        ),
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

/** Checks for `[{"fieldName": …, "order": …}]`; the service knows the valid names. */
function checkSortBy(value: unknown): void {
  if (value === undefined || value === null) return;
  const isSort = (entry: unknown): boolean =>
    typeof entry === "object" &&
    entry !== null &&
    Object.values(entry).every((field) => typeof field === "string");
  if (Array.isArray(value) && value.every(isSort)) return;
  throw new GcUsageError(
    "input",
    `Invalid sortBy in the query: ${quoted(value)} (expected a list of fields with their order).`,
    {
      hint: 'Write "sortBy": [{"fieldName": "…", "order": "Desc"}], or omit it.',
    },
  );
}

function stringList(value: unknown, field: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw new GcUsageError(
      "input",
      `Invalid ${field} in the query: ${quoted(value)} (expected a list of names).`,
      {
        hint: `Write "${field}": ["…", "…"], or omit it.`,
      },
    );
  }
  return value;
}

/** The member of a query body for a granularity, in the spelling of both services; empty for `total`. */
export function apiGranularity(granularity: Granularity): { granularity?: string } {
  return granularity === "total"
    ? {}
    : { granularity: granularity.charAt(0).toUpperCase() + granularity.slice(1) };
}
