import { addDays, type Day, dayOf, minDay } from "./day.ts";
import { METRICS, type Metric } from "./metric.ts";
import { type Granularity, periodEnd, type Span } from "./period.ts";
import type { SliceKey } from "./slice.ts";

/**
 * What a slice knows: which days of its period were asked for, with which metrics, when. A slice is replaced
 * only by one that knows at least as much.
 */
export interface Coverage extends Span {
  readonly metrics: readonly Metric[];
  /** Milliseconds since 1970, UTC, of the answer. */
  readonly fetchedAt: number;
}

/** The days after a period's end within which its figures may change: late corrections are not documented. */
export const SETTLE_DAYS = 3;

/** The days of a span that the service can have had at `fetchedAt`: the current UTC day is never in the data. */
export function knownSpan(span: Span, fetchedAt: number): Span | undefined {
  const end = minDay(span.end, addDays(dayOf(fetchedAt), -1));
  return end < span.start ? undefined : { start: span.start, end };
}

/** True where the whole period was asked for after it had ended. A `total` is complete by definition. */
export function isComplete(key: Pick<SliceKey, "granularity" | "date">, span: Span): boolean {
  const end = periodEnd(key.granularity, key.date);
  return end === undefined || (span.start <= key.date && span.end >= end);
}

/** True where a slice of that key can have that coverage: days of its period alone, a total's from its first day on. */
export function isOf(key: Pick<SliceKey, "granularity" | "date">, { start, end }: Span): boolean {
  const last = periodEnd(key.granularity, key.date) ?? end;
  return (
    start <= end && start >= key.date && end <= last && (key.granularity !== "total" || start === key.date)
  );
}

/**
 * True where the figures can no longer change: asked for, whole, more than `settleDays` days after the period's
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

/** True where days were fetched so soon after the last of them that their figures may still change. */
export function mayChange(
  { end, fetchedAt }: Pick<Coverage, "end" | "fetchedAt">,
  settleDays: number,
): boolean {
  return dayOf(fetchedAt) <= addDays(end, settleDays);
}

/** The days of a period that the service can have had at `now`; of a total those that were asked for. */
export function knowable(key: Pick<SliceKey, "granularity" | "date">, { end }: Span, now: number): Span {
  return (
    knownSpan({ start: key.date, end: periodEnd(key.granularity, key.date) ?? end }, now) ?? {
      start: key.date,
      end,
    }
  );
}

/**
 * What a slice knows of the days of its period that can be known: `partial`, where some of the days of a period that is
 * over, or some metrics, were not asked for; `outgrown`, where days have come since; `changing`, where figures may still
 * change; `settled`.
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

/** Two clocks that are right may differ so much. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** True where an answer seems to come from later than now: a clock was ahead, and nobody knows which days were over. */
export function isFromFuture({ fetchedAt }: Pick<Coverage, "fetchedAt">, now: number): boolean {
  return fetchedAt - now > CLOCKS_DIFFER_MS;
}

/**
 * Why `next` must not replace `current`, in words; undefined where it may. Of two totals that begin on the same day the
 * longer one knows more: asked for day by day up to yesterday, a total grows as a month does.
 */
export function coversLess(current: Coverage, next: Coverage, granularity: Granularity): string | undefined {
  if (next.start > current.start || next.end < current.end) {
    if (granularity === "total")
      return `it is a total of ${next.start}/${next.end}, shorter than that of ${current.start}/${current.end}`;
    return `it covers ${next.start}/${next.end} of the period, less than ${current.start}/${current.end}`;
  }
  const missing = METRICS.filter(
    (metric) => current.metrics.includes(metric) && !next.metrics.includes(metric),
  );
  if (missing.length > 0) return `it lacks ${missing.join(", ")}`;
  if (next.fetchedAt < current.fetchedAt) {
    return `it was fetched ${new Date(next.fetchedAt).toISOString()}, before ${new Date(current.fetchedAt).toISOString()}`;
  }
  return undefined;
}

/** Days of `span` as a person reads them. */
export function describeSpan(span: { start: Day; end: Day }): string {
  return span.start === span.end ? span.start : `${span.start} to ${span.end}`;
}
