import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { addDays, type Day, dayOf, lastDay, tryDay } from "./day.ts";
import { periodEnd, periodStart, periodsBefore, type WeekStart } from "./period.ts";

/** A week or month of the UTC calendar. At most one of them can be given. */
export interface CalendarFlags {
  readonly lastWeek?: true | undefined;
  readonly lastMonth?: true | undefined;
  /** `2026-10` */
  readonly month?: string | undefined;
}

export function hasCalendarPeriod({ lastWeek, lastMonth, month }: CalendarFlags): boolean {
  return [lastWeek, lastMonth, month].some((value) => value !== undefined);
}

/** Without an end, the month is not over yet. */
interface CalendarPeriod {
  readonly from: Day;
  readonly to: Day | undefined;
}

/**
 * The week or month that the flags name. "Last" is by the clock: the one before the current week or month.
 *
 * @returns undefined if no flag is given.
 * @throws {GcUsageError} input, for an invalid month, or one without a past day.
 */
export function calendarPeriod(
  { lastWeek, lastMonth, month }: CalendarFlags,
  now: number,
  weekStart: WeekStart,
): CalendarPeriod | undefined {
  if (month !== undefined) return monthNamed(month, now);
  const granularity = lastWeek ? "week" : lastMonth ? "month" : undefined;
  if (granularity === undefined) return undefined;
  const current = periodStart(granularity, dayOf(now), weekStart);
  return { from: periodsBefore(granularity, current, 1), to: addDays(current, -1) };
}

function monthNamed(text: string, now: number): CalendarPeriod {
  const from = tryDay(`${text}-01`);
  if (from === undefined) {
    throw new GcUsageError("input", `Invalid --month: ${quoted(text)} (expected a month as YYYY-MM).`, {
      hint: monthHint(text, now),
    });
  }
  const newest = lastDay(now);
  if (from > newest) {
    const isCurrent = from === dayOf(now);
    throw new GcUsageError(
      "input",
      isCurrent
        ? `--month ${text} has no complete day yet: the current UTC day is never in the data.`
        : `--month ${text} is in the future.`,
      { hint: `The newest month with data is ${newest.slice(0, 7)}: --month ${newest.slice(0, 7)}` },
    );
  }
  const to = periodEnd("month", from) as Day;
  return { from, to: to > newest ? undefined : to };
}

/** Suggests the intended month if it is recognizable. */
function monthHint(text: string, now: number): string {
  const [, year = "", month = ""] = /^(\d{4})[-/.]?(\d{1,2})(?:[-/.]\d{1,2})?$/.exec(text.trim()) ?? [];
  const meant = `${year}-${month.padStart(2, "0")}`;
  if (tryDay(`${meant}-01`) !== undefined) return `Write --month ${meant}.`;
  if (month !== "") return "Months are 01 to 12.";
  const newest = lastDay(now).slice(0, 7);
  return `For example --month ${newest}. For other periods, use --from and --to.`;
}
