import type { Span } from "../usage/period.ts";
import { chunksOf, isNeeded, type SyncPlan, type SyncTarget } from "./plan.ts";
import type { JobState } from "./staging.ts";

/**
 * Decides about a query that an earlier run left. It is resumed if it brings something that is needed and divides no period:
 * a part of a month that has grown since would be stored as the whole month.
 *
 * @returns leave, if it may be useful to another sync.
 */
export function decideLeftover(state: JobState, { target, periods }: SyncPlan): "take" | "drop" | "leave" {
  if (!isSameKind(state, target)) return "leave";
  const [first, last] = [periods[0], periods.at(-1)];
  // A total is a figure for exactly its own days: another one has another path, or the lake would keep the longer one.
  if (target.granularity === "total" && (state.start !== first?.date || state.end > first.covered.end))
    return "leave";
  const touched = periods.filter((period) => isNeeded(period) && overlap(period.covered, state));
  if (touched.length > 0) return touched.every(({ covered }) => holds(state, covered)) ? "take" : "drop";
  // Everything it would bring is already in the lake: the run ended between its last slice and the removal of its folder.
  const isInside = first && last && state.start >= first.covered.start && state.end <= last.covered.end;
  return isInside ? "drop" : "leave";
}

function isSameKind(state: JobState, target: SyncTarget): boolean {
  return (
    state.service === target.service &&
    state.granularity === target.granularity &&
    state.grouping === target.grouping &&
    (state.granularity !== "week" || state.weekStart === target.weekStart)
  );
}

/** The spans that share no day with an earlier one. */
export function disjoint<T extends Span>(spans: readonly T[]): T[] {
  const chosen: T[] = [];
  for (const span of spans) if (!chosen.some((earlier) => overlap(earlier, span))) chosen.push(span);
  return chosen;
}

/** The intervals to query in addition to the resumed queries, which are not queried twice. */
export function chunksBeside(taken: readonly Span[], { target, periods }: SyncPlan): Span[] {
  const wanting = periods.filter(
    (period) => isNeeded(period) && !taken.some((span) => holds(span, period.covered)),
  );
  return chunksOf(target, wanting);
}

function holds(span: Span, part: Span): boolean {
  return span.start <= part.start && span.end >= part.end;
}

function overlap(a: Span, b: Span): boolean {
  return a.start <= b.end && b.start <= a.end;
}
