import type { Reading } from "../lake/provenance.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { isFromFuture, knowledgeOf, SETTLE_DAYS } from "../usage/coverage.ts";
import { addDays, type Day, dayOf, daysBetween, lastDay, minDay } from "../usage/day.ts";
import { CANONICAL_GROUPING, type Grouping, NO_GROUPING } from "../usage/grouping.ts";
import {
  DEFAULT_WEEK_START,
  type Granularity,
  periodEnd,
  periodStart,
  periodsOf,
  type Span,
  type WeekStart,
} from "../usage/period.ts";
import {
  CANONICAL_SERVICE,
  cannotGroupBy,
  otherServices,
  SERVICE_SPECS,
  type Service,
  unsupportedDimensions,
} from "../usage/service.ts";

/** What the lake should contain after a sync. */
export interface SyncTarget {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** UTC days, both included. */
  readonly span: Span;
  /** How many recent days are refetched, because their figures may still change. */
  readonly settleDays: number;
  /** A slice that may still change is not refetched within this time, in milliseconds: the service refreshes daily. */
  readonly recheckMs: number;
  readonly weekStart: WeekStart;
  /** Refetch every period, even settled ones. */
  readonly refetch?: boolean | undefined;
  /** Skip missing days that the service no longer has; otherwise they are an error. */
  readonly clipToReach?: boolean | undefined;
}

/** The defaults of a sync for everything but the days. */
export const TARGET_DEFAULTS = {
  service: CANONICAL_SERVICE,
  granularity: "day",
  grouping: CANONICAL_GROUPING,
  settleDays: SETTLE_DAYS,
  recheckMs: 6 * 3_600_000,
  weekStart: DEFAULT_WEEK_START,
} as const satisfies Omit<SyncTarget, "span">;

/**
 * A period's state in the lake, which decides whether it must be queried. `newer`: a newer version wrote it, and it is kept.
 * `unreachable`: the service no longer has it. `again`: the lake has it, but it must be refetched anyway.
 */
export interface PlannedPeriod {
  readonly date: Day;
  /** The days that can be queried now. */
  readonly covered: Span;
  readonly state:
    | "settled"
    | "fresh"
    | "missing"
    | "partial"
    | "unsettled"
    | "again"
    | "newer"
    | "unreachable";
}

/** True for a period that must be queried. */
export function isNeeded({ state }: PlannedPeriod): boolean {
  return state === "missing" || state === "partial" || state === "unsettled" || state === "again";
}

export interface SyncPlan {
  readonly target: SyncTarget;
  readonly periods: readonly PlannedPeriod[];
  /** Intervals to query: disjoint, and each acceptable to the service. */
  readonly chunks: readonly Span[];
  /** The first day that the service still has; undefined if no limit is documented. */
  readonly reach: Day | undefined;
}

/**
 * Maximum number of days in one query, even if the service accepts more: queries run concurrently, and a failure costs less.
 * The services' own limits are in SERVICE_SPECS.
 */
const CHUNK_DAYS = 30;
/** Longer periods are combined up to this if the service has no limit: it bounds the cost of a failed query. */
const YEAR = 366;

/**
 * Compares the target with the lake.
 *
 * @param held the lake's slices of this service, granularity and grouping, by date.
 * @param now milliseconds since 1970.
 * @throws {GcUsageError} input, for what the service cannot provide: a grouping, days that are too old, future days; refused,
 *   for a total if the lake has a longer one.
 */
export function planSync(target: SyncTarget, held: ReadonlyMap<Day, Reading>, now: number): SyncPlan {
  checkGrouping(target);
  const span = wholePeriods(target, now);
  const reach = reachOf(target.service, now);
  const periods = periodsOf(target.granularity, span, target.weekStart)
    .map(({ date, covered }) => ({
      date,
      covered,
      state: plannedState(target, date, covered, held.get(date), now),
    }))
    .map((period) =>
      isLeftOut(period, target, reach) ? { ...period, state: "unreachable" as const } : period,
    )
    .map((period) => (isAgain(period, target, reach) ? { ...period, state: "again" as const } : period));
  checkTotal(target, span, held.get(span.start)?.provenance);
  const needed = periods.filter(isNeeded);
  checkReach(target, needed, reach);
  return { target, periods, chunks: chunksOf(target, needed), reach };
}

