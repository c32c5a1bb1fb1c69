import { GcUsageError } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import { answerCoverage, fetchedAtOf, type HeldSlice, type SeriesFacts } from "../usage/envelope.ts";
import type { Metric } from "../usage/metric.ts";
import {
  type Granularity,
  periodEnd,
  periodStart,
  periodsBefore,
  periodsOf,
  type Span,
} from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
import { hasStart, type WindowFlags, windowOf } from "../usage/window.ts";
import { choose, comparable, type Source, sourcesFor, type Wanted } from "./choose.ts";
import { daysRead, metricsRead, type Question } from "./questions.ts";

/** What a person specifies in addition to the question. */
export interface Asked extends WindowFlags, Wanted {
  /** Accept missing days. */
  readonly allowPartial?: boolean | undefined;
  /** End the period yesterday, whatever the lake has. */
  readonly requireComplete?: boolean | undefined;
}

/** A lake, as needed to choose the rows that answer a question. */
export interface AnswerLake {
  /** Its slices, from its listing. */
  readonly slices: readonly SliceKey[];
  /** The slices of a source with dates in the span, and their coverage of the metrics. */
  held(source: Source, span: Span, metrics: readonly Metric[]): Promise<HeldSlice[]>;
}

/** The data that answers a question. */
export interface Basis {
  readonly question: Question;
  readonly source: Source;
  /** The period of the question: whole periods of the source's granularity. */
  readonly window: Span;
  /** The window, plus the period before it if the question looks back. */
  readonly read: Span;
  /** The readable slices that it uses. */
  readonly slices: readonly SliceKey[];
  /** `period` is the window; `coverage` and `fetchedAt` describe all days that are read. */
  readonly facts: SeriesFacts;
  /** True if no period was given and the lake has fewer consecutive periods than usual. */
  readonly isShortened: boolean;
  /** True if no end was given and later periods are over. */
  readonly isStale: boolean;
  /** A source that has more of the periods than the chosen one. */
  readonly other: Source | undefined;
}

/** Incomplete periods at the lake's end that may be skipped if no period is given. */
const SKIPPED = 7;

/** How many periods an answer covers if no period is given. */
const USUAL: Readonly<Record<Granularity, number>> = { day: 30, week: 12, month: 12, total: 1 };

/**
 * Chooses the rows and the period that answer a question, and finds what is missing from the lake. Without a given
 * period, it is the longest run of complete periods at the lake's end, up to 30 days, 12 weeks or 12 months.
 *
 * @param now milliseconds since 1970.
 * @throws {GcUsageError} input, for invalid flags; lake, if no rows of the lake can answer.
 */
export async function basisOf(
  question: Question,
  lake: AnswerLake,
  asked: Asked,
  now: number,
): Promise<Basis> {
  const sources = sourcesFor(question, lake.slices, asked);
  const source = sourceOf(question, sources, asked, now);
  const { granularity } = source;
  const metrics = metricsRead(question);
  const isFixed = hasStart(asked) || asked.allowPartial === true || asked.requireComplete === true;
  const widest = windowIn(source, asked.requireComplete ? undefined : lastDayOf(source), asked, now);
  const { start, end } = daysRead(question, widest, granularity);
  const span = { start: isFixed ? start : periodsBefore(granularity, start, SKIPPED), end };
  checkWeeks(source, sources, span);
  const held = await lake.held(source, span, metrics);
  const coverageOf = (days: Span) => answerCoverage(held, { ...source, span: days, metrics });
  const tail = isFixed
    ? undefined
    : completeTail(question, source, span, asked.to !== undefined, (days) => coverageOf(days).complete);
  const window = tail ?? widest;
  const read = daysRead(question, window, granularity);
  const coverage = coverageOf(read);
  return {
    question,
    source,
    window,
    read,
    slices: held.flatMap(({ key, coverage }) => (coverage && isIn(key.date, read) ? key : [])),
    facts: {
      service: source.service,
      granularity,
      grouping: source.grouping,
      period: { from: window.start, to: window.end },
      coverage,
      fetchedAt: fetchedAtOf(held.filter(({ key }) => isIn(key.date, read))),
      newestDay: await newestDay(lake, source, held, metrics),
    },
    isShortened: tail !== undefined && periodCount(source, tail) < USUAL[granularity],
    isStale: asked.to === undefined && window.end < windowIn(source, undefined, asked, now).end,
    other: coverage.complete ? undefined : fullerThan(source, sources, read),
  };
}

