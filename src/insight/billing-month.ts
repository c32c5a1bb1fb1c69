import { addDays, type Day, dayOf, minDay } from "../usage/day.ts";
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

/** @param month from 0; beyond 11 or below 0 in another year. */
function startIn(year: number, month: number, start: number): Day {
  const first = dayOf(Date.UTC(year, month, 1));
  return minDay(addDays(first, start - 1), dayOf(Date.UTC(year, month + 1, 0)));
}
