import { type Coverage, describeSpan, knownSpan, mayChange, SETTLE_DAYS } from "./coverage.ts";
import { addDays, type Day, daysBetween, eachDay, lastDay, maxDay, minDay } from "./day.ts";
import type { Dimension, Grouping } from "./grouping.ts";
import { METRICS, type Metric } from "./metric.ts";
import { type Granularity, periodEnd, periodsOf, type Span, type WeekStart, weekStartOf } from "./period.ts";
import type { Service } from "./service.ts";
import type { SliceKey } from "./slice.ts";

/** Days in machine-readable form: the first and the last UTC day, both included. */
export interface DayRange {
  readonly from: Day;
  readonly to: Day;
}

/** A slice of the lake and its coverage; undefined coverage if it cannot be read, so that it covers nothing. */
export interface HeldSlice {
  readonly key: SliceKey;
  readonly coverage: Coverage | undefined;
  /** Requested metrics that are missing in some of its rows, if the rows were checked. */
  readonly rowsLack?: readonly Metric[];
}

/** Days, and the metrics that are missing for them. */
export interface LackingDays extends DayRange {
  readonly lacks: readonly Metric[];
}

/** Which days of a period are in the lake. Every list is sorted by day. */
export interface AnswerCoverage {
  /** True if every day of the period is stored, with every metric that is read. */
  readonly complete: boolean;
  /** daysCovered + daysPartial + daysMissing. */
  readonly days: number;
  readonly daysCovered: number;
  readonly daysPartial: number;
  readonly daysMissing: number;
  readonly missing: readonly DayRange[];
  /** Days without some of the metrics that the answer reads, because these were never requested. */
  readonly partial: readonly LackingDays[];
  /** The missing days that are stored in an unreadable slice. */
  readonly unreadable: readonly DayRange[];
  /** The stored days whose figures may still change. */
  readonly unsettled: readonly DayRange[];
  /** The covered days with rows that have no value for a metric; totals leave these out. Not checked on Athena. */
  readonly rowsLacking: readonly LackingDays[];
}

/** When the data was fetched, as ISO 8601 instants in UTC. */
export interface FetchedAt {
  readonly oldest: string;
  readonly newest: string;
}

/** The facts about the rows of one service, granularity and grouping. */
export interface SeriesFacts {
  /** The organization, if the lakes of several organizations are read together. */
  readonly organization?: string;
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  readonly period: DayRange;
  readonly coverage: AnswerCoverage;
  /** Null if nothing of the period is stored. */
  readonly fetchedAt: FetchedAt | null;
  /** The last stored day, inside the period or not; null if there is none. */
  readonly newestDay: Day | null;
}

/** A value that the rows of an answer were filtered by. Several values of one dimension mean any of them. */
export interface RowFilter {
  /** The organization, if the lakes of several organizations are read together. */
  readonly organization?: string;
  readonly dimension: Dimension;
  readonly value: string;
  /** The newest name of the value in the rows; null if it has none. */
  readonly name: string | null;
  /** For an endpoint: the only method. */
  readonly method?: string;
}

/** A line of a file of paths, and the number of endpoints that it matches in the rows: 0 if it was not called. */
export interface MatchedPath {
  /** The organization, if the lakes of several organizations are read together. */
  readonly organization?: string;
  readonly path: string;
  readonly endpoints: number;
}

/**
 * The facts that a machine-readable answer gives about itself before its rows. Unknown facts are null, never a guess.
 */
