import * as z from "zod";
import { addDays, type Day, minDay, startOfDay } from "../usage/day.ts";
import type { GenesysClient } from "./client.ts";
import {
  FLAG,
  ifAvailable,
  listOf,
  NUMBER,
  type Optional,
  parsed,
  pathPart,
  readListing,
  TEXT,
} from "./listing.ts";

const PATH = "/api/v2/organizations/limits";

/** A limit's value: in force, or by default. */
export interface Limit {
  readonly namespace: string;
  readonly key: string;
  /** Undefined if the service does not say. */
  readonly value?: number | undefined;
}

const NAMESPACE = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);

/** Reads the names of the namespaces: `GET /api/v2/organizations/limits/namespaces`. */
export function readLimitNamespaces(
  client: GenesysClient,
  signal?: AbortSignal,
): Promise<Optional<string[]>> {
  const purpose = "read the limits' namespaces";
  return ifAvailable(() =>
    readListing(client, { path: `${PATH}/namespaces`, entity: NAMESPACE, purpose, signal }),
  );
}

/** Reads the limits in force of a namespace, such as "platform.api". */
export async function readLimits(
  client: GenesysClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<Optional<Limit[]>> {
  return readValues(
    client,
    namespace,
    `${PATH}/namespaces/${pathPart(namespace)}`,
    "read the limits",
    signal,
  );
}

/** Reads the default limits of a namespace: what is in force unless a change was approved. */
export async function readLimitDefaults(
  client: GenesysClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<Optional<Limit[]>> {
  const path = `${PATH}/namespaces/${pathPart(namespace)}/defaults`;
  return readValues(client, namespace, path, "read the default limits", signal);
}

function readValues(
  client: GenesysClient,
  namespace: string,
  path: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Optional<Limit[]>> {
  const entity = z
    .object({ key: z.string(), namespace: TEXT, value: NUMBER })
    .transform((limit) => ({ key: limit.key, namespace: limit.namespace ?? namespace, value: limit.value }));
  return ifAvailable(() => readListing(client, { path, entity, purpose: `${what} of ${namespace}`, signal }));
}

/** A limit as the organization's documentation describes it. */
export interface LimitDescription {
  readonly namespace: string;
  readonly key: string;
  readonly defaultValue?: number | undefined;
  readonly description?: string | undefined;
  readonly resource?: string | undefined;
  /** Whether a raise is possible. */
  readonly configurable?: boolean | undefined;
  /** Whether the records of `readRateLimitRecords` can show it. */
  readonly trackable?: boolean | undefined;
}

const DOCS = z.object({
  namespaces: listOf(
    z.object({
      name: z.string(),
      limits: listOf(
        z.object({
          key: z.string(),
          defaultValue: NUMBER,
          description: TEXT,
          resource: TEXT,
          configurable: FLAG,
          trackable: FLAG,
        }),
      ),
    }),
  ),
});

/** Reads the descriptions of all limits: `GET /api/v2/organizations/limits/docs`. */
export function readLimitDocs(
  client: GenesysClient,
  signal?: AbortSignal,
): Promise<Optional<LimitDescription[]>> {
  const purpose = "read the limits' documentation";
  return ifAvailable(async () => {
    const path = `${PATH}/docs`;
    const docs = parsed(DOCS, await client.json("GET", path, { purpose, signal }), purpose, path);
    return docs.namespaces.flatMap(({ name, limits }) =>
      limits.map((limit) => ({ namespace: name, ...limit })),
    );
  });
}

/** A request to change a limit, and its outcome. */
export interface ChangeRequest {
  readonly id?: string | undefined;
  readonly namespace?: string | undefined;
  readonly key?: string | undefined;
  readonly currentValue?: number | undefined;
  readonly requestedValue?: number | undefined;
  readonly description?: string | undefined;
  readonly supportCaseUrl?: string | undefined;
  /** Open, Pending, Approved, Rejected, Rollback and others. */
  readonly status?: string | undefined;
  /** AlternativeExists, IncreaseNotRequired, PlatformMisuse, PlatformStability or OtherReason. */
  readonly rejectReason?: string | undefined;
  /** ISO 8601, as the service sends it. */
  readonly dateCreated?: string | undefined;
  readonly dateCompleted?: string | undefined;
}

const CHANGE_REQUEST = z.object({
  id: TEXT,
  namespace: TEXT,
  key: TEXT,
  currentValue: NUMBER,
  requestedValue: NUMBER,
  description: TEXT,
  supportCaseUrl: TEXT,
  status: TEXT,
  rejectReason: TEXT,
  dateCreated: TEXT,
  dateCompleted: TEXT,
});

const CHANGE_REQUESTS_PER_PAGE = 100;

/**
 * Reads the requests to change limits: `GET /api/v2/organizations/limits/changerequests`, which needs the permission
 * limits:organization:view.
 *
 * @param since the first UTC day; default: what the service chooses, the last 365 days.
 */
export function readChangeRequests(
  client: GenesysClient,
  { since, signal }: { readonly since?: Day; readonly signal?: AbortSignal } = {},
): Promise<Optional<ChangeRequest[]>> {
  return ifAvailable(() =>
    readListing(client, {
      path: `${PATH}/changerequests`,
      query: {
        pageSize: CHANGE_REQUESTS_PER_PAGE,
        // Documented as a number. Milliseconds are an assumption.
        after: since === undefined ? undefined : startOfDay(since) - 1,
      },
      entity: CHANGE_REQUEST,
      purpose: "read the requests to change limits",
      signal,
    }),
  );
}

export const RATE_LIMIT_DIMENSIONS = [
  "entityId",
  "limitName",
  "max",
  "namespace",
  "timeUnit",
  "userId",
  "correlationId",
] as const;
export type RateLimitDimension = (typeof RATE_LIMIT_DIMENSIONS)[number];

export interface RateLimitQuery {
  /** UTC days, both included. */
  readonly from: Day;
  readonly to: Day;
  /** An ISO 8601 period. Default: P1D. */
  readonly granularity?: string;
  /** Default: entityId, limitName, max, namespace, timeUnit, userId. */
  readonly groupBy?: readonly RateLimitDimension[];
  readonly signal?: AbortSignal;
}

/** How often usage came near a limit or exceeded it, in one span of time. */
export interface RateLimitRecords {
  /** The dimensions of `groupBy`; those that the records do not have are missing. `max` is the limit's value, as text. */
  readonly group: Readonly<Partial<Record<RateLimitDimension, string>>>;
  /** Milliseconds since 1970; the end is not included. */
  readonly start: number;
  readonly end: number;
  /** Which of them the service fills is not documented. */
  readonly count?: number | undefined;
  readonly sum?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

const RECORDS_PATH = "/api/v2/analytics/ratelimits/aggregates/query";
const METRIC = "oRateLimitRecorded";
/** The longest interval is not documented. A month is what other analytics queries accept. */
const DAYS_PER_QUERY = 31;

const STATS = z.object({ count: NUMBER, sum: NUMBER, min: NUMBER, max: NUMBER });
const RECORDS = z.object({
  results: listOf(
    z.object({
      group: z.record(z.string(), z.unknown()).catch({}),
      data: listOf(
        z.object({ interval: z.string(), metrics: listOf(z.object({ metric: z.string(), stats: STATS })) }),
      ),
    }),
  ),
});

/**
 * Reads the records of limits that were used to 90% or more: `POST /api/v2/analytics/ratelimits/aggregates/query`, which needs the
 * permission analytics:rateLimitAggregate:view. The service records only trackable limits, "best effort", and calls the records
 * "not a source of truth". One call for every 31 days.
 */
export function readRateLimitRecords(
  client: GenesysClient,
  query: RateLimitQuery,
): Promise<Optional<RateLimitRecords[]>> {
  return ifAvailable(async () => {
    const found: RateLimitRecords[] = [];
    for (let from = query.from; from <= query.to; from = addDays(from, DAYS_PER_QUERY)) {
      const to = minDay(query.to, addDays(from, DAYS_PER_QUERY - 1));
      found.push(...(await readRecords(client, { ...query, from, to })));
    }
    return found;
  });
}

async function readRecords(client: GenesysClient, query: RateLimitQuery): Promise<RateLimitRecords[]> {
  const purpose = `read the rate limit records of ${query.from} to ${query.to}`;
  const groupBy = query.groupBy ?? RATE_LIMIT_DIMENSIONS.filter((name) => name !== "correlationId");
  const body = {
    interval: `${query.from}T00:00:00.000Z/${addDays(query.to, 1)}T00:00:00.000Z`,
    granularity: query.granularity ?? "P1D",
    metrics: [METRIC],
    ...(groupBy.length === 0 ? {} : { groupBy }),
  };
  const answer = await client.json("POST", RECORDS_PATH, { body, purpose, signal: query.signal });
  return parsed(RECORDS, answer, purpose, RECORDS_PATH).results.flatMap(({ group, data }) =>
    data.flatMap(({ interval, metrics }) => {
      const [start = Number.NaN, end = Number.NaN] = interval.split("/").map((text) => Date.parse(text));
      const stats = metrics.find(({ metric }) => metric === METRIC)?.stats;
      if (stats === undefined || Number.isNaN(start + end)) return [];
      return [{ group: dimensionsOf(group), start, end, ...stats }];
    }),
  );
}

function dimensionsOf(group: Readonly<Record<string, unknown>>): RateLimitRecords["group"] {
  return Object.fromEntries(
    RATE_LIMIT_DIMENSIONS.flatMap((name) => {
      const value = group[name];
      return typeof value === "string" || typeof value === "number" ? [[name, String(value)]] : [];
    }),
  );
}
