import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
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

/** The period as a person gives it. */
export interface WindowFlags {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const DEFAULT_LAST = "30d";

/** The periods that make up the window (default: days). */
export interface WindowPeriods {
  readonly granularity?: Granularity;
  readonly weekStart?: WeekStart;
}

/**
 * The days that `--last`, `--from` and `--to` select, extended to whole periods. Without an end, the window ends
 * yesterday (the current UTC day is never in the data) or on the newest day, whichever is earlier, so that an old
 * lake still answers. A week or month that is not over by then is omitted. Without a start, the window is 30 days
 * long.
 *
 * @param newest undefined: the end depends on the clock only.
 * @throws {GcUsageError} input, for invalid text, or days in the wrong order.
 */
export function windowOf(
  flags: WindowFlags,
  newest: Day | undefined,
  now: number,
  { granularity = "day", weekStart = DEFAULT_WEEK_START }: WindowPeriods = {},
): Span {
  const last = flags.last ?? DEFAULT_LAST;
  if (flags.last !== undefined && flags.from !== undefined) {
    throw new GcUsageError("input", "--last and --from both set the start of the period.", {
      hint: "Use only one of them: --last 30d, or --from 2026-10-01 --to 2026-10-31.",
    });
  }
  const from = flags.from === undefined ? undefined : parseDay(flags.from, "--from");
  const end =
    flags.to === undefined
      ? openEnd({ granularity, weekStart }, lastOf(newest, from, now), from)
      : parseDay(flags.to, "--to");
  const start = from ?? startOfLast(last, end);
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
