import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { type CalendarFlags, calendarPeriod } from "./calendar-period.ts";
import { addDays, type Day, dayOf, lastDay, minDay, parseDay, startOfDay } from "./day.ts";
import {
  DEFAULT_WEEK_START,
  type Granularity,
  periodEnd,
  periodStart,
  type Span,
  type WeekStart,
  wholePeriods,
} from "./period.ts";

/** The period as a person gives it. At most one flag sets its start. */
export interface WindowFlags extends CalendarFlags {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The first day of the week, for `lastWeek` (default: that of the rows, or Monday). */
  readonly weekStart?: WeekStart | undefined;
}

const DEFAULT_LAST = "30d";

/** The periods that make up the window (default: days). */
export interface WindowPeriods {
  readonly granularity?: Granularity;
  readonly weekStart?: WeekStart;
}

/** The flags that set the start of a period, with the option that sets each. */
const STARTS = [
  ["last", "--last"],
  ["from", "--from"],
  ["lastWeek", "--last-week"],
  ["lastMonth", "--last-month"],
  ["month", "--month"],
] as const;

/** True if a flag sets the start. An end without a start only moves the usual period. */
export function hasStart(flags: WindowFlags): boolean {
  return STARTS.some(([name]) => flags[name] !== undefined);
}

/** The flags for exactly these days, to put over others. */
export function exactly({ start, end }: Span): WindowFlags {
  return {
    last: undefined,
    lastWeek: undefined,
    lastMonth: undefined,
    month: undefined,
    from: start,
    to: end,
  };
}

/**
 * The days that the flags select, extended to whole periods. Without an end, the window ends yesterday (the current
 * UTC day is never in the data) or on the newest day, whichever is earlier, so that an old lake still answers. A week
 * or month that is not over by then is omitted. Without a start, the window is 30 days long.
 *
 * @param newest undefined: the end depends on the clock only.
 * @throws {GcUsageError} input, for invalid text, flags that contradict each other, or days in the wrong order.
 */
export function windowOf(
  flags: WindowFlags,
  newest: Day | undefined,
  now: number,
  { granularity = "day", weekStart = DEFAULT_WEEK_START }: WindowPeriods = {},
): Span {
  checkFlags(flags, granularity, weekStart);
  const calendar = calendarPeriod(flags, now, flags.weekStart ?? weekStart);
  const from = calendar?.from ?? (flags.from === undefined ? undefined : parseDay(flags.from, "--from"));
  const to = calendar?.to ?? (flags.to === undefined ? undefined : parseDay(flags.to, "--to"));
  const end = to ?? openEnd({ granularity, weekStart }, lastOf(newest, from, now), from);
  const start = from ?? startOfLast(flags.last ?? DEFAULT_LAST, end);
  if (start > end) {
    throw new GcUsageError("input", `The period ends on ${end}, before it starts on ${start}.`, {
      hint:
        flags.to !== undefined
          ? "Set --from to the earlier day. Both days are in UTC and inclusive."
          : "The current UTC day is never in the data, so the last day is yesterday. Set --from to an earlier day.",
    });
  }
  return wholePeriods(granularity, { start, end }, weekStart);
}

/** @throws {GcUsageError} input, for a first day of the week that nothing depends on. */
export function checkWeekStart({ weekStart, lastWeek }: WindowFlags): void {
  if (weekStart === undefined || lastWeek) return;
  throw new GcUsageError("input", "--week-start only decides which days --last-week means.", {
    hint: "Add --last-week, or omit --week-start.",
  });
}

/** @throws {GcUsageError} input, if two flags set the start or the end, or the rows have other weeks. */
function checkFlags(flags: WindowFlags, granularity: Granularity, weekStart: WeekStart): void {
  const [first, second] = STARTS.flatMap(([name, option]) => (flags[name] === undefined ? [] : [option]));
  const hint =
    "Use only one of them: --last 30d, --last-week, --last-month, --month 2026-10, or --from and --to.";
  if (first !== undefined && second !== undefined)
    throw new GcUsageError("input", `${first} and ${second} both set the start of the period.`, { hint });
  if (flags.to !== undefined && first !== undefined && first !== "--last" && first !== "--from")
    throw new GcUsageError("input", `${first} and --to both set the end of the period.`, { hint });
  const wanted = flags.lastWeek && granularity === "week" ? flags.weekStart : undefined;
  if (wanted !== undefined && wanted !== weekStart) {
    throw new GcUsageError(
      "input",
      `--week-start is ${wanted}, but the lake's weeks start on ${weekStart}.`,
      {
        hint: "Omit --week-start, or read days: --granularity day",
      },
    );
  }
}

/** The newest day if it is in the period, else yesterday. */
function lastOf(newest: Day | undefined, from: Day | undefined, now: number): Day {
  const last = lastDay(now);
  return newest === undefined || (from !== undefined && newest < from) ? last : minDay(newest, last);
}

/** The end of the last period that is over on `day`; `day` itself if no period since `from` is over. */
function openEnd({ granularity, weekStart }: Required<WindowPeriods>, day: Day, from: Day | undefined): Day {
  const begun = periodStart(granularity, day, weekStart);
  const over = periodEnd(granularity, begun) === day ? day : addDays(begun, -1);
  return from !== undefined && over < from ? day : over;
}

/** The start of `30d`, `4w`, `3m` or `1y` that end on `end`, inclusive. */
function startOfLast(last: string, end: Day): Day {
  const match = /^([1-9]\d{0,2})([dwmy])$/.exec(last);
  if (!match) {
    throw new GcUsageError("input", `Invalid --last: ${quoted(last)} (expected a length of time).`, {
      hint: "Use days, weeks, months or years, for example 7d, 4w, 3m or 1y.",
    });
  }
  const count = Number(match[1]);
  if (match[2] === "d" || match[2] === "w") return addDays(end, 1 - count * (match[2] === "w" ? 7 : 1));
  return monthsBefore(addDays(end, 1), match[2] === "y" ? count * 12 : count);
}

/** The same day of an earlier month, or that month's last day if it is shorter. */
function monthsBefore(day: Day, months: number): Day {
  const date = new Date(startOfDay(day));
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - months);
  const first = date.getTime();
  date.setUTCMonth(date.getUTCMonth() + 1);
  return minDay(addDays(dayOf(first), wanted - 1), addDays(dayOf(date.getTime()), -1));
}
