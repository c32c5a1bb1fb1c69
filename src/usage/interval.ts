import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { type Day, dayOf, startOfDay, tryDay } from "./day.ts";
import type { Span } from "./period.ts";

/** An interval as the API takes it, and the UTC days that it covers. */
export interface Interval extends Span {
  readonly text: string;
}

/**
 * Parses `start/end` in ISO 8601, both ends included, like the usage API. A year, month, week or day means its first
 * instant: `2021-01/2021-02` ends at the first instant of February. It therefore covers February 1, and a February row for
 * it counts one day. One end may be a period: `2021-01-01/P1M` is `2021-01-01/2021-02-01`.
 *
 * Accepts the forms that the ISO 8601 libraries for Java agree on, because the service probably uses one of them. Dates
 * without hyphens are rejected, because some libraries read them as a year of eight digits. So are abbreviated ends.
 *
 * @throws {GcUsageError} input, for a malformed interval, an impossible date or a reversed order.
 */
export function parseInterval(text: string): Interval {
  const parts = text.split("/");
  const [from, to] = parts;
  if (parts.length !== 2 || !from || !to) throw bad(text, "expected START/END");
  const [start, end] = endsOf(text, from, to);
  if (end < start) throw bad(text, "it ends before it starts");
  if (!(end < AFTER_9999)) throw bad(text, "it ends after 9999");
  if (start < 0) throw bad(text, "it starts before 1970");
  return { text, start: dayOf(start), end: dayOf(end) };
}

/** A day as text has a four-digit year. */
const AFTER_9999 = Date.UTC(10_000, 0, 1);

/** The interval for whole days, in the form that both services take. */
export function intervalOf(span: Span): Interval {
  return { text: `${span.start}/${span.end}`, start: span.start, end: span.end };
}

/** Both ends, in milliseconds since 1970. */
function endsOf(text: string, from: string, to: string): [start: number, end: number] {
  const [before, after] = [periodOf(from), periodOf(to)];
  if (before && after) throw bad(text, "both ends are periods (one must be a date)");
  if (before) {
    const end = instantOf(text, to);
    return [moved(end, before, -1), end];
  }
  const start = instantOf(text, from);
  return [start, after ? moved(start, after, 1) : instantOf(text, to)];
}

const DATE = /^(\d{4})(?:-(\d{3})|-W(\d{2})(?:-([1-7]))?|-(\d{2})(?:-(\d{2}))?)?$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?(?:[.,](\d{1,9}))?(?:(Z)|([+-])(\d{2})(?::?(\d{2}))?)?$/;

function instantOf(text: string, end: string): number {
  const [date = "", time, ...more] = end.split("T");
  const day = firstDayOf(date);
  const offset = time === undefined ? 0 : timeOf(time);
  const isWhole = /^\d{4}-(?:\d{3}|W\d{2}-\d|\d{2}-\d{2})$/.test(date);
  if (day !== undefined && offset !== undefined && more.length === 0 && (time === undefined || isWhole)) {
    return startOfDay(day) + offset;
  }
  throw bad(text, whyNot(end));
}

/** The first day of a year, month, week or day. */
function firstDayOf(date: string): Day | undefined {
  const [, year, ordinal, week, weekday = "1", month = "01", day = "01"] = DATE.exec(date) ?? [];
  if (year === undefined) return undefined;
  if (ordinal !== undefined) return inYear(year, Date.UTC(Number(year), 0, Number(ordinal)));
  if (week === undefined) return tryDay(`${year}-${month}-${day}`);
  // The first week contains January 4, and a week belongs to the year of its Thursday.
  const fourth = new Date(Date.UTC(Number(year), 0, 4));
  const monday = fourth.getTime() + (7 * Number(week) - 7 - ((fourth.getUTCDay() + 6) % 7)) * DAY;
  if (week === "00" || inYear(year, monday + 3 * DAY) === undefined) return undefined;
  return tryDay(dayOf(monday + (Number(weekday) - 1) * DAY));
}

function inYear(year: string, ms: number): Day | undefined {
  const day = dayOf(ms);
  return day.startsWith(year) ? tryDay(day) : undefined;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds since the start of the UTC day; a time without a zone is UTC. */
function timeOf(time: string): number | undefined {
  const match = TIME.exec(time);
  if (!match) return undefined;
  const [, hour, minute, second, fraction = "0", , sign, zoneHour = "0", zoneMinute = "0"] = match;
  const unit = second !== undefined ? SECOND : minute !== undefined ? MINUTE : HOUR;
  const part = Math.floor(Number(`0.${fraction}`) * unit);
  const ms = Number(hour) * HOUR + Number(minute ?? 0) * MINUTE + Number(second ?? 0) * SECOND + part;
  const zone = Number(zoneHour) * HOUR + Number(zoneMinute) * MINUTE;
  const isTime = ms <= DAY && Number(minute ?? 0) < 60 && Number(second ?? 0) < 60;
  if (!isTime || Number(zoneHour) > 18 || Number(zoneMinute) > 59) return undefined;
  return ms - (sign === "-" ? -zone : zone);
}

interface Period {
  readonly months: number;
  readonly ms: number;
}

const PERIOD =
  /^P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?=.)(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:[.,]\d{1,9})?S)?)?$/;

function periodOf(text: string): Period | undefined {
  const match = PERIOD.exec(text);
  if (!match) return undefined;
  const [years, months, weeks, days, hours, minutes, seconds] = match
    .slice(1)
    .map((count) => Number(count ?? 0));
  return {
    months: 12 * (years ?? 0) + (months ?? 0),
    ms:
      (7 * (weeks ?? 0) + (days ?? 0)) * DAY +
      (hours ?? 0) * HOUR +
      (minutes ?? 0) * MINUTE +
      (seconds ?? 0) * SECOND,
  };
}

/** Adds months first. If the month does not have the day, its last day is used. */
function moved(from: number, { months, ms }: Period, sign: 1 | -1): number {
  const date = new Date(from);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + sign * months);
  const lastOfMonth = new Date(date);
  lastOfMonth.setUTCMonth(lastOfMonth.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, lastOfMonth.getUTCDate()));
  return date.getTime() + sign * ms;
}

function whyNot(end: string): string {
  const hyphenated = /^(\d{4})(\d{2})(\d{2})?(?=$|T)/.exec(end);
  if (hyphenated) {
    const [digits, ...parts] = hyphenated;
    return `${quoted(end)} has no hyphens, so the service may read it as a year; write ${parts.filter(Boolean).join("-")}${end.slice(digits.length)}`;
  }
  if (/^(?:\d{1,2}(?:-\d{2})?(?:T.*)?|T?\d{2}:\d{2}.*)$/.test(end)) {
    return `${quoted(end)} is abbreviated; write it in full`;
  }
  if (/^P/i.test(end)) return `${quoted(end)} is not an ISO 8601 period such as P1M, P2W or P90D`;
  return `${quoted(end)} is not a valid ISO 8601 date`;
}

function bad(text: string, why: string): GcUsageError {
  return new GcUsageError("input", `Invalid interval ${quoted(text)}: ${why}.`, {
    hint: "Write START/END in UTC, both included, for example 2026-10-01/2026-10-31.",
  });
}
