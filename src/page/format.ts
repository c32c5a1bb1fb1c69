import { printable } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import type { CountedValue } from "../views/counts.ts";

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** `1,234,567` */
export function whole(count: number): string {
  return WHOLE.format(count);
}

/** `1.23M`, for axes and tiles. */
export function compact(count: number): string {
  return count < 10_000 ? WHOLE.format(count) : COMPACT.format(count);
}

/** `0.4%`; `0%` only for none, `<0.01%` for almost none. */
export function percent(part: number, of: number): string {
  if (of === 0) return "–";
  const value = (100 * part) / of;
  if (value > 0 && value < 0.01) return "<0.01%";
  if (value < 100 && value > 99.9) return "99.9%";
  return `${value >= 10 ? Math.round(value) : value >= 1 ? value.toFixed(1) : Number(value.toPrecision(1))}%`;
}

/** A change against the period before: `+12%`, `2.4×`; undefined if nothing can be compared. */
export function changed(now: number, before: number | undefined): string | undefined {
  if (before === undefined) return undefined;
  if (before === 0) return now === 0 ? "no change" : "new";
  const ratio = now / before;
  if (ratio >= 3) return `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)}×`;
  const change = Math.round((ratio - 1) * 100);
  return change === 0 ? "no change" : `${change > 0 ? "+" : "−"}${Math.abs(change)}%`;
}

/** `client, uri, method` */
export function groupingWords(grouping: string): string {
  return grouping.replaceAll("-", ", ");
}

/** A name to show. It was chosen by somebody else, and must not turn the direction of the text around it. */
export function nameOf({ id, name }: CountedValue): string {
  if (name !== null && name.trim() !== "") return printable(name);
  return id === null || id === "" ? "(none)" : printable(id);
}

const DAY = new Intl.DateTimeFormat("en-US", {
  timeZone: "UTC",
  weekday: "short",
  month: "short",
  day: "numeric",
  year: "numeric",
});
const SHORT = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", month: "short", day: "numeric" });
const MONTH = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", month: "short", year: "numeric" });

/** `Thu, Oct 8, 2026` */
export function longDay(day: Day): string {
  return DAY.format(Date.parse(day));
}

/** `Oct 8` */
export function shortDay(day: Day): string {
  return SHORT.format(Date.parse(day));
}

/** `Oct 2026` */
export function monthName(day: Day): string {
  return MONTH.format(Date.parse(day));
}

/** When a UTC day begins on this machine's clock: `Oct 7, 5 PM to Oct 8, 5 PM`. */
export function localHours(day: Day, zone?: string): string {
  const local = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
  });
  const start = Date.parse(day);
  return `${local.format(start)} to ${local.format(start + 86_400_000)}`;
}