/** True for the date of a period in the target. */
export function isWithin({ granularity, span, weekStart }: SyncTarget, date: Day): boolean {
  if (granularity === "total") return date === span.start;
  return periodStart(granularity, span.start, weekStart) <= date && date <= span.end;
}

function reachOf(service: Service, now: number): Day | undefined {
  const { reachDays } = SERVICE_SPECS[service];
  return reachDays === undefined ? undefined : addDays(dayOf(now), -reachDays);
}

/** Only whole periods are queried: the rest of a month that began before the service's reach would not be a month. */
function isLeftOut(period: PlannedPeriod, { clipToReach, granularity }: SyncTarget, reach?: Day): boolean {
  if (!clipToReach || granularity === "total" || reach === undefined) return false;
  return isNeeded(period) && period.covered.start < reach;
}

/** Data that the service no longer has is kept, unless its days are named explicitly. */
function isAgain(
  { state, covered }: PlannedPeriod,
  { refetch, clipToReach }: SyncTarget,
  reach?: Day,
): boolean {
  if (!refetch || (state !== "settled" && state !== "fresh")) return false;
  return !clipToReach || reach === undefined || covered.start >= reach;
}

/** Describes what a plan skips because the service no longer has it; undefined if it skips nothing. */
export function leftOut({ periods, reach, target }: SyncPlan): string | undefined {
  const out = periods.filter(({ state }) => state === "unreachable");
  const [first, last] = [out[0], out.at(-1)];
  if (!first || !last) return undefined;
  return (
    `The ${target.service} service only has data since ${reach}. Skipped: ${counted(out.length, target.granularity)}, ` +
    `${first.covered.start} to ${last.covered.end}, not in the lake.`
  );
}

/** A slice counts a whole period, so the span is extended to whole periods, but never past the last available day. */
function wholePeriods({ granularity, span, weekStart }: SyncTarget, now: number): Span {
  const last = lastDay(now);
  if (span.start > span.end) {
    throw new GcUsageError("input", `--from ${span.start} is after --to ${span.end}.`, {
      hint: "Both days are included. Pass the earlier one with --from.",
    });
  }
  if (span.start > last) {
    throw new GcUsageError("input", `No data is available yet for ${span.start} or later.`, {
      hint: `The service only has complete UTC days. The last one is ${last}.`,
    });
  }
  const until = minDay(span.end, last);
  if (granularity === "total") return { start: span.start, end: until };
  const end = periodEnd(granularity, periodStart(granularity, until, weekStart)) ?? until;
  return { start: periodStart(granularity, span.start, weekStart), end: minDay(end, last) };
}

function plannedState(
  target: SyncTarget,
  date: Day,
  wanted: Span,
  reading: Reading | undefined,
  now: number,
): PlannedPeriod["state"] {
  if (reading?.state === "newer") return "newer";
  const held = reading?.provenance;
  if (!held) return "missing";
  if (isFromFuture(held, now)) return "unsettled";
  const knowledge = knowledgeOf({ granularity: target.granularity, date }, held, wanted, target.settleDays);
  if (knowledge === "settled" || knowledge === "partial") return knowledge;
  const isRecent = now - held.fetchedAt < target.recheckMs;
  return knowledge === "changing" && isRecent ? "fresh" : "unsettled";
}

/**
 * Why the key of a series in a lake is not enough to update it, in a few words; undefined if it is. Such series come from
 * `load`.
 */