/** The source for the preliminary period, which ends on the newest day of any source. */
function sourceOf(question: Question, sources: readonly Source[], asked: Asked, now: number): Source {
  const [any] = sources as [Source, ...Source[]];
  const window = windowIn(any, sources.map(lastDayOf).sort().at(-1), asked, now);
  // A usual period with missing days becomes shorter.
  const fitting =
    hasStart(asked) || asked.allowPartial ? comparable(question, sources, window, asked) : sources;
  return choose(fitting, daysRead(question, window, any.granularity));
}

/** The given period, or the usual one, up to `newest` or, if that is undefined, up to yesterday. */
function windowIn(
  { granularity, weekStart }: Pick<Source, "granularity" | "weekStart">,
  newest: Day | undefined,
  asked: Asked,
  now: number,
): Span {
  const window = windowOf(asked, newest, now, { granularity, weekStart });
  if (hasStart(asked)) return window;
  const last = periodStart(granularity, window.end, weekStart);
  return { start: periodsBefore(granularity, last, USUAL[granularity] - 1), end: window.end };
}

/** The last day of the source's last period in the lake, even if it is not over yet. */
function lastDayOf({ granularity, dates }: Source): Day {
  const date = dates.at(-1) as Day;
  return periodEnd(granularity, date) ?? date;
}

/** The longest run of complete periods in the span, up to its end or the last complete one. */
function completeTail(
  question: Question,
  source: Source,
  span: Span,
  endIsNamed: boolean,
  isComplete: (period: Span) => boolean,
): Span | undefined {
  const { granularity, weekStart } = source;
  const periods = periodsOf(granularity, span, weekStart).map(({ covered }) => covered);
  const complete = periods.map(isComplete);
  const last = endIsNamed ? periods.length - 1 : complete.lastIndexOf(true);
  const run = last - complete.lastIndexOf(false, last);
  const count = Math.min(question.looksBack ? Math.floor(run / 2) : run, USUAL[granularity]);
  const [first, end] = [periods[last - count + 1], periods[last]];
  return count < 1 || !first || !end ? undefined : { start: first.start, end: end.end };
}

function periodCount({ granularity, weekStart }: Source, span: Span): number {
  return periodsOf(granularity, span, weekStart).length;
}

/** Weeks that start on Monday and weeks that start on Sunday count the same days twice. */
function checkWeeks(source: Source, sources: readonly Source[], span: Span): void {
  const clash = sources.find(
    ({ service, grouping, weekStart, dates }) =>
      service === source.service &&
      grouping === source.grouping &&
      weekStart !== source.weekStart &&
      dates.some((date) => isIn(date, span)),
  );
  if (clash === undefined) return;
  throw new GcUsageError(
    "lake",
    `The lake has weeks that start on Monday and weeks that start on Sunday (${source.service}, ${source.grouping}), ` +
      "which count the same days twice.",
    { hint: "Remove one kind with `gc-usage remove`, or use --granularity day." },
  );
}

/** The last day of a source in the lake, complete or partial; null if its newest slice cannot be read. */
async function newestDay(
  lake: AnswerLake,
  source: Source,
  held: readonly HeldSlice[],
  metrics: readonly Metric[],
): Promise<Day | null> {
  const date = source.dates.at(-1) as Day;
  const isNewest = ({ key }: HeldSlice): boolean => key.date === date;
  const newest =
    held.find(isNewest) ?? (await lake.held(source, { start: date, end: date }, metrics)).find(isNewest);
  return newest?.coverage?.end ?? null;
}

function fullerThan(source: Source, sources: readonly Source[], span: Span): Source | undefined {
  const count = ({ dates }: Source): number => dates.filter((date) => isIn(date, span)).length;
  return sources.find((candidate) => count(candidate) > count(source));
}

function isIn(day: Day, { start, end }: Span): boolean {
  return day >= start && day <= end;
}
