import type { GenesysClient } from "../genesys/client.ts";
import { type RateLimitRecords, readRateLimitRecords } from "../genesys/limits.ts";
import { advise, type EndpointTraffic, type LimitedDay, type Traffic, worstOf } from "../insight/advice.ts";
import { type ConclusionFacts, conclude, type RecordsState, unknowns } from "../insight/conclusion.ts";
import { candidates, hitsOf, isAbove, isOf, type LimitHit } from "../insight/limit-hits.ts";
import { tokenLimitOf } from "../insight/limits.ts";
import { raiseRequest } from "../insight/raise-request.ts";
import { type DailyCounts, dailyCountsIn } from "../insight/subjects.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { WindowFlags } from "../usage/window.ts";
import type { AskOptions } from "./answers.ts";
import type { Asker } from "./asker.ts";
import { findClient } from "./client-named.ts";
import type { LakeContext } from "./context.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { missingInPeriod } from "./known-days.ts";
import { severalLakes } from "./limits.ts";
import {
  connectIfPossible,
  disconnect,
  Missing,
  type OfflineOptions,
  organizationLimits,
  orOffline,
} from "./organization-api.ts";
import type { QuestionRows } from "./question-rows.ts";

/** The period is like that of `ask`: by default the last 30 days, as far as the lake has them. */
export interface DiagnoseOptions
  extends WindowFlags,
    OfflineOptions,
    Pick<AskOptions, "service" | "groupBy" | "labels"> {}

/** The namespaces of limits that any client can hit. */
const NAMESPACES = ["platform.api", "dataactions"];
/** A client has fewer endpoints. */
const MOST_ENDPOINTS = 10_000;

export async function diagnose(
  usage: Asker,
  context: LakeContext,
  name: string,
  options: DiagnoseOptions,
): Promise<Diagnosis> {
  return await orOffline(() => diagnosisOf(usage, context, name, options));
}

async function diagnosisOf(
  usage: Asker,
  context: LakeContext,
  name: string,
  options: DiagnoseOptions,
): Promise<Diagnosis> {
  const used = await usageOf(usage, name, options);
  const connected = await connectIfPossible(context, options);
  try {
    const { client } = connected;
    const seen = await recordedFor(client, used, options.signal);
    const organization = await organizationLimits(client, options.signal, [
      ...new Set([...NAMESPACES, ...seen.records.flatMap(({ group }) => group.namespace ?? [])]),
    ]);
    const { limits, changeRequests } = organization;
    const found = hitsOf(seen.records, {
      clientId: used.client.id,
      clientIds: used.clientIds,
      limited: new Map(used.limited.map(({ day, status429 }) => [day, status429])),
      limits,
    });
    const [hit] = found.filter(({ isExceeded }) => isExceeded);
    const hours = await hoursOf(client, hit, used, options.signal);
    const isOneEndpoint = used.onlyEndpoint !== undefined;
    const possible =
      hit || used.limited.length === 0
        ? []
        : candidates(limits, { isOneEndpoint, areRecordsRead: seen.state === "read" });
    const traffic: Traffic = { ...used, hit, likely: possible[0], hours };
    const facts: ConclusionFacts = {
      traffic,
      hits: found,
      candidates: possible,
      records: seen.state,
      tokenLimit: tokenLimitOf(limits),
      onlyEndpoint: used.onlyEndpoint,
    };
    const advice = advise(traffic);
    const requestsFor = ({ namespace, key }: LimitHit) =>
      changeRequests?.filter(
        (request) => request.key === key && (request.namespace ?? namespace) === namespace,
      ) ?? null;
    const worst = worstOf(used.limited);
    const { client: who, period, missing, requests, status429, activeDays, basis } = used;
    return {
      client: who,
      period,
      missing,
      requests,
      status429,
      activeDays,
      limitedDays: used.limited,
      endpoints: used.endpoints.filter((endpoint) => endpoint.status429 > 0),
      endpointDays: used.endpointDays,
      limits: found.map((one) => ({ ...one, changeRequests: requestsFor(one) })),
      candidates: facts.candidates,
      records: seen.state,
      hours: hours === undefined || worst === undefined ? null : { day: worst.day, hours },
      conclusion: conclude(facts),
      unknown: unknowns(facts),
      advice,
      raiseRequest:
        advice.kind === "raise"
          ? raiseRequest({ client: who, period, traffic, earlier: (hit && requestsFor(hit)) ?? [] })
          : null,
      unavailable: [...seen.unavailable, ...organization.unavailable],
      offlineReason: connected.client === undefined ? connected.reason : null,
      basis,
    };
  } finally {
    await disconnect(context, connected);
  }
}

/** What the lake has about the client. */
interface Used {
  readonly client: Diagnosis["client"];
  /** In lower case. */
  readonly clientIds: ReadonlySet<string>;
  readonly basis: Envelope;
  readonly period: DayRange;
  readonly missing: readonly DayRange[];
  readonly requests: number;
  readonly status429: number;
  readonly activeDays: number;
  readonly limited: readonly LimitedDay[];
  /** All endpoints, those with the most 429s first. */
  readonly endpoints: readonly EndpointTraffic[];
  readonly endpointDays: readonly (LimitedDay & { readonly endpoint: string })[];
  readonly onWorstDay: ReadonlyMap<string, number>;
  readonly onlyEndpoint: string | undefined;
}

