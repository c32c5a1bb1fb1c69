import { calendarPeriod } from "../usage/calendar-period.ts";
import { addDays, type Day, lastDay, maxDay, minDay, startOfDay } from "../usage/day.ts";
import { GRANULARITIES, type Span } from "../usage/period.ts";
import type { LakeSeries } from "./api.ts";
import { spanBefore } from "./cube.ts";

/** The periods that the page offers. */
export const PERIODS = [
  { name: "7d", label: "Last 7 days" },
  { name: "30d", label: "Last 30 days" },
  { name: "90d", label: "Last 90 days" },
  { name: "365d", label: "Last 365 days" },
  { name: "last-week", label: "Last week" },
  { name: "this-month", label: "This month" },
  { name: "last-month", label: "Last month" },
] as const;
export const DEFAULT_PERIOD = "90d";

/**
 * The days that the address selects. They end on the lake's newest day at the latest, so that an old lake still shows something.
 *
 * @param newest the lake's newest day.
 * @param now milliseconds since 1970.
 */
export function spanOf(
  {
    period = DEFAULT_PERIOD,
    from,
    to,
  }: { readonly period?: string | undefined; readonly from?: Day | undefined; readonly to?: Day | undefined },
  newest: Day,
  now: number,
): Span {
  if (from !== undefined && to !== undefined && from <= to) return { start: from, end: to };
  const end = minDay(newest, lastDay(now));
  if (period === "last-week" || period === "last-month") {
    const calendar = calendarPeriod(
      period === "last-week" ? { lastWeek: true } : { lastMonth: true },
      now,
      "monday",
    );
    if (calendar?.to !== undefined) return { start: calendar.from, end: calendar.to };
  }
  if (period === "this-month") return { start: `${end.slice(0, 8)}01` as Day, end };
  const days = /^(\d{1,4})d$/.exec(period)?.[1] ?? DEFAULT_PERIOD.slice(0, -1);
  return { start: addDays(end, 1 - Math.max(1, Number(days))), end };
}

/** `jobs/day/client-uri-method`, for the address. */
export function seriesName({ service, granularity, grouping }: LakeSeries): string {
  return `${service}/${granularity}/${grouping}`;
}

/** The named series, or the best one: days before months, with clients and endpoints, the newest, the fewest dimensions. */
export function seriesAmong(series: readonly LakeSeries[], name: string | undefined): LakeSeries | undefined {
  const rank = ({ granularity, dimensions, to, service }: LakeSeries): readonly number[] => [
    GRANULARITIES.indexOf(granularity),
    dimensions.includes("client") ? 0 : 1,
    dimensions.includes("uri") ? 0 : 1,
    -startOfDay(to),
    service === "jobs" ? 0 : 1,
    dimensions.length,
  ];
  const [best] = [...series].sort((a, b) => {
    const others = rank(b);
    return rank(a).reduce((found, value, at) => found || value - (others[at] ?? 0), 0);
  });
  return series.find((one) => seriesName(one) === name) ?? best;
}

/** In days: the page loads so many at once, so that other periods need no new answer. */
const LOADED_DAYS = 400;

/**
 * The days to ask counts for: the span and the one before.
 *
 * @param isWide also more, for counts that are small.
 */
export function loadedDays(
  { to }: LakeSeries,
  span: Span,
  isWide: boolean,
): { readonly from: Day; readonly to: Day } {
  const before = spanBefore(span);
  if (!isWide) return { from: before.start, to: span.end };
  return { from: minDay(before.start, addDays(to, 1 - LOADED_DAYS)), to: maxDay(span.end, to) };
}
