import { UsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { addDays, type Day, dayOf, lastDay, minDay, parseDay, startOfDay } from "../usage/day.ts";
import {
  DEFAULT_WEEK_START,
  type Granularity,
  periodEnd,
  periodStart,
  type Span,
  type WeekStart,
  wholePeriods,
} from "../usage/period.ts";

/** What a person says about the period. */
export interface WindowFlags {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const DEFAULT_LAST = "30d";

/** Of which periods the window is made: days unless given. */
export interface WindowPeriods {
  readonly granularity?: Granularity;
  readonly weekStart?: WeekStart;
}

/**
 * The days that `--last`, `--from` and `--to` mean, widened to whole periods. What has no end given ends yesterday (the
 * current UTC day is never in the data), or with the newest day that there is, whichever is earlier, so that an old lake
 * still answers; a week or month that is not over then is left out. What has no start given is 30 days long.
 *
 * @param newest undefined: the end depends on the clock only.
 * @throws {UsageError} input, for text that is none of these, or days in the wrong order.
 */
export function windowOf(
  flags: WindowFlags,
  newest: Day | undefined,
  now: number,
  { granularity = "day", weekStart = DEFAULT_WEEK_START }: WindowPeriods = {},
): Span {
  const last = flags.last ?? DEFAULT_LAST;
  if (flags.last !== undefined && flags.from !== undefined) {
    throw new UsageError("input", "--last and --from both say where the period starts.", {
      hint: "Use one of them: --last 30d, or --from 2026-10-01 --to 2026-10-31.",
    });
  }
  const from = flags.from === undefined ? undefined : parseDay(flags.from, "--from");
  const end =
    flags.to === undefined
      ? openEnd({ granularity, weekStart }, lastOf(newest, from, now), from)
      : parseDay(flags.to, "--to");
  const start = from ?? startOfLast(last, end);
  if (start > end) {
    throw new UsageError("input", `The period ends on ${end}, before it starts on ${start}.`, {
      hint:
        flags.to !== undefined
          ? "Both days are included, in UTC; --from is the earlier one."
          : "The current UTC day is never in the data: the last one there is ended yesterday.",
    });
  }
  return wholePeriods(granularity, { start, end }, weekStart);
}

/** The newest day where that is one of the period, else the last that is over. */
function lastOf(newest: Day | undefined, from: Day | undefined, now: number): Day {
  const last = lastDay(now);
  return newest === undefined || (from !== undefined && newest < from) ? last : minDay(newest, last);
}

/** The end of the last period that is over on `day`; `day` itself where none is over since `from`. */
function openEnd({ granularity, weekStart }: Required<WindowPeriods>, day: Day, from: Day | undefined): Day {
  const begun = periodStart(granularity, day, weekStart);
  const over = periodEnd(granularity, begun) === day ? day : addDays(begun, -1);
  return from !== undefined && over < from ? day : over;
}

/** `30d`, `4w`, `3m` or `1y` back from `end`, which is included. */
function startOfLast(last: string, end: Day): Day {
  const match = /^([1-9]\d{0,2})([dwmy])$/.exec(last);
  if (!match) {
    throw new UsageError("input", `--last: ${quoted(last)} is no length of time.`, {
      hint: "Write days, weeks, months or years, for example 7d, 4w, 3m or 1y.",
    });
  }
  const count = Number(match[1]);
  if (match[2] === "d" || match[2] === "w") return addDays(end, 1 - count * (match[2] === "w" ? 7 : 1));
  return monthsBefore(addDays(end, 1), match[2] === "y" ? count * 12 : count);
}

/** The same day of an earlier month, or that month's last day where it has no such day. */
function monthsBefore(day: Day, months: number): Day {
  const date = new Date(startOfDay(day));
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - months);
  const first = date.getTime();
  date.setUTCMonth(date.getUTCMonth() + 1);
  return minDay(addDays(dayOf(first), wanted - 1), addDays(dayOf(date.getTime()), -1));
}
