import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { describeSpan } from "../usage/coverage.ts";
import { addDays, dayOf, lastDay, maxDay, minDay, startOfDay } from "../usage/day.ts";
import {
  type AnswerCoverage,
  type DayRange,
  describeRanges,
  type LackingDays,
  type SeriesFacts,
} from "../usage/envelope.ts";
import { dimensionsOf, NO_GROUPING } from "../usage/grouping.ts";
import { DEFAULT_WEEK_START, type Span, weekStartOf } from "../usage/period.ts";
import { seriesFlags } from "../usage/series.ts";
import { SERVICE_SPECS } from "../usage/service.ts";
import type { Basis } from "./basis.ts";

/** Requirements on the data. Without them, there is no answer. */
export interface Demands {
  /** Accept missing or incomplete days. */
  readonly allowPartial?: boolean | undefined;
  /** Fail as `incomplete` if days are missing. */
  readonly requireComplete?: boolean | undefined;
  /** Milliseconds since the end of the newest day; older data fails as `incomplete`. */
  readonly maxAgeMs?: number | undefined;
}

/** The lake and the time, for hints. */
export interface Where {
  /** The option that names the lake in a command, ` --lake usage-lake`; empty for the default lake. */
  readonly lakeFlags: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Rejects a question with missing days, unless the demands accept them.
 *
 * @throws {GcUsageError} lake, with the days and the sync that fetches them; incomplete, if completeness is required.
 */
export function checkBasis(basis: Basis, demands: Demands, where: Where): void {
  const { facts } = basis;
  checkAge([facts], demands, where);
  if (demands.requireComplete ? isWhole(facts.coverage) : facts.coverage.complete || demands.allowPartial)
    return;
  throw new GcUsageError(demands.requireComplete ? "incomplete" : "lake", describeMissing(basis), {
    hint: [
      syncHint(facts, where),
      ...otherHint(basis),
      ...(demands.requireComplete ? [] : ["Or answer without these days: add --allow-partial."]),
    ].join(" "),
    details: { coverage: facts.coverage },
  });
}

/**
 * Fails if completeness or an age is required, and a series does not meet it or cannot be checked.
 *
 * @param all undefined if the content of the tables is not known.
 * @throws {GcUsageError} incomplete
 */
export function checkSeries(all: readonly SeriesFacts[] | undefined, demands: Demands, where: Where): void {
  if (!demands.requireComplete && demands.maxAgeMs === undefined) return;
  if (all === undefined || all.length === 0) {
    throw new GcUsageError(
      "incomplete",
      all === undefined
        ? "The age and completeness of these tables cannot be checked."
        : "The lake has no such data, so it is not complete.",
      {
        hint:
          all === undefined
            ? "Query daily or usage instead."
            : `Run \`gc-usage sync${where.lakeFlags}\` first.`,
      },
    );
  }
  checkAge(all, demands, where);
  const gap = demands.requireComplete ? all.find(({ coverage }) => !coverage.complete) : undefined;
  if (gap === undefined) return;
  const { service, grouping, granularity, coverage, period } = gap;
  throw new GcUsageError(
    "incomplete",
    `The lake has ${coverage.daysCovered} of the ${counted(coverage.days, "day")} from ${period.from} to ${period.to} ` +
      `(${service}, ${grouping}, by ${granularity}). ${describeGaps(coverage)}`,
    { hint: syncHint(gap, where), details: { coverage } },
  );
}

/** `change compares … with …, but the lake has 55 of these 60 days (jobs, client-uri-method). Missing: …` */
export function describeMissing({ question, window, read, facts }: Basis): string {
  const { coverage, service, grouping } = facts;
  const reads = question.looksBack
    ? `compares ${describeSpan(window)} with ${describeSpan({ start: read.start, end: addDays(window.start, -1) })}`
    : `reads ${describeSpan(window)}`;
  return (
    `${question.name} ${reads}, but the lake has ${coverage.daysCovered} of these ` +
    `${counted(coverage.days, "day")} (${service}, ${grouping}). ${describeGaps(coverage)}`
  );
}

/**
 * True if nothing is missing. A row without a count also counts as missing, because the service may have omitted the
 * count.
 */
function isWhole({ complete, rowsLacking }: AnswerCoverage): boolean {
  return complete && rowsLacking.length === 0;
}

/** `Missing: 2026-11-03. Without status429: 2026-11-05 to 2026-11-07.` */
export function describeGaps({ missing, partial, unreadable, rowsLacking }: AnswerCoverage): string {
  return [
    ...(missing.length > 0 ? [`Missing: ${describeFirst(missing)}.`] : []),
    ...(unreadable.length > 0 ? [`Stored, but unreadable: ${describeFirst(unreadable)}.`] : []),
    ...byMetrics(partial).map(([metrics, ranges]) => `Without ${metrics}: ${describeFirst(ranges)}.`),
    ...byMetrics(rowsLacking).map(
      ([metrics, ranges]) => `Rows without ${metrics}, which totals leave out: ${describeFirst(ranges)}.`,
    ),
  ].join(" ");
}

function byMetrics(days: readonly LackingDays[]): [metrics: string, ranges: DayRange[]][] {
  const found = new Map<string, DayRange[]>();
  for (const { lacks, ...range } of days) {
    const metrics = lacks.join(", ");
    found.set(metrics, [...(found.get(metrics) ?? []), range]);
  }
  return [...found];
}

/** `2026-11-01, 2026-11-03 to 2026-11-07`, the first five. */
export function describeFirst(ranges: readonly DayRange[]): string {
  return describeRanges(ranges.slice(0, 5)) + (ranges.length > 5 ? ` and ${ranges.length - 5} more` : "");
}

/** The command that fetches the missing days, as far as the service still has them. */
export function syncHint(facts: SeriesFacts, where: Where): string {
  const gaps = [...facts.coverage.missing, ...facts.coverage.partial];
  const first = gaps.map(({ from }) => from).sort()[0] ?? facts.period.from;
  const last =
    gaps
      .map(({ to }) => to)
      .sort()
      .at(-1) ?? facts.period.to;
  const yesterday = lastDay(where.now);
  const { reachDays } = SERVICE_SPECS[facts.service];
  const earliest = reachDays === undefined ? first : maxDay(first, addDays(dayOf(where.now), -reachDays));
  return [
    ...(last > yesterday ? [`There is no data after ${yesterday} yet.`] : []),
    ...(first < earliest ? [`The ${facts.service} service has no data before ${earliest}.`] : []),
    ...(earliest > minDay(last, yesterday)
      ? []
      : [`Run \`${syncCommand(facts, { start: earliest, end: minDay(last, yesterday) }, where)}\` first.`]),
  ].join(" ");
}

function syncCommand(facts: SeriesFacts, { start, end }: Span, { lakeFlags }: Where): string {
  const weekStart = facts.granularity === "week" ? weekStartOf(facts.period.from) : DEFAULT_WEEK_START;
  return `gc-usage sync --from ${start} --to ${end}${seriesFlags({ ...facts, weekStart })}${lakeFlags}`;
}

function otherHint({ other }: Basis): string[] {
  if (other === undefined) return [];
  const group = dimensionsOf(other.grouping).join(",") || NO_GROUPING;
  return [
    `Or read other rows, which have more of these days: --service ${other.service} --group-by ${group}.`,
  ];
}

/**
 * Fails if the newest day of any series is too old or unknown.
 *
 * @throws {GcUsageError} incomplete
 */
export function checkAge(
  all: readonly SeriesFacts[],
  { maxAgeMs }: Demands,
  { now, lakeFlags }: Where,
): void {
  if (maxAgeMs === undefined) return;
  for (const facts of all) {
    const { service, granularity, grouping, newestDay } = facts;
    const age = newestDay === null ? undefined : now - startOfDay(newestDay) - 86_400_000;
    if (age !== undefined && age <= maxAgeMs) continue;
    const why =
      age === undefined
        ? "The newest day in the lake cannot be read"
        : `The newest day is ${newestDay}, which ended ${ageText(age)} ago, more than --max-age ${ageText(maxAgeMs)}`;
    throw new GcUsageError("incomplete", `${why} (${service}, ${grouping}, by ${granularity}).`, {
      hint: `Run \`gc-usage sync${seriesFlags(facts)}${lakeFlags}\` first.`,
      details: { newestDay },
    });
  }
}

/** `36 hours`, `5 days`. */
function ageText(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours < 72 ? counted(hours, "hour") : counted(Math.round(hours / 24), "day");
}
