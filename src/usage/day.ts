import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

/**
 * A UTC calendar day as `YYYY-MM-DD`, which sorts chronologically. The usage API counts by UTC day (00:00:00–23:59:59),
 * so a day here never depends on the machine's time zone.
 */
export type Day = string & { readonly __brand: "Day" };

const MS_PER_DAY = 86_400_000;

/** The day of an instant, given in milliseconds since 1970. */
export function dayOf(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10) as Day;
}

/** The first instant of a day, in milliseconds since 1970. */
export function startOfDay(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** Days sort as text only with four-digit years, so they stop there. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T00:00:00Z");

/** The last available day at `now`: data never includes the current UTC day. */
export function lastDay(now: number): Day {
  return addDays(dayOf(now), -1);
}

/** Stops at the first day of year 1 and the last day of year 9999. */
export function addDays(day: Day, days: number): Day {
  return dayOf(Math.min(Math.max(startOfDay(day) + days * MS_PER_DAY, FIRST_MS), LAST_MS));
}

/** Whole days from `from` to `to`: 0 for the same day, negative if `to` is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((startOfDay(to) - startOfDay(from)) / MS_PER_DAY);
}

/** Every day from `from` to `to`, both included. */
export function eachDay(from: Day, to: Day): Day[] {
  const count = daysBetween(from, to) + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => addDays(from, i));
}

export function minDay(a: Day, b: Day): Day {
  return a < b ? a : b;
}

export function maxDay(a: Day, b: Day): Day {
  return a > b ? a : b;
}

/** Parses `YYYY-MM-DD`, an existing day in the years 1970–9999; undefined for anything else. */
export function tryDay(text: string): Day | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(ms) || ms < 0) return undefined;
  return dayOf(ms) === text ? (text as Day) : undefined;
}

/** @throws {GcUsageError} input, naming `what`, for an invalid day. */
export function parseDay(text: string, what: string): Day {
  const day = tryDay(text);
  if (day === undefined) {
    throw new GcUsageError("input", `Invalid ${what}: ${quoted(text)} is not a day.`, {
      hint: hintFor(text),
    });
  }
  return day;
}

/** Suggests the intended day if it is recognizable. */
function hintFor(text: string): string {
  const [, year = "", month = "", date = ""] =
    /^(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})?(?:T.*)?$/.exec(text.trim()) ?? [];
  const first = tryDay(`${year}-${month.padStart(2, "0")}-01`);
  const meant = tryDay(`${year}-${month.padStart(2, "0")}-${date.padStart(2, "0")}`);
  if (meant !== undefined) return `Write ${meant}: a UTC day as YYYY-MM-DD.`;
  if (first !== undefined && date === "")
    return `This is a month. Write a UTC day as YYYY-MM-DD, for example ${first}.`;
  if (first !== undefined) {
    const next = new Date(startOfDay(first));
    next.setUTCMonth(next.getUTCMonth() + 1);
    return `That month has ${daysBetween(first, dayOf(next.getTime()))} days. Write a UTC day as YYYY-MM-DD.`;
  }
  return "Write a UTC day as YYYY-MM-DD, for example 2026-11-01.";
}
