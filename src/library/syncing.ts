import type { GenesysClient } from "../genesys/client.ts";
import { readClaim } from "../lake/claim.ts";
import type { Lake } from "../lake/lake.ts";
import { findLake, openLake, openOrCreateLake } from "../lake/open.ts";
import { realEffects } from "../support/effects.ts";
import { isGcUsageError } from "../support/errors.ts";
import { once } from "../support/once.ts";
import { Pace, type SyncCost } from "../sync/pace.ts";
import {
  leftOut,
  planSync,
  type SyncPlan,
  type SyncTarget,
  TARGET_DEFAULTS,
  whyNotSynced,
} from "../sync/plan.ts";
import { callsOf, type ExpectedCalls } from "../sync/plan-cost.ts";
import { heldSlices, type SyncSummary, sync } from "../sync/sync.ts";
import { type SeriesOutcome, seriesToSync, syncAll } from "../sync/sync-all.ts";
import { SYNC_DEFAULTS, type SyncOptions } from "../sync/sync-options.ts";
import { addDays, type Day, dayOf } from "../usage/day.ts";
import { parseGrouping } from "../usage/grouping.ts";
import { type Granularity, periodStart, type WeekStart } from "../usage/period.ts";
import type { SeriesKey } from "../usage/series.ts";
import type { Service } from "../usage/service.ts";
import { hasStart, type WindowFlags, windowOf } from "../usage/window.ts";
import type { LakeContext } from "./context.ts";
import { recordRun } from "./costs.ts";
import { checkWritable, warnBeforeFirstDay } from "./locate-lake.ts";
import type { RunOptions } from "./settings.ts";
import { version } from "./version.ts";

/** What to sync. The days are UTC days; without a start, the last 90. */
export interface SyncRequest extends WindowFlags, RunOptions {
  /** Default: jobs. */
  readonly service?: Service | undefined;
  /** Dimensions separated by commas, or a grouping's name. Default: client,uri,method. */
  readonly groupBy?: string | undefined;
  /** Default: day. */
  readonly granularity?: Granularity | undefined;
  /** The first day of the service's weeks. Default: monday. */
  readonly weekStart?: WeekStart | undefined;
  /** How many recent days are refetched, to pick up late corrections. */
  readonly settleDays?: number | undefined;
  /** The minimum age of a recent day's data before it is refetched, in milliseconds. Default: 6 hours. */
  readonly recheckMs?: number | undefined;
  /** Fetch every day of the range, even if the lake has it. */
  readonly refetch?: boolean | undefined;
  /** Maximum number of concurrent queries. Default: 4. */
  readonly concurrency?: number | undefined;
  /** The maximum time for one query, including waits, retries and pages, in milliseconds. Default: 6 hours. */
  readonly timeoutMs?: number | undefined;
  /** Also store an answer without rows for a period that had some, or with repeated rows. */
  readonly force?: boolean | undefined;
  /** Also keep each slice's original rows under gc_usage_api_source/. */
  readonly keepSource?: boolean | undefined;
  /** The organization's id, for credentials that may not read it. */
  readonly organization?: string | undefined;
}

/** What a sync did, and what it cost. */
export interface Synced extends SyncSummary {
  readonly cost: SyncCost;
}

/** The result for one series of a lake, in the order of the series. */
export type SyncedSeries = SeriesOutcome & { readonly cost?: SyncCost | undefined };

/** What a sync would query. */
export interface PlannedSync {
  readonly plan: SyncPlan;
  readonly calls: ExpectedCalls;
}

/** The plan for one series of a lake; `why` says in a few words why it cannot be synced. */
export type PlannedSeries = { readonly series: SeriesKey } & (PlannedSync | { readonly why: string });

/** Called as each series of `syncAll` ends. It may throw a GcUsageError, which makes the series fail. */
export type OnSeries = (series: SeriesKey, synced: Synced) => void;

export async function syncOne(context: LakeContext, request: SyncRequest): Promise<Synced> {
  checkWritable(await context.place());
  return await withClient(context, request, async (client, target) => {
    const lake = await openOrCreateLake((await context.place()).uri, context.opening(request.signal));
    const pace = new Pace(client, request.onProgress ?? context.options.onProgress);
    try {
      const summary = await sync({ ...optionsOf(context, lake, client, request, pace), target });
      pace.end();
      await recordRun(context, "sync", pace.cost);
      return { ...summary, cost: pace.cost };
    } catch (error) {
      pace.end();
      if (await hasCost(lake, error)) await recordRun(context, "sync", pace.cost);
      throw error;
    } finally {
      pace.end();
      await lake.close();
    }
  });
}

export async function syncEvery(
  context: LakeContext,
  request: SyncRequest,
  onSeries?: OnSeries,
): Promise<SyncedSeries[]> {
  checkWritable(await context.place());
  return await withClient(context, request, async (client, target) => {
    const lake = await openLake((await context.place()).uri, context.opening(request.signal));
    const report = request.onProgress ?? context.options.onProgress;
    let pace = new Pace(client, report);
    const paces = new Map<SeriesKey, Pace>();
    try {
      const outcomes = await syncAll({
        ...optionsOf(context, lake, client, request, { progress: (progress) => pace.progress(progress) }),
        // Without `once`, each series would repeat the warning about the clock.
        log: { ...context.log, warn: once((text) => context.log.warn(text)) },
        target: (series, now) => target(now, series),
        onSeries: (series) => {
          pace.end();
          pace = new Pace(client, report);
          paces.set(series, pace);
        },
        onDone: (series, summary) => {
          pace.end();
          onSeries?.(series, { ...summary, cost: pace.cost });
        },
      });
      return outcomes.map((outcome) => ({ ...outcome, cost: paces.get(outcome.series)?.cost }));
    } finally {
      pace.end();
      for (const { cost } of paces.values()) {
        if (cost.calls > 0) await recordRun(context, "sync", cost);
      }
      await lake.close();
    }
  });
}

