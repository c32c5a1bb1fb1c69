import { addDays, type Day, dayOf, minDay, startOfDay } from "./day.ts";

/** The span that one row counts. `total` is the whole interval, for queries without a granularity. */
export const GRANULARITIES = ["day", "week", "month", "total"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

export const WEEK_STARTS = ["monday", "sunday"] as const;
/** The service's first day of the week is not documented, so it is a setting. */
export type WeekStart = (typeof WEEK_STARTS)[number];
export const DEFAULT_WEEK_START: WeekStart = "monday";

/** The first and the last UTC day, both included. */
export interface Span {
  readonly start: Day;
  readonly end: Day;
}

/** The first day of the period that contains `day`. A `total` has no calendar: its period is the interval. */
export function periodStart(
  granularity: Granularity,
  day: Day,
  weekStart: WeekStart = DEFAULT_WEEK_START,
): Day {
  switch (granularity) {
    case "month":
      return `${day.slice(0, 7)}-01` as Day;
    case "week": {
      const sundayBased = new Date(startOfDay(day)).getUTCDay();
      return addDays(day, -(weekStart === "sunday" ? sundayBased : (sundayBased + 6) % 7));
    }
    case "day":
    case "total":
      return day;
  }
}

/** The last day of the period that begins on `start`; undefined for a `total`, whose end only its query knows. */
export function periodEnd(granularity: Granularity, start: Day): Day | undefined {
  switch (granularity) {
    case "day":
      return start;
    case "week":
      return addDays(start, 6);
    case "month":
      return dayOf(Date.UTC(Number(start.slice(0, 4)), Number(start.slice(5, 7)), 0));
    case "total":
      return undefined;
  }
}

/** The periods that overlap `span`, each with its overlap. */
export function periodsOf(
  granularity: Granularity,
  span: Span,
  weekStart: WeekStart = DEFAULT_WEEK_START,
): { readonly date: Day; readonly covered: Span }[] {
  if (granularity === "total") return [{ date: span.start, covered: span }];
  const periods: { date: Day; covered: Span }[] = [];
  if (span.start > span.end) return periods;
  for (let day = span.start; ; ) {
    const date = periodStart(granularity, day, weekStart);
    const end = minDay(periodEnd(granularity, date) ?? span.end, span.end);
    periods.push({ date, covered: { start: day, end } });
    if (end === span.end) return periods;
    day = addDays(end, 1);
  }
}

/** The first day of the period `count` periods before the one that begins on `start`. */
export function periodsBefore(granularity: Granularity, start: Day, count: number): Day {
  switch (granularity) {
    case "month": {
      const [year, month] = start.split("-").map(Number);
      return dayOf(Date.UTC(year ?? 0, (month ?? 1) - 1 - count, 1));
    }
    case "week":
      return addDays(start, -7 * count);
    case "day":
    case "total":
      return addDays(start, -count);
  }
}

/** The weekday on which the week that begins on `start` begins, for weeks of that kind. */
export function weekStartOf(start: Day): WeekStart {
  return periodStart("week", start, "sunday") === start ? "sunday" : "monday";
}

/** Extends the span to whole periods. */
export function wholePeriods(
  granularity: Granularity,
  { start, end }: Span,
  weekStart: WeekStart = DEFAULT_WEEK_START,
): Span {
  const last = periodStart(granularity, end, weekStart);
  return {
    start: periodStart(granularity, start, weekStart),
    end: periodEnd(granularity, last) ?? end,
  };
}
