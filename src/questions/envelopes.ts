import { addDays } from "../usage/day.ts";
import type {
  DayRange,
  Envelope,
  HeldSlice,
  MatchedPath,
  RowFilter,
  SeriesFacts,
} from "../usage/envelope.ts";
import { seriesFacts } from "../usage/envelope.ts";
import { CANONICAL_GROUPING } from "../usage/grouping.ts";
import { seriesAmong } from "../usage/series.ts";
import { CANONICAL_SERVICE } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import type { Basis } from "./basis.ts";

/** The program, lake, engine and time of an answer. */
export interface AnswerContext {
  /** `gc-usage 1.2.3` */
  readonly program: string;
  /** The lake as the user named it; null if Athena is queried without reading the lake. */
  readonly lake: string | null;
  readonly engine: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The envelope of a question's answer. */
export function questionEnvelope(
  { question, window, read, facts }: Basis,
  context: AnswerContext,
  filters: readonly RowFilter[] = [],
  paths?: readonly MatchedPath[],
): Envelope {
  const comparedWith: DayRange | null = question.looksBack
    ? { from: read.start, to: addDays(window.start, -1) }
    : null;
  return {
    ...contextFacts(context),
    question: question.name,
    basis: "question",
    comparedWith,
    ...only(facts),
    filters,
    ...(paths && { paths }),
  };
}

/** The envelope of several organizations' answers for one period. */
export function organizationsEnvelope(
  answers: readonly {
    readonly organization: string;
    readonly basis: Basis;
    readonly filters: readonly RowFilter[];
    readonly paths: readonly MatchedPath[] | undefined;
  }[],
  context: AnswerContext,
): Envelope {
  const [first] = answers;
  if (!first) throw new RangeError("an answer of several lakes has a part");
  const filters = answers.flatMap((answer) => answer.filters);
  const paths =
    first.paths &&
    answers.flatMap((answer) =>
      (answer.paths ?? []).map((path) => ({ organization: answer.organization, ...path })),
    );
  const { period, comparedWith, ...envelope } = questionEnvelope(first.basis, context, filters, paths);
  const series = answers.map(({ organization, basis }) => ({ organization, ...basis.facts }));
  return { ...envelope, ...UNKNOWN, period, comparedWith, series };
}

/**
 * The envelope of a statement's result. It describes the whole tables that the statement names, since filters are not
 * analyzed.
 *
 * @param tables undefined if the engine does not know.
 * @param series undefined if the content of the tables is not known.
 */
export function tablesEnvelope(
  tables: readonly string[] | undefined,
  series: readonly SeriesFacts[] | undefined,
  context: AnswerContext,
  filters: readonly RowFilter[] = [],
): Envelope {
  const [first, ...others] = series ?? [];
  const { period, ...known } = first !== undefined && others.length === 0 ? only(first) : UNKNOWN;
  return {
    ...contextFacts(context),
    question: null,
    basis: "tables",
    period,
    comparedWith: null,
    ...known,
    filters,
    tables: tables ?? null,
    series: series ?? null,
  };
}

const UNKNOWN = {
  period: null,
  service: null,
  granularity: null,
  grouping: null,
  coverage: null,
  fetchedAt: null,
  newestDay: null,
} as const;

function contextFacts({ program, lake, engine, now }: AnswerContext) {
  return { program, answeredAt: new Date(now).toISOString(), lake, engine };
}

/** The facts of a single series. */
function only(facts: SeriesFacts) {
  const { period, service, granularity, grouping, coverage, fetchedAt, newestDay } = facts;
  return { period, service, granularity, grouping, coverage, fetchedAt, newestDay };
}

/**
 * Selects the slices behind the tables that a statement names; undefined if one of the tables does not consist of
 * slices, so that its content is not known.
 */
export function isInTables(tables: readonly string[]): ((key: SliceKey) => boolean) | undefined {
  if (tables.includes("gc_usage_api_source")) return undefined;
  if (tables.some((table) => table !== "daily")) return () => true;
  if (tables.length === 0) return () => false;
  return ({ service, granularity, grouping }) =>
    granularity === "day" && service === CANONICAL_SERVICE && grouping === CANONICAL_GROUPING;
}

/** The facts of slices, as a series for each service, granularity and grouping. */
export function seriesOf(slices: readonly HeldSlice[], now: number): SeriesFacts[] {
  return seriesAmong(slices.map(({ key }) => key)).map(({ service, granularity, grouping, dates }) => {
    const has = new Set(dates);
    return seriesFacts(
      slices.filter(
        ({ key }) =>
          key.service === service &&
          key.granularity === granularity &&
          key.grouping === grouping &&
          has.has(key.date),
      ),
      now,
    );
  });
}