export interface Envelope {
  /** The program that made the answer: `gc-usage 1.2.3`. */
  readonly program: string;
  /** When the answer was made, ISO 8601 in UTC. */
  readonly answeredAt: string;
  /** The lake as the user named it; null if Athena was queried without a known lake. */
  readonly lake: string | null;
  readonly engine: string;
  /** The question's name; null for a SQL statement. */
  readonly question: string | null;
  /**
   * What `period` and `coverage` describe: the days that the `question` reads, or all days in the `tables` of a statement.
   * The statement may read only some of these.
   */
  readonly basis: "question" | "tables";
  /** This and the following members are null if unknown, or if a statement reads several series. */
  readonly period: DayRange | null;
  /** The previous period, if the question compares with it; `coverage` then describes both. */
  readonly comparedWith: DayRange | null;
  readonly service: Service | null;
  readonly granularity: Granularity | null;
  readonly grouping: Grouping | null;
  readonly coverage: AnswerCoverage | null;
  readonly fetchedAt: FetchedAt | null;
  readonly newestDay: Day | null;
  /** Empty without filters. The facts above describe all rows, not only those that the filters select. */
  readonly filters: readonly RowFilter[];
  /** With a file of paths: its lines. The endpoints that they match are in `filters`; if there are none, no rows are selected. */
  readonly paths?: readonly MatchedPath[];
  /** For a statement: the tables that it names; null if unknown. */
  readonly tables?: readonly string[] | null;
  /** For a statement: everything that these tables hold, for each organization; null if unknown. */
  readonly series?: readonly SeriesFacts[] | null;
}

/** Which rows of one service, granularity and grouping are needed. */
export interface CoverageRequest {
  readonly granularity: Granularity;
  readonly span: Span;
  readonly weekStart: WeekStart;
  /** The metrics that are read. */
  readonly metrics: readonly Metric[];
  /** For this many days after a period's end its figures may change. */
  readonly settleDays?: number;
}

/** The state of a day; metrics are those that are missing. */
type DayState = "covered" | "missing" | "unreadable" | readonly Metric[];

/**
 * Finds out which days of a span are in the lake.
 *
 * @param slices of one service, granularity and grouping; those outside the span are ignored.
 */
export function answerCoverage(slices: Iterable<HeldSlice>, request: CoverageRequest): AnswerCoverage {
  const { metrics, settleDays = SETTLE_DAYS } = request;
  const byDate = new Map([...slices].map((slice) => [slice.key.date, slice] as const));
  const states = new Map<Day, DayState>();
  const unsettled: Day[] = [];
  const rowsLack = new Map<Day, readonly Metric[]>();
  for (const { date, covered } of periodsIn(request, byDate)) {
    const slice = byDate.get(date);
    const coverage = slice?.coverage;
    const has = coverage && knownSpan(coverage, coverage.fetchedAt);
    const absent = metrics.filter((metric) => !coverage?.metrics.includes(metric));
    for (const day of eachDay(covered.start, covered.end)) {
      const isThere = has !== undefined && day >= has.start && day <= has.end;
      if (isThere) states.set(day, absent.length > 0 ? absent : "covered");
      else states.set(day, slice && !coverage ? "unreadable" : "missing");
      if (!isThere || !coverage) continue;
      if (mayChange(coverage, settleDays)) unsettled.push(day);
      if (slice?.rowsLack?.length) rowsLack.set(day, slice.rowsLack);
    }
  }
  return {
    ...summaryOf(states),
    unsettled: rangesOf(unsettled),
    rowsLacking: lackingRanges(rowsLack),
  };
}

/** Totals have no calendar: each is a period of its own, and nothing is missing between them. */
function periodsIn(
  { granularity, span, weekStart }: CoverageRequest,
  byDate: ReadonlyMap<Day, HeldSlice>,
): readonly { readonly date: Day; readonly covered: Span }[] {
  if (granularity !== "total") return periodsOf(granularity, span, weekStart);
  return [...byDate.values()]
    .filter(({ key }) => key.date >= span.start && key.date <= span.end)
    .map(({ key: { date }, coverage }) => ({ date, covered: { start: date, end: coverage?.end ?? date } }));
}

function summaryOf(states: ReadonlyMap<Day, DayState>): Omit<AnswerCoverage, "unsettled" | "rowsLacking"> {
  const daysIn = (...wanted: DayState[]): Day[] =>
    [...states].flatMap(([day, state]) => (wanted.includes(state) ? day : []));
  const missing = daysIn("missing", "unreadable");
  const covered = daysIn("covered");
  return {
    complete: covered.length === states.size,
    days: states.size,
    daysCovered: covered.length,
    daysPartial: states.size - covered.length - missing.length,
    daysMissing: missing.length,
    missing: rangesOf(missing),
    partial: lackingRanges(
      new Map(
        [...states].flatMap(([day, state]) => (typeof state === "string" ? [] : [[day, state] as const])),
      ),
    ),
    unreadable: rangesOf(daysIn("unreadable")),
  };
}

