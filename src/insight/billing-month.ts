import { addDays, type Day, dayOf, minDay, tryDay } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";

/**
 * The billing month that contains a day. Months follow the contract's date, not the calendar.
 *
 * @param start the day of the month on which each begins, 1 to 31; in a shorter month, on its last day.
 */
export function billingMonth(start: number, day: Day): Span {
  const [year, month] = [Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1];
  const begin = startIn(year, month, start);
  return begin <= day
    ? { start: begin, end: addDays(startIn(year, month + 1, start), -1) }
    : { start: startIn(year, month - 1, start), end: addDays(begin, -1) };
}

/** The day of the month that a text means: `15`, or any first day of a billing month, `2026-10-15`. Undefined for other texts. */
export function monthStart(text: string | number): number | undefined {
  const day = tryDay(String(text));
  const start = day === undefined ? Number(/^\d{1,2}$/.exec(String(text))?.[0]) : Number(day.slice(8));
  return start >= 1 && start <= 31 ? start : undefined;
}

/** @param month from 0; beyond 11 or below 0 in another year. */
function startIn(year: number, month: number, start: number): Day {
  const first = dayOf(Date.UTC(year, month, 1));
  return minDay(addDays(first, start - 1), dayOf(Date.UTC(year, month + 1, 0)));
}