/** Whether a failed sync has fetched something. One that was rejected changes nothing in the lake, and creates none. */
async function hasCost(lake: Lake, error: unknown): Promise<boolean> {
  const kind = isGcUsageError(error) ? error.kind : undefined;
  if (kind !== "interrupted" && kind !== "service" && kind !== "failed" && kind !== "timeout") return false;
  return (await readClaim(lake).catch(() => undefined)) !== undefined;
}

/** The plan of a sync by this machine's clock. Makes no API call, and does not create a lake. */
export async function planOne(context: LakeContext, request: SyncRequest): Promise<PlannedSync> {
  const { place, target } = await planning(context, request);
  const now = realEffects.now();
  const wanted = target(now);
  const lake = await findLake(place.uri, context.opening(request.signal));
  try {
    return await planIn(context, lake, wanted, now, request);
  } finally {
    await lake?.close();
  }
}

/** The same for every series of an existing lake. */
export async function planEvery(context: LakeContext, request: SyncRequest): Promise<PlannedSeries[]> {
  const { place, target } = await planning(context, request);
  const now = realEffects.now();
  const lake = await openLake(place.uri, context.opening(request.signal));
  try {
    const all: PlannedSeries[] = [];
    for (const series of await seriesToSync({ lake })) {
      const why = whyNotSynced(series);
      if (why === undefined)
        all.push({ series, ...(await planIn(context, lake, target(now, series), now, request)) });
      else all.push({ series, why });
    }
    return all;
  } finally {
    await lake.close();
  }
}

type TargetAt = (now: number, series?: SeriesKey) => SyncTarget;

async function planning(context: LakeContext, request: SyncRequest) {
  const place = await context.place();
  checkWritable(place);
  return { place, target: announced(context, request, place.stack) };
}

async function planIn(
  { log }: LakeContext,
  lake: Lake | undefined,
  target: SyncTarget,
  now: number,
  { signal, onProgress }: RunOptions,
): Promise<PlannedSync> {
  const slices = lake ? await heldSlices(lake, target, { signal, onProgress }) : new Map<Day, never>();
  const rows = [...slices.values()].reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0);
  const plan = planSync(target, slices, now);
  const out = leftOut(plan);
  if (out !== undefined) log.warn(out);
  return { plan, calls: callsOf(plan, slices.size === 0 ? undefined : rows / slices.size) };
}

/** Runs an action with a client, which is closed afterwards. */
async function withClient<T>(
  context: LakeContext,
  request: SyncRequest,
  action: (client: GenesysClient, target: TargetAt) => Promise<T>,
): Promise<T> {
  const { stack } = await context.place();
  const client = await context.connect(request.signal).catch((error: unknown) => {
    // Without a connection there is no service clock, so check the days against the local clock: they matter first.
    targetOf(request, realEffects.now());
    throw error;
  });
  try {
    return await action(client, announced(context, request, stack));
  } finally {
    await client.close();
  }
}

/** The target, with notes on days that are not what they seem. */
function announced(
  { log }: LakeContext,
  request: SyncRequest,
  stack: Parameters<typeof warnBeforeFirstDay>[1],
): TargetAt {
  const noteOnce = once((text) => log.info(text));
  return (now, series) => {
    const target = targetOf(request, now, series);
    const yesterday = addDays(dayOf(now), -1);
    if (target.span.end > yesterday) {
      noteOnce(`The current UTC day is never in the data, so --to ${target.span.end} means ${yesterday}.`);
    }
    warnBeforeFirstDay(log, stack, periodStart(target.granularity, target.span.start, target.weekStart));
    return target;
  };
}

/**
 * --last, --last-week and --last-month reach back only as far as the service has data. What --from or --month names
 * must be available.
 *
 * @param series the series to sync instead of the requested one.
 */
function targetOf(request: SyncRequest, now: number, series?: SeriesKey): SyncTarget {
  const { service, granularity, groupBy, settleDays, recheckMs, refetch, weekStart } = request;
  return {
    service: series?.service ?? service ?? TARGET_DEFAULTS.service,
    granularity: series?.granularity ?? granularity ?? TARGET_DEFAULTS.granularity,
    grouping: series?.grouping ?? (groupBy === undefined ? TARGET_DEFAULTS.grouping : parseGrouping(groupBy)),
    weekStart: series?.weekStart ?? weekStart ?? TARGET_DEFAULTS.weekStart,
    span: windowOf(hasStart(request) ? request : { ...request, last: "90d" }, undefined, now),
    settleDays: settleDays ?? TARGET_DEFAULTS.settleDays,
    recheckMs: recheckMs ?? TARGET_DEFAULTS.recheckMs,
    refetch,
    clipToReach: request.from === undefined && request.month === undefined,
  };
}

function optionsOf(
  { log, options }: LakeContext,
  lake: Lake,
  client: GenesysClient,
  request: SyncRequest,
  pace: Pick<Pace, "progress">,
): Omit<SyncOptions, "target"> {
  return {
    ...SYNC_DEFAULTS,
    lake,
    client,
    log,
    signal: request.signal ?? options.signal,
    concurrency: request.concurrency ?? SYNC_DEFAULTS.concurrency,
    timeoutMs: request.timeoutMs ?? SYNC_DEFAULTS.timeoutMs,
    force: request.force ?? false,
    version: version(),
    organization: request.organization,
    keepSource: request.keepSource ?? false,
    onProgress: (progress) => pace.progress(progress),
  };
}