/** Combines consecutive days, in order, into ranges. */
export function rangesOf(days: readonly Day[]): DayRange[] {
  const ranges: { from: Day; to: Day }[] = [];
  for (const day of days) {
    const last = ranges.at(-1);
    if (last && addDays(last.to, 1) === day) last.to = day;
    else ranges.push({ from: day, to: day });
  }
  return ranges;
}

/** The parts of the ranges from `from` to `to`. */
export function rangesWithin<Range extends DayRange>(
  ranges: readonly Range[],
  { from, to }: DayRange,
): Range[] {
  return ranges.flatMap((range) =>
    range.from <= to && range.to >= from
      ? { ...range, from: maxDay(range.from, from), to: minDay(range.to, to) }
      : [],
  );
}

/** How many days the ranges have. */
export function dayCount(ranges: readonly DayRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + daysBetween(from, to) + 1, 0);
}

/** The first ranges: `2026-11-01, 2026-11-03 to 2026-11-07 and 2 more`. */
export function describeFirstRanges(ranges: readonly DayRange[], most: number): string {
  const more = ranges.length - most;
  return describeRanges(ranges.slice(0, most)) + (more > 0 ? ` and ${more} more` : "");
}

/** `2026-11-01, 2026-11-03 to 2026-11-07`. */
export function describeRanges(ranges: readonly DayRange[]): string {
  return ranges.map(({ from, to }) => describeSpan({ start: from, end: to })).join(", ");
}

function lackingRanges(days: ReadonlyMap<Day, readonly Metric[]>): LackingDays[] {
  const ranges: { from: Day; to: Day; lacks: readonly Metric[] }[] = [];
  for (const [day, metrics] of days) {
    const last = ranges.at(-1);
    if (last && addDays(last.to, 1) === day && last.lacks.join() === metrics.join()) last.to = day;
    else ranges.push({ from: day, to: day, lacks: metrics });
  }
  return ranges;
}

/** When the slices of a period were fetched; null if none is readable. */
export function fetchedAtOf(slices: Iterable<HeldSlice>): FetchedAt | null {
  const times = [...slices].flatMap(({ coverage }) => coverage?.fetchedAt ?? []).sort((a, b) => a - b);
  const [oldest] = times;
  const newest = times.at(-1);
  if (oldest === undefined || newest === undefined) return null;
  return { oldest: new Date(oldest).toISOString(), newest: new Date(newest).toISOString() };
}

/**
 * The contents of a lake for one service, granularity and grouping, from its first day to its last.
 *
 * @param slices all of them, in any order; at least one.
 * @param span the days to report on; all stored days by default.
 * @param now milliseconds since 1970.
 */
export function seriesFacts(slices: readonly HeldSlice[], now: number, span?: Span): SeriesFacts {
  const sorted = [...slices].sort((a, b) => (a.key.date < b.key.date ? -1 : 1));
  const [first] = sorted;
  const last = sorted.at(-1);
  if (!first || !last) throw new RangeError("a series has slices");
  const { service, granularity, grouping, date } = first.key;
  const newest = last.coverage?.end ?? null;
  const days = span ?? { start: date, end: newest ?? lastOver(last.key, now) };
  const weekStart = weekStartOf(date);
  const inDays = sorted.filter(({ key }) => key.date <= days.end && lastOver(key, now) >= days.start);
  return {
    service,
    granularity,
    grouping,
    period: { from: days.start, to: days.end },
    coverage: answerCoverage(sorted, { granularity, span: days, weekStart, metrics: METRICS }),
    fetchedAt: fetchedAtOf(inDays),
    newestDay: newest,
  };
}

/** The last completed day of a slice's period. */
function lastOver({ granularity, date }: SliceKey, now: number): Day {
  return maxDay(date, minDay(periodEnd(granularity, date) ?? date, lastDay(now)));
}
