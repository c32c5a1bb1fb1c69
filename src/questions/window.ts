import { UsageError } from "../support/errors.ts";
import { shown } from "../support/shown.ts";
import { addDays, type Day, dayOf, minDay, parseDay, startOfDay } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";

/** What a person says about the period. */
export interface WindowFlags {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const DEFAULT_LAST = "30d";

/**
 * The days that `--last`, `--from` and `--to` mean. What has no end given ends yesterday (the current UTC day is
 * never in the data), or with the newest day that there is, whichever is earlier, so that an old lake still
 * answers; what has no start given is 30 days long.
 *
 * @throws {UsageError} input, for text that is none of these, or days in the wrong order.
 */
export function windowOf(flags: WindowFlags, newest: Day | undefined, now: number): Span {
  const last = flags.last ?? DEFAULT_LAST;
  if (flags.last !== undefined && flags.from !== undefined) {
    throw new UsageError("input", "--last and --from both say where the period starts.", {
      hint: "Use one of them: --last 30d, or --from 2026-10-01 --to 2026-10-31.",
    });
  }
  const yesterday = addDays(dayOf(now), -1);
  const end =
    flags.to === undefined
      ? newest === undefined
        ? yesterday
        : minDay(newest, yesterday)
      : parseDay(flags.to, "--to");
  const start = flags.from === undefined ? startOfLast(last, end) : parseDay(flags.from, "--from");
  if (start > end) {
    throw new UsageError("input", `The period ends on ${end}, before it starts on ${start}.`, {
      hint:
        flags.to !== undefined
          ? "Both days are included, in UTC; --from is the earlier one."
          : newest === undefined
            ? "The current UTC day is never in the data: the last one there is ended yesterday."
            : "The lake's newest day is the end where no --to is given: sync first, or look at earlier days.",
    });
  }
  return { start, end };
}

/** `30d`, `4w`, `3m` or `1y` back from `end`, which is included. */
function startOfLast(last: string, end: Day): Day {
  const match = /^([1-9]\d{0,2})([dwmy])$/.exec(last);
  if (!match) {
    throw new UsageError("input", `--last: ${shown(last)} is no length of time.`, {
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