export function whyNotSynced({
  service,
  granularity,
  grouping,
}: Pick<SyncTarget, "service" | "granularity" | "grouping">): string | undefined {
  if (granularity === "total") return "a total is only for its own days";
  if (grouping === NO_GROUPING) return `the ${service} service needs a grouping`;
  const unsupported = unsupportedDimensions(service, grouping);
  return unsupported.length === 0
    ? undefined
    : `the ${service} service cannot group by ${unsupported.join(", ")}`;
}

function checkGrouping({ service, grouping }: SyncTarget): void {
  const unsupported = unsupportedDimensions(service, grouping);
  if (unsupported.length > 0) throw cannotGroupBy(service, unsupported);
  if (grouping === NO_GROUPING) {
    const { defaultGroupBy } = SERVICE_SPECS[service];
    const does = defaultGroupBy.length === 0 ? "does not sum" : `groups by ${defaultGroupBy.join(", ")}`;
    throw new GcUsageError("input", `The ${service} service ${does} if the query has no grouping.`, {
      hint: "Use --group-by method, then sum the rows in SQL.",
    });
  }
}

/** A slice's path contains only its first day, so the lake holds one total for each first day: the longest. */
function checkTotal({ granularity }: SyncTarget, { start, end }: Span, held: Span | undefined): void {
  if (granularity !== "total" || !held || held.end <= end) return;
  throw new GcUsageError(
    "refused",
    `The lake has a total of ${held.start}/${held.end}, longer than ${start}/${end}, and can hold only one total for each first day.`,
    {
      hint: `Use --to ${held.end} to update that one. Otherwise begin on another day, use another lake, or sync days and sum them in SQL.`,
    },
  );
}

function checkReach(
  { service, granularity, weekStart }: SyncTarget,
  needed: readonly PlannedPeriod[],
  reach: Day | undefined,
): void {
  const { maxDays } = SERVICE_SPECS[service];
  const first = needed[0];
  if (reach !== undefined && first && first.covered.start < reach) {
    const why = first.state === "missing" ? "is missing from the lake" : "cannot be refetched";
    throw new GcUsageError(
      "input",
      `The ${service} service only has data since ${reach}, but ${first.covered.start} ${why}.`,
      {
        hint: `Use --from ${firstWhole(granularity, reach, weekStart)} or later${otherServices(
          service,
          (spec) => spec.reachDays === undefined,
        )
          .map((other) => `, or --service ${other}`)
          .join("")}.`,
      },
    );
  }
  const longest = needed.find(
    ({ covered }) => daysBetween(covered.start, covered.end) + 1 > (maxDays ?? Infinity),
  );
  if (longest) {
    throw new GcUsageError(
      "input",
      `The ${service} service accepts at most ${maxDays} days, too few for a total of ${longest.covered.start}/${longest.covered.end}.`,
      {
        hint: "Use a shorter span, or sync days and sum them in SQL.",
      },
    );
  }
}

/** The first day of the first period that begins on or after `day`. */
function firstWhole(granularity: Granularity, day: Day, weekStart: WeekStart): Day {
  const start = periodStart(granularity, day, weekStart);
  return start === day ? day : addDays(periodEnd(granularity, start) ?? day, 1);
}

/** Joins neighboring periods as far as the service and CHUNK_DAYS allow; never divides a period. */
export function chunksOf({ service, granularity }: SyncTarget, needed: readonly PlannedPeriod[]): Span[] {
  const { maxDays = YEAR } = SERVICE_SPECS[service];
  const limit = granularity === "day" ? Math.min(maxDays, CHUNK_DAYS) : maxDays;
  const chunks: { start: Day; end: Day }[] = [];
  for (const { covered } of needed) {
    const last = chunks.at(-1);
    const joins =
      last !== undefined &&
      addDays(last.end, 1) === covered.start &&
      daysBetween(last.start, covered.end) + 1 <= limit;
    if (joins) last.end = covered.end;
    else chunks.push({ ...covered });
  }
  return chunks;
}
