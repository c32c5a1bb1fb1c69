import type { Reading } from "../lake/provenance.ts";
import { counted } from "../support/count.ts";
import { UsageError } from "../support/errors.ts";
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

/** What a sync is asked to make the lake hold. */
export interface SyncTarget {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** UTC days, both included. */
  readonly span: Span;
  /** The last days that are read again, since the figures may still change. */
  readonly settleDays: number;
  /** A slice that may still change is not read again within this time: the service refreshes daily. */
  readonly recheckMs: number;
  readonly weekStart: WeekStart;
  /** Fetch every period again, also those that are settled. */
  readonly refetch?: boolean | undefined;
  /** Leave out what the service no longer reaches, where it is not in the lake; otherwise that is an error. */
  readonly clipToReach?: boolean | undefined;
}

/** What a sync brings where it is told nothing but the days. */
export const TARGET_DEFAULTS = {
  service: CANONICAL_SERVICE,
  granularity: "day",
  grouping: CANONICAL_GROUPING,
  settleDays: SETTLE_DAYS,
  recheckMs: 6 * 3_600_000,
  weekStart: DEFAULT_WEEK_START,
} as const satisfies Omit<SyncTarget, "span">;

/**
 * What the lake holds of one period, and whether it must be asked for. What a `newer` version wrote stays as it is, and what
 * is `unreachable` the service no longer has. `again`: the lake has it, and it is to be refetched all the same.
 */
export interface PlannedPeriod {
  readonly date: Day;
  /** The days that can be asked for now. */
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

/** True for a period that must be asked for. */
export function isNeeded({ state }: PlannedPeriod): boolean {
  return state === "missing" || state === "partial" || state === "unsettled" || state === "again";
}

export interface SyncPlan {
  readonly target: SyncTarget;
  readonly periods: readonly PlannedPeriod[];
  /** Intervals to ask for: none shares a day with another, each is one that the service accepts. */
  readonly chunks: readonly Span[];
  /** The first day that the service reaches; undefined where no limit is documented. */
  readonly reach: Day | undefined;
}

/**
 * Days in one query where the service would take more: jobs run side by side, and what fails costs less. The
 * services' own limits are in SERVICE_SPECS.
 */
const CHUNK_DAYS = 30;
/** Longer periods are joined up to this where the service names no limit: it bounds what a failed query costs. */
const YEAR = 366;

/**
 * Compares what is wanted with what the lake holds.
 *
 * @param held what is known of the lake's slices of this service, granularity and grouping, by date.
 * @param now milliseconds since 1970.
 * @throws {UsageError} input, for what the service cannot give: a grouping, days out of reach, days to come; refused, for
 * a total where the lake has a longer one.
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

/** True for the date of a period that a target is about. */
export function isWithin({ granularity, span, weekStart }: SyncTarget, date: Day): boolean {
  if (granularity === "total") return date === span.start;
  return periodStart(granularity, span.start, weekStart) <= date && date <= span.end;
}

function reachOf(service: Service, now: number): Day | undefined {
  const { reachDays } = SERVICE_SPECS[service];
  return reachDays === undefined ? undefined : addDays(dayOf(now), -reachDays);
}

/** Only whole periods are asked for: of a month that began before the service's reach the rest would be no month. */
function isLeftOut(period: PlannedPeriod, { clipToReach, granularity }: SyncTarget, reach?: Day): boolean {
  if (!clipToReach || granularity === "total" || reach === undefined) return false;
  return isNeeded(period) && period.covered.start < reach;
}

/** What the service no longer has stays as it is where the days are not named. */
function isAgain(
  { state, covered }: PlannedPeriod,
  { refetch, clipToReach }: SyncTarget,
  reach?: Day,
): boolean {
  if (!refetch || (state !== "settled" && state !== "fresh")) return false;
  return !clipToReach || reach === undefined || covered.start >= reach;
}

/** What a plan leaves out since the service no longer has it, in words; undefined where it leaves out nothing. */
export function leftOut({ periods, reach, target }: SyncPlan): string | undefined {
  const out = periods.filter(({ state }) => state === "unreachable");
  const [first, last] = [out[0], out.at(-1)];
  if (!first || !last) return undefined;
  return (
    `The ${target.service} service reaches back to ${reach}: left out are ${counted(out.length, target.granularity)}, ` +
    `${first.covered.start} to ${last.covered.end}, that the lake does not have.`
  );
}

/** A slice counts a whole period, so the span is widened to whole ones; never past the last day of the data. */
function wholePeriods({ granularity, span, weekStart }: SyncTarget, now: number): Span {
  const last = lastDay(now);
  if (span.start > span.end) {
    throw new UsageError("input", `--from ${span.start} is after --to ${span.end}.`, {
      hint: "Both days are included; give the earlier one with --from.",
    });
  }
  if (span.start > last) {
    throw new UsageError("input", `There is no data from ${span.start} on yet.`, {
      hint: `The service has full UTC days only: the last one is ${last}.`,
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
 * Why a series that a lake has cannot be brought up to date by its key alone, in a few words; undefined where it can. Such
 * series come of `load`.
 */
export function whyNotSynced({
  service,
  granularity,
  grouping,
}: Pick<SyncTarget, "service" | "granularity" | "grouping">): string | undefined {
  if (granularity === "total") return "a total is for the days that it names only";
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
    throw new UsageError("input", `The ${service} service ${does} where it is told no grouping.`, {
      hint: "Use --group-by method, and sum in SQL.",
    });
  }
}

/** A slice's place tells its first day alone, so of the totals that begin on a day the lake holds one: the longest. */
function checkTotal({ granularity }: SyncTarget, { start, end }: Span, held: Span | undefined): void {
  if (granularity !== "total" || !held || held.end <= end) return;
  throw new UsageError(
    "refused",
    `The lake has a total of ${held.start}/${held.end}, longer than ${start}/${end}, and room for one that begins on that day.`,
    {
      hint: `Use --to ${held.end} for that one, begin on another day, use another lake, or sync days and sum them in SQL.`,
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
    throw new UsageError(
      "input",
      `The ${service} service reaches back to ${reach}, and ${first.covered.start} ${why}.`,
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
    throw new UsageError(
      "input",
      `The ${service} service takes ${maxDays} days at most, too few for a total of ${longest.covered.start}/${longest.covered.end}.`,
      {
        hint: "Ask for a shorter span, or sync days and sum them in SQL.",
      },
    );
  }
}

/** The first day on or after `day` on which a period begins. */
function firstWhole(granularity: Granularity, day: Day, weekStart: WeekStart): Day {
  const start = periodStart(granularity, day, weekStart);
  return start === day ? day : addDays(periodEnd(granularity, start) ?? day, 1);
}

/** Neighbouring periods joined, as far as the service and CHUNK_DAYS allow; a period is never divided. */
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
