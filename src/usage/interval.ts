import { UsageError } from "../support/errors.ts";
import { shown } from "../support/shown.ts";
import { type Day, dayOf, tryDay } from "./day.ts";
import type { Span } from "./period.ts";

/** An interval as the API takes it, beside the UTC days that it covers. */
export interface Interval extends Span {
  readonly text: string;
}

const PART =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:T(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,]\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/;

/**
 * Reads `start/end`, ISO 8601, both ends included, as the usage API does: `2021-01/2021-02` ends at the first
 * instant of February, so it covers 1 February too and a February row of it counts one day.
 *
 * @throws {UsageError} input, for text that is no interval, an impossible date or a reversed order.
 */
export function parseInterval(text: string): Interval {
  const parts = text.split("/");
  const [from, to] = parts;
  if (parts.length !== 2 || !from || !to) throw bad(text, "it is not START/END");
  const start = instantDay(from);
  const end = instantDay(to);
  if (start === undefined) throw bad(text, `${shown(from)} is not an ISO 8601 date that exists`);
  if (end === undefined) throw bad(text, `${shown(to)} is not an ISO 8601 date that exists`);
  if (end.ms < start.ms) throw bad(text, "it ends before it starts");
  return { text, start: start.day, end: end.day };
}

/** The interval that covers whole days, in the form that both services take. */
export function intervalOf(span: Span): Interval {
  return { text: `${span.start}/${span.end}`, start: span.start, end: span.end };
}

function instantDay(text: string): { ms: number; day: Day } | undefined {
  const match = PART.exec(text);
  if (!match) return undefined;
  const [, year, month, date = "01", hour = "00", minute = "00", second = "00", zone = "Z"] = match;
  if (tryDay(`${year}-${month}-${date}`) === undefined) return undefined;
  const offset = zone === "Z" || zone.includes(":") ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const ms = Date.parse(`${year}-${month}-${date}T${hour}:${minute}:${second}${offset}`);
  return Number.isNaN(ms) || ms < 0 ? undefined : { ms, day: dayOf(ms) };
}

function bad(text: string, why: string): UsageError {
  return new UsageError("input", `Interval ${shown(text)} is not valid: ${why}.`, {
    hint: "Write it as START/END in UTC, both included, for example 2026-10-01/2026-10-31.",
  });
}