async function usageOf(usage: Asker, name: string, options: DiagnoseOptions): Promise<Used> {
  const { offline: _offline, onProgress: _progress, ...asked } = options;
  const byClient = await usage.ask("daily-counts", {
    ...asked,
    allowPartial: true,
    neededFor: "gc-usage diagnose",
  });
  const { basis } = byClient;
  if (basis.series?.some(({ organization }) => organization !== undefined)) throw severalLakes();
  const all = dailyCountsIn(byClient);
  const client = findClient(name, all, basis.period);
  const own = all.filter(({ value }) => value === client.id).sort((a, b) => (a.day < b.day ? -1 : 1));
  const limited = limitedIn(own);
  const missing = missingInPeriod(basis, options, ["requests", "status429"]);
  const sum = (count: (row: DailyCounts) => number): number =>
    own.reduce((total, row) => total + count(row), 0);
  const facts = {
    client,
    clientIds: new Set(all.flatMap(({ value }) => value?.toLowerCase() ?? [])),
    basis,
    period: periodOf(basis, all),
    missing,
    requests: sum(({ requests }) => requests),
    status429: sum(({ status429 }) => status429),
    activeDays: own.filter(({ requests }) => requests > 0).length,
    limited,
  };
  if (limited.length === 0)
    return { ...facts, endpoints: [], endpointDays: [], onWorstDay: new Map(), onlyEndpoint: undefined };
  return { ...facts, ...(await endpointsOf(usage, facts, options)) };
}

/** Without a given start, the period begins with the first day that has data. */
function periodOf({ period, coverage }: Envelope, rows: readonly DailyCounts[]): DayRange {
  const first = rows.map(({ day }) => day).sort()[0];
  if (period === null) throw new RangeError("the answer about a single lake has a period");
  const isBefore = coverage?.missing.some(({ from }) => from === period.from) ?? false;
  return isBefore && first !== undefined ? { ...period, from: first } : period;
}

function limitedIn(rows: readonly DailyCounts[]): LimitedDay[] {
  return rows.flatMap(({ day, requests, status429 }) => (status429 > 0 ? { day, requests, status429 } : []));
}

async function endpointsOf(
  usage: Asker,
  { client, basis, limited }: Pick<Used, "client" | "basis" | "limited">,
  { groupBy, signal }: DiagnoseOptions,
): Promise<Pick<Used, "endpoints" | "endpointDays" | "onWorstDay" | "onlyEndpoint">> {
  const asked = {
    from: basis.period?.from,
    to: basis.period?.to,
    service: basis.service ?? undefined,
    groupBy,
    signal,
    client: client.id,
    allowPartial: true,
    neededFor: "gc-usage diagnose",
  };
  const rows = dailyCountsIn(await usage.ask("daily-counts", { ...asked, params: { by: "endpoint" } }));
  const totals = await usage.ask("hot-spots", { ...asked, top: MOST_ENDPOINTS });
  const endpoints = ([...totals] as unknown as QuestionRows["hot-spots"][]).map(
    ({ method, templateUri, requests, status429 }) => ({
      endpoint: templateUri ?? "",
      method,
      requests: requests ?? 0,
      status429: status429 ?? 0,
    }),
  );
  const worst = worstOf(limited)?.day;
  const withLimits = [...new Set(endpoints.flatMap((one) => (one.status429 > 0 ? one.endpoint : [])))];
  const others = endpoints.some(({ endpoint, requests }) => requests > 0 && endpoint !== withLimits[0]);
  return {
    endpoints,
    endpointDays: rows.flatMap(({ value, ...row }) =>
      limitedIn([{ ...row, value }]).map((day) => ({ endpoint: value ?? "", ...day })),
    ),
    onWorstDay: new Map(
      rows.flatMap(({ day, value, requests }) => (day === worst ? [[value ?? "", requests] as const] : [])),
    ),
    onlyEndpoint: withLimits.length === 1 && others ? withLimits[0] : undefined,
  };
}

interface Recorded {
  readonly records: readonly RateLimitRecords[];
  readonly state: RecordsState;
  readonly unavailable: Diagnosis["unavailable"];
}

async function recordedFor(
  client: GenesysClient | undefined,
  { period }: Used,
  signal: AbortSignal | undefined,
): Promise<Recorded> {
  if (client === undefined) return { records: [], state: "offline", unavailable: [] };
  const missing = new Missing();
  const read = await readRateLimitRecords(client, { ...period, ...(signal && { signal }) });
  const records = missing.valueOf("the rate limit records", read);
  return {
    records: records ?? [],
    state: records === undefined ? "no-permission" : "read",
    unavailable: missing.all,
  };
}

/** The hours of the client's worst day in which it exceeded the limit. */
async function hoursOf(
  client: GenesysClient | undefined,
  hit: LimitHit | undefined,
  { client: { id }, limited }: Used,
  signal: AbortSignal | undefined,
): Promise<number[] | undefined> {
  const day: Day | undefined = worstOf(limited)?.day;
  if (client === undefined || hit === undefined || day === undefined || !hit.days.includes(day))
    return undefined;
  const query = { from: day, to: day, granularity: "PT1H", ...(signal && { signal }) };
  const read = await readRateLimitRecords(client, query);
  if (!read.available) return undefined;
  const its = read.value.filter((record) => isOf(hit, record, id) && isAbove(record));
  return [...new Set(its.map(({ start }) => new Date(start).getUTCHours()))].sort((a, b) => a - b);
}
