import { UsageError } from "../support/errors.ts";
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
import { choose, comparable, type Source, sourcesFor, type Wanted } from "./choose.ts";
import { daysRead, metricsRead, type Question } from "./questions.ts";
import { type WindowFlags, windowOf } from "./window.ts";

/** What a person asks for beside the question. */
export interface Asked extends WindowFlags, Wanted {
  /** Accept that days are missing. */
  readonly allowPartial?: boolean | undefined;
  /** Take the period by the clock, up to yesterday, whatever the lake has. */
  readonly requireComplete?: boolean | undefined;
}

/** A lake, for the choice of what answers. */
export interface AnswerLake {
  /** What it holds, from its listing. */
  readonly slices: readonly SliceKey[];
  /** The slices of a source whose dates are in the span, with what they cover, of which metrics. */
  held(source: Source, span: Span, metrics: readonly Metric[]): Promise<HeldSlice[]>;
}

/** What a question is answered from. */
export interface Basis {
  readonly question: Question;
  readonly source: Source;
  /** What the question is about: whole periods of the source's granularity. */
  readonly window: Span;
  /** The window, with the period before where the question looks back. */
  readonly read: Span;
  /** The slices behind it that can be read. */
  readonly slices: readonly SliceKey[];
  /** `period` is the window; `coverage` and `fetchedAt` are of all days that are read. */
  readonly facts: SeriesFacts;
  /** True where no period was named and the lake has no more than this in a row. */
  readonly isShortened: boolean;
  /** True where the end was not named, and more periods are over by the clock. */
  readonly isStale: boolean;
  /** A source that has more of the periods than the chosen one. */
  readonly other: Source | undefined;
}

/** Incomplete periods at the lake's end that may be left out where no period is named. */
const SKIPPED = 7;

/** How many periods an answer covers where no period is named. */
const USUAL: Readonly<Record<Granularity, number>> = { day: 30, week: 12, month: 12, total: 1 };

/**
 * Chooses the rows and the period that a question is answered from, and finds what the lake lacks of them. Where no
 * period is named it is the longest run of complete periods at the lake's end, up to 30 days, 12 weeks or 12 months.
 *
 * @param now milliseconds since 1970.
 * @throws {UsageError} input, for flags that are none; lake, where no rows of the lake can answer.
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
  const isFixed = isNamed(asked) || asked.allowPartial === true || asked.requireComplete === true;
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

/** True where the start is named: by itself the end only moves the usual period. */
function isNamed({ last, from }: Asked): boolean {
  return last !== undefined || from !== undefined;
}

/** The source for the period as far as it can be known before: up to the newest day that any has. */
function sourceOf(question: Question, sources: readonly Source[], asked: Asked, now: number): Source {
  const [any] = sources as [Source, ...Source[]];
  const window = windowIn(any, sources.map(lastDayOf).sort().at(-1), asked, now);
  // A usual period that lacks days becomes shorter.
  const fitting =
    isNamed(asked) || asked.allowPartial ? comparable(question, sources, window, asked) : sources;
  return choose(fitting, daysRead(question, window, any.granularity));
}

/** The period: as named, or the usual one, up to `newest` or where that is undefined by the clock. */
function windowIn(
  { granularity, weekStart }: Pick<Source, "granularity" | "weekStart">,
  newest: Day | undefined,
  asked: Asked,
  now: number,
): Span {
  const window = windowOf(asked, newest, now, { granularity, weekStart });
  if (isNamed(asked)) return window;
  const last = periodStart(granularity, window.end, weekStart);
  return { start: periodsBefore(granularity, last, USUAL[granularity] - 1), end: window.end };
}

/** The last day of the last period that the lake has of it, be it over or not. */
function lastDayOf({ granularity, dates }: Source): Day {
  const date = dates.at(-1) as Day;
  return periodEnd(granularity, date) ?? date;
}

/** The longest run of complete periods in the span that ends at its end, or with the last complete one. */
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

/** Weeks that begin on Monday and weeks that begin on Sunday count the same days twice. */
function checkWeeks(source: Source, sources: readonly Source[], span: Span): void {
  const clash = sources.find(
    ({ service, grouping, weekStart, dates }) =>
      service === source.service &&
      grouping === source.grouping &&
      weekStart !== source.weekStart &&
      dates.some((date) => isIn(date, span)),
  );
  if (clash === undefined) return;
  throw new UsageError(
    "lake",
    `The lake has weeks that begin on Monday and weeks that begin on Sunday (${source.service}, ${source.grouping}), ` +
      "which count the same days twice.",
    { hint: "Remove one kind, or use --granularity day." },
  );
}

/** The last day that the lake has of a source, whole or in part; null where its newest slice cannot be read. */
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
  return sources.find((one) => count(one) > count(source));
}

function isIn(day: Day, { start, end }: Span): boolean {
  return day >= start && day <= end;
}
