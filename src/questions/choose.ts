import { UsageError } from "../support/errors.ts";
import { describeSpan } from "../usage/coverage.ts";
import { addDays, type Day, eachDay } from "../usage/day.ts";
import {
  CANONICAL_GROUPING,
  dimensionsOf,
  type Grouping,
  groupingOf,
  NO_GROUPING,
} from "../usage/grouping.ts";

import type { Span } from "../usage/period.ts";
import { CANONICAL_SERVICE, type Service } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { daysRead, type Question } from "./questions.ts";

/** Rows that may be summed: one service, one grouping, by day. */
export interface Source {
  readonly service: Service;
  readonly grouping: Grouping;
  /** The days that the lake has of it, in order. */
  readonly days: readonly Day[];
}

export interface Choice extends Source {
  /** The days of the window that the lake does not have in this source, in order. */
  readonly missing: readonly Day[];
}

/** What the caller insists on. */
export interface Wanted {
  readonly service?: Service | undefined;
  readonly grouping?: Grouping | undefined;
}

/**
 * The sources of the lake that can answer a question: by day, split by every dimension that it needs.
 *
 * @throws {UsageError} lake, saying what the lake has and what to sync, where there is none.
 */
export function sourcesFor(question: Question, slices: readonly SliceKey[], wanted: Wanted = {}): Source[] {
  const all = sourcesOf(slices);
  const fitting = all.filter(
    (source) =>
      (wanted.service === undefined || source.service === wanted.service) &&
      (wanted.grouping === undefined || source.grouping === wanted.grouping) &&
      question.needs.every((dimension) => dimensionsOf(source.grouping).includes(dimension)),
  );
  if (fitting.length > 0) return fitting;
  const has = all.map((source) => describeSource(source)).join("; ");
  const needs = question.needs.length > 0 ? ` split by ${question.needs.join(" and ")}` : "";
  const limits = [wanted.service, wanted.grouping].filter(Boolean).join(", ");
  throw new UsageError(
    "lake",
    `The lake has no days${needs}${limits ? ` of ${limits}` : ""}, which ${question.name} needs.`,
    {
      hint:
        (has ? `It has ${has}. ` : "It has no days at all. ") +
        `Run \`gc-usage sync${syncFlags(question, wanted)}\` first.`,
    },
  );
}

/**
 * Of the sources those that can answer for `window`: all of them, but where the question compares it with the period
 * before those that have days of both. Without any of one, every client would be new, or silent.
 *
 * @throws {UsageError} lake, naming the days to sync, where there is none.
 */
export function comparable(question: Question, sources: readonly Source[], window: Span): readonly Source[] {
  if (!question.looksBack) return sources;
  const read = daysRead(question, window);
  const before = { start: read.start, end: addDays(window.start, -1) };
  const has = ({ days }: Source, { start, end }: Span): boolean =>
    days.some((day) => day >= start && day <= end);
  const fitting = sources.filter((source) => has(source, before) && has(source, window));
  if (fitting.length > 0) return fitting;
  const best = choose(sources, read);
  const lacking = has(best, before) ? window : before;
  throw new UsageError(
    "lake",
    `${question.name} compares ${describeSpan(window)} with ${describeSpan(before)}, and the lake has no day of ` +
      `${describeSpan(lacking)} (${best.service}, ${best.grouping}).`,
    {
      hint: `Run \`gc-usage sync --from ${lacking.start} --to ${lacking.end}${sourceFlags(best)}\` first.`,
    },
  );
}

/**
 * The source that answers best, and only one, since numbers of two never mix. One that has any of the days
 * before one that has none; jobs before legacy; then the most days; then the canonical grouping; then the
 * fewest rows to read.
 */
export function choose(sources: readonly Source[], window: Span): Choice {
  const days = eachDay(window.start, window.end);
  const ranked = sources
    .map((source) => {
      const has = new Set(source.days);
      const missing = days.filter((day) => !has.has(day));
      const covered = days.length - missing.length;
      const rank = [
        covered > 0 ? 0 : 1,
        source.service === "jobs" ? 0 : 1,
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

/** Every service and grouping that the lake has days of. */
export function sourcesOf(slices: readonly SliceKey[]): Source[] {
  const byName = new Map<string, { service: Service; grouping: Grouping; days: Day[] }>();
  for (const { service, granularity, grouping, date } of slices) {
    if (granularity !== "day") continue;
    const name = `${service} ${grouping}`;
    const source = byName.get(name) ?? { service, grouping, days: [] };
    source.days.push(date);
    byName.set(name, source);
  }
  return [...byName.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, source]) => ({ ...source, days: source.days.sort() }));
}

/** `jobs, client-uri-method: 90 days, 2026-08-25 to 2026-11-22`. */
export function describeSource({ service, grouping, days }: Source): string {
  const first = days[0];
  const last = days.at(-1);
  const span = first === last ? `${first}` : `${first} to ${last}`;
  return `${service}, ${grouping}: ${days.length} ${days.length === 1 ? "day" : "days"}, ${span}`;
}

/** What `sync` is told so that it brings rows of a source. */
function sourceFlags({ service, grouping }: Source): string {
  const group = dimensionsOf(grouping).join(",") || "none";
  return (
    (service === CANONICAL_SERVICE ? "" : ` --service ${service}`) +
    (grouping === CANONICAL_GROUPING ? "" : ` --group-by ${group}`)
  );
}

function syncFlags(question: Question, wanted: Wanted): string {
  const service = wanted.service ? ` --service ${wanted.service}` : "";
  const canonical = dimensionsOf(CANONICAL_GROUPING);
  if (wanted.grouping && wanted.grouping !== NO_GROUPING)
    return `${service} --group-by ${dimensionsOf(wanted.grouping).join(",")}`;
  if (question.needs.every((dimension) => canonical.includes(dimension))) return service;
  return `${service} --group-by ${dimensionsOf(groupingOf([...canonical, ...question.needs])).join(",")}`;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
