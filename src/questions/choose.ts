import { GcUsageError } from "../support/errors.ts";
import { describeSpan } from "../usage/coverage.ts";
import { addDays, type Day } from "../usage/day.ts";
import {
  CANONICAL_GROUPING,
  DIMENSIONS,
  type Dimension,
  dimensionsOf,
  type Grouping,
  groupingOf,
  NO_GROUPING,
} from "../usage/grouping.ts";
import { type Granularity, periodsOf, type Span } from "../usage/period.ts";
import { type DatedSeries, describeSeries, seriesAmong, seriesFlags } from "../usage/series.ts";
import { SERVICES, type Service } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { dimensionsOfParams, type ParamValues } from "./params.ts";
import { daysRead, type Question } from "./questions.ts";

/** Rows that may be summed: a series, with the first days of its periods in the lake. */
export type Source = DatedSeries;

export interface Choice extends Source {
  /** The first days of the window's periods that are missing from this source, in order. */
  readonly missing: readonly Day[];
}

/** What the caller requires. */
export interface Wanted {
  readonly service?: Service | undefined;
  readonly grouping?: Grouping | undefined;
  /** Dimensions that the rows must be split by, in addition to those that the question needs. */
  readonly dimensions?: readonly Dimension[] | undefined;
  /** The values of the question's params, which may name a dimension. */
  readonly params?: ParamValues | undefined;
  /** Days, unless given. */
  readonly granularity?: Granularity | undefined;
  /** What the rows are for, in errors: `gc-usage check`. Default: the question. */
  readonly neededFor?: string | undefined;
  /** The option that names the lake in commands of hints, ` --lake usage-lake`. */
  readonly lakeFlags?: string | undefined;
}

/**
 * The sources of the lake that can answer a question: of one granularity, and split by every dimension that the
 * question needs.
 *
 * @throws {GcUsageError} lake, if there are none, with what the lake has and what to sync.
 */
export function sourcesFor(question: Question, slices: readonly SliceKey[], wanted: Wanted = {}): Source[] {
  const { granularity = "day" } = wanted;
  const needed = neededBy(question, wanted);
  const all = seriesAmong(slices);
  const answering = all.filter(
    (source) =>
      (wanted.service === undefined || source.service === wanted.service) &&
      (wanted.grouping === undefined || source.grouping === wanted.grouping) &&
      needed.every((dimension) => dimensionsOf(source.grouping).includes(dimension)),
  );
  const fitting = answering.filter((source) => source.granularity === granularity);
  if (fitting.length > 0) return fitting;
  const needs = needed.length > 0 ? ` split by ${needed.join(" and ")}` : "";
  const limits = [wanted.service, wanted.grouping].filter(Boolean).join(", ");
  throw new GcUsageError(
    "lake",
    `The lake has no ${granularity}s${needs}${limits ? ` of ${limits}` : ""}, which ${wanted.neededFor ?? question.name} needs${wanted.dimensions?.length ? " with these filters" : ""}.`,
    { hint: whatThereIs(question, wanted, all, answering) },
  );
}

function neededBy({ needs, params }: Question, wanted: Wanted): Dimension[] {
  const all = [...needs, ...dimensionsOfParams(params, wanted.params ?? {}), ...(wanted.dimensions ?? [])];
  return DIMENSIONS.filter((dimension) => all.includes(dimension));
}

/** What the lake has instead, how to read it if that can answer, and what to sync. */
function whatThereIs(
  question: Question,
  wanted: Wanted,
  all: readonly Source[],
  answering: readonly Source[],
): string {
  const has = all.map((source) => describeSeries(source)).join("; ");
  // Only questions take a granularity.
  const instead =
    wanted.neededFor === undefined
      ? answering.find(({ granularity }) => granularity !== "total")?.granularity
      : undefined;
  return [
    has ? `The lake has ${has}.` : "The lake is empty.",
    ...(instead === undefined ? [] : [`Add --granularity ${instead} to read the ${instead}s.`]),
    `${instead === undefined ? "Run" : "Or run"} \`gc-usage sync${syncFlags(question, wanted)}${wanted.lakeFlags ?? ""}\` first.`,
  ].join(" ");
}

/**
 * The sources that can answer for `window`. If the question compares it with the period before, a source needs rows
 * of both periods. Otherwise every client would be new, or silent.
 *
 * @throws {GcUsageError} lake, if there are none, with the days to sync.
 */
export function comparable(
  question: Question,
  sources: readonly Source[],
  window: Span,
  { lakeFlags = "" }: Pick<Wanted, "lakeFlags"> = {},
): readonly Source[] {
  if (!question.looksBack) return sources;
  const [any] = sources;
  if (any === undefined) return sources;
  const read = daysRead(question, window, any.granularity);
  const before = { start: read.start, end: addDays(window.start, -1) };
  const has = ({ dates }: Source, { start, end }: Span): boolean =>
    dates.some((day) => day >= start && day <= end);
  const fitting = sources.filter((source) => has(source, before) && has(source, window));
  if (fitting.length > 0) return fitting;
  const best = choose(sources, read);
  const missing = has(best, before) ? window : before;
  throw new GcUsageError(
    "lake",
    `${question.name} compares ${describeSpan(window)} with ${describeSpan(before)}, but the lake has no ` +
      `${best.granularity} of ${describeSpan(missing)} (${best.service}, ${best.grouping}).`,
    {
      hint: `Run \`gc-usage sync --from ${missing.start} --to ${missing.end}${seriesFlags(best)}${lakeFlags}\` first.`,
    },
  );
}

/**
 * The source that answers best; only one, because figures of different sources must not be mixed. Preferred are, in
 * this order: a source with any of the periods; jobs over legacy; the most periods; the canonical grouping; the
 * fewest rows to read.
 *
 * @param sources of one granularity.
 */
export function choose(sources: readonly Source[], window: Span): Choice {
  const ranked = sources
    .map((source) => {
      const has = new Set(source.dates);
      const dates = periodsOf(source.granularity, window, source.weekStart).map(({ date }) => date);
      const missing = dates.filter((date) => !has.has(date));
      const covered = dates.length - missing.length;
      const rank = [
        covered > 0 ? 0 : 1,
        SERVICES.indexOf(source.service),
        -covered,
        source.grouping === CANONICAL_GROUPING ? 0 : 1,
        dimensionsOf(source.grouping).length,
      ];
      return { choice: { ...source, missing }, rank };
    })
    .sort((a, b) => compare(a.rank, b.rank) || (a.choice.grouping < b.choice.grouping ? -1 : 1));
  const best = ranked[0];
  if (best === undefined) throw new RangeError("choose needs at least one source");
  return best.choice;
}

function syncFlags(question: Question, wanted: Wanted): string {
  const { granularity = "day" } = wanted;
  const service =
    (wanted.service ? ` --service ${wanted.service}` : "") +
    (granularity === "day" ? "" : ` --granularity ${granularity}`);
  const needed = neededBy(question, wanted);
  const canonical = dimensionsOf(CANONICAL_GROUPING);
  if (wanted.grouping && wanted.grouping !== NO_GROUPING)
    return `${service} --group-by ${listOf([...dimensionsOf(wanted.grouping), ...needed])}`;
  if (needed.every((dimension) => canonical.includes(dimension))) return service;
  return `${service} --group-by ${listOf([...canonical, ...needed])}`;
}

function listOf(dimensions: readonly Dimension[]): string {
  return dimensionsOf(groupingOf(dimensions)).join(",");
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
