import { addDays, type Day, dayOf, minDay } from "./day.ts";
import { METRICS, type Metric } from "./metric.ts";
import { type Granularity, periodEnd, type Span } from "./period.ts";
import type { SliceKey } from "./slice.ts";

/**
 * What a slice covers: which days of its period were queried, with which metrics, and when. A slice is replaced only by
 * one that covers at least as much.
 */
export interface Coverage extends Span {
  readonly metrics: readonly Metric[];
  /** When the answer arrived, in milliseconds since 1970. */
  readonly fetchedAt: number;
}

/** For this many days after a period's end its figures may change. Late corrections are not documented. */
export const SETTLE_DAYS = 3;

/** The part of a span that was available at `fetchedAt`: data never includes the current UTC day. */
export function knownSpan(span: Span, fetchedAt: number): Span | undefined {
  const end = minDay(span.end, addDays(dayOf(fetchedAt), -1));
  return end < span.start ? undefined : { start: span.start, end };
}

/** True if the whole period was queried after it had ended. A `total` is complete by definition. */
export function isComplete(key: Pick<SliceKey, "granularity" | "date">, span: Span): boolean {
  const end = periodEnd(key.granularity, key.date);
  return end === undefined || (span.start <= key.date && span.end >= end);
}

/** True if a slice with that key can have that coverage: only days of its period, and for a total from its first day on. */
export function isOf(key: Pick<SliceKey, "granularity" | "date">, { start, end }: Span): boolean {
  const last = periodEnd(key.granularity, key.date) ?? end;
  return (
    start <= end && start >= key.date && end <= last && (key.granularity !== "total" || start === key.date)
  );
}

/**
 * True if the figures can no longer change: the whole period was queried more than `settleDays` days after the period's
 * end.
 */
export function isSettled(
  key: Pick<SliceKey, "granularity" | "date">,
  coverage: Coverage,
  settleDays: number,
): boolean {
  const end = periodEnd(key.granularity, key.date) ?? coverage.end;
  return isComplete(key, coverage) && !mayChange({ ...coverage, end }, settleDays);
}

/** True if days were fetched so soon after the last of them that their figures may still change. */
export function mayChange(
  { end, fetchedAt }: Pick<Coverage, "end" | "fetchedAt">,
  settleDays: number,
): boolean {
  return dayOf(fetchedAt) <= addDays(end, settleDays);
}

/** The days of a period that are available at `now`; for a total, the days that were queried. */
export function knowable(key: Pick<SliceKey, "granularity" | "date">, { end }: Span, now: number): Span {
  return (
    knownSpan({ start: key.date, end: periodEnd(key.granularity, key.date) ?? end }, now) ?? {
      start: key.date,
      end,
    }
  );
}

/**
 * The state of a slice, compared with the days that are available. `partial`: the period is over, but some of its days or
 * some metrics were not queried. `outgrown`: more days are available now. `changing`: figures may still change. `settled`:
 * up to date and final.
 */
export function knowledgeOf(
  key: Pick<SliceKey, "granularity" | "date">,
  coverage: Coverage,
  known: Span,
  settleDays: number,
): "settled" | "changing" | "outgrown" | "partial" {
  if (METRICS.some((metric) => !coverage.metrics.includes(metric))) return "partial";
  if (coverage.start > known.start || coverage.end < known.end)
    return isComplete(key, known) ? "partial" : "outgrown";
  return isSettled(key, coverage, settleDays) ? "settled" : "changing";
}

/** Two correct clocks may differ by this much. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** True if an answer seems to come from the future: a clock was ahead, so it is unclear which days were complete. */
export function isFromFuture({ fetchedAt }: Pick<Coverage, "fetchedAt">, now: number): boolean {
  return fetchedAt - now > CLOCKS_DIFFER_MS;
}

/**
 * Why `next` must not replace `current`, in words; undefined if it may. Of two totals with the same first day, the longer
 * one covers more: when queried daily up to yesterday, a total grows like a month does.
 */
export function coversLess(current: Coverage, next: Coverage, granularity: Granularity): string | undefined {
  if (next.start > current.start || next.end < current.end) {
    if (granularity === "total")
      return `it is a total of ${next.start}/${next.end}, shorter than the stored ${current.start}/${current.end}`;
    return `it covers ${next.start}/${next.end} of the period, less than the stored ${current.start}/${current.end}`;
  }
  const missing = METRICS.filter(
    (metric) => current.metrics.includes(metric) && !next.metrics.includes(metric),
  );
  if (missing.length > 0) return `it does not have ${missing.join(", ")}`;
  if (next.fetchedAt < current.fetchedAt) {
    return `it was fetched ${new Date(next.fetchedAt).toISOString()}, before the stored data of ${new Date(current.fetchedAt).toISOString()}`;
  }
  return undefined;
}

/** The days of `span` for display. */
export function describeSpan(span: { start: Day; end: Day }): string {
  return span.start === span.end ? span.start : `${span.start} to ${span.end}`;
}
