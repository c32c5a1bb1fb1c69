import { type Coverage, knownSpan, mayChange, SETTLE_DAYS } from "./coverage.ts";
import { addDays, type Day, eachDay, lastDay, maxDay, minDay } from "./day.ts";
import type { Grouping } from "./grouping.ts";
import { METRICS, type Metric } from "./metric.ts";
import { type Granularity, periodEnd, periodsOf, type Span, type WeekStart, weekStartOf } from "./period.ts";
import type { Service } from "./service.ts";
import type { SliceKey } from "./slice.ts";

/** Days as machines read them: the first and the last UTC day, both included. */
export interface DayRange {
  readonly from: Day;
  readonly to: Day;
}

/** A slice of the lake with what it covers; undefined where it cannot be read, so that it covers nothing. */
export interface HeldSlice {
  readonly key: SliceKey;
  readonly coverage: Coverage | undefined;
  /** The metrics that some of its rows lack though they were requested, where rows were looked at. */
  readonly rowsLack?: readonly Metric[];
}

/** Days, and the metrics that they do not have. */
export interface LackingDays extends DayRange {
  readonly lacks: readonly Metric[];
}

/** Which of the days of a period the lake has. Every list is in the order of its days. */
export interface AnswerCoverage {
  /** True where each day of the period is stored, with every metric that is read. */
  readonly complete: boolean;
  /** daysCovered + daysPartial + daysMissing. */
  readonly days: number;
  readonly daysCovered: number;
  readonly daysPartial: number;
  readonly daysMissing: number;
  readonly missing: readonly DayRange[];
  /** Days for which metrics were never requested that the answer reads. */
  readonly partial: readonly LackingDays[];
  /** Of the missing days those that are stored in a slice that cannot be read. */
  readonly unreadable: readonly DayRange[];
  /** Of the stored days those whose figures may still change. */
  readonly unsettled: readonly DayRange[];
  /** Of the covered days those with rows that lack a metric: totals leave it out. Athena's rows are not looked at. */
  readonly rowsLacking: readonly LackingDays[];
}

/** When the data was fetched, as ISO 8601 instants in UTC. */
export interface FetchedAt {
  readonly oldest: string;
  readonly newest: string;
}

/** What rows of one service, granularity and grouping rest on. */
export interface SeriesFacts {
  /** Whose it is, where several organizations' lakes are read together. */
  readonly organization?: string;
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  readonly period: DayRange;
  readonly coverage: AnswerCoverage;
  /** Null where nothing of the period is stored. */
  readonly fetchedAt: FetchedAt | null;
  /** The last day that the lake has of it, inside the period or not; null where it has none. */
  readonly newestDay: Day | null;
}

/**
 * What a machine-readable answer says of itself, ahead of its rows. What is not known is null, never a guess.
 */
export interface Envelope {
  /** The program that made the answer, `gc-usage 1.2.3`. */
  readonly program: string;
  /** When the answer was made, ISO 8601 in UTC. */
  readonly answeredAt: string;
  /** The lake, as it was named; null where Athena was asked without knowing it. */
  readonly lake: string | null;
  readonly engine: string;
  /** The question's name; null for a statement. */
  readonly question: string | null;
  /**
   * What `period` and `coverage` are about: the days that the `question` reads, or all the days that the `tables` of a
   * statement hold, of which the statement may leave some out.
   */
  readonly basis: "question" | "tables";
  /** This and what follows is null where it is not known, or a statement reads several series. */
  readonly period: DayRange | null;
  /** The period before, where the question compares with it; `coverage` is about both. */
  readonly comparedWith: DayRange | null;
  readonly service: Service | null;
  readonly granularity: Granularity | null;
  readonly grouping: Grouping | null;
  readonly coverage: AnswerCoverage | null;
  readonly fetchedAt: FetchedAt | null;
  readonly newestDay: Day | null;
  /** For a statement: the tables that it names; null where that is not known. */
  readonly tables?: readonly string[] | null;
  /** For a statement all that these tables hold, null where that is not known; of several lakes each organization's part. */
  readonly series?: readonly SeriesFacts[] | null;
}

/** What is to be known of rows of one service, granularity and grouping. */
export interface CoverageRequest {
  readonly granularity: Granularity;
  readonly span: Span;
  readonly weekStart: WeekStart;
  /** The metrics that are read. */
  readonly metrics: readonly Metric[];
  /** Days after a period's end within which its figures may still change. */
  readonly settleDays?: number;
}

/** What was found of a day: its metrics are those that it lacks. */
type DayState = "covered" | "missing" | "unreadable" | readonly Metric[];

/**
 * Which days of a span the lake has.
 *
 * @param slices of one service, granularity and grouping; those outside the span are left out.
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
    const lacks = metrics.filter((metric) => !coverage?.metrics.includes(metric));
    for (const day of eachDay(covered.start, covered.end)) {
      const isThere = has !== undefined && day >= has.start && day <= has.end;
      if (isThere) states.set(day, lacks.length > 0 ? lacks : "covered");
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

/** Days in order as ranges of days that follow each other. */
export function rangesOf(days: readonly Day[]): DayRange[] {
  const ranges: { from: Day; to: Day }[] = [];
  for (const day of days) {
    const last = ranges.at(-1);
    if (last && addDays(last.to, 1) === day) last.to = day;
    else ranges.push({ from: day, to: day });
  }
  return ranges;
}

function lackingRanges(days: ReadonlyMap<Day, readonly Metric[]>): LackingDays[] {
  const ranges: { from: Day; to: Day; lacks: readonly Metric[] }[] = [];
  for (const [day, lacks] of days) {
    const last = ranges.at(-1);
    if (last && addDays(last.to, 1) === day && last.lacks.join() === lacks.join()) last.to = day;
    else ranges.push({ from: day, to: day, lacks });
  }
  return ranges;
}

/** When the slices of a period were fetched; null where none can be read. */
export function fetchedAtOf(slices: Iterable<HeldSlice>): FetchedAt | null {
  const times = [...slices].flatMap(({ coverage }) => coverage?.fetchedAt ?? []).sort((a, b) => a - b);
  const [oldest] = times;
  const newest = times.at(-1);
  if (oldest === undefined || newest === undefined) return null;
  return { oldest: new Date(oldest).toISOString(), newest: new Date(newest).toISOString() };
}

/**
 * What a lake holds of one service, granularity and grouping, from its first day to its last.
 *
 * @param slices all of them, in any order; at least one.
 * @param span which days are looked at; all that are held where it is left out.
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

/** The last day of a slice's period that is over. */
function lastOver({ granularity, date }: SliceKey, now: number): Day {
  return maxDay(date, minDay(periodEnd(granularity, date) ?? date, lastDay(now)));
}
