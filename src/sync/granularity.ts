import type { Lake } from "../lake/lake.ts";
import { GcUsageError } from "../support/errors.ts";
import { addDays, type Day } from "../usage/day.ts";
import type { Grouping } from "../usage/grouping.ts";
import {
  DEFAULT_WEEK_START,
  type Granularity,
  periodEnd,
  periodStart,
  periodsBefore,
  periodsOf,
  type Span,
  WEEK_STARTS,
  type WeekStart,
} from "../usage/period.ts";
import type { Service } from "../usage/service.ts";

/**
 * Rows of a day, a week and a month look alike: only their dates differ. If rows of a month were stored as days, all
 * requests of the month would count for a single day.
 */

/** A granularity as the flags express it. */
interface Spelled {
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
}

/** The weeks and months whose first days are all of the dates, longest first. */
function begunBy(dates: readonly Day[]): Spelled[] {
  const coarser: Spelled[] = [
    { granularity: "month", weekStart: DEFAULT_WEEK_START },
    ...WEEK_STARTS.map((weekStart): Spelled => ({ granularity: "week", weekStart })),
  ];
  return coarser.filter(({ granularity, weekStart }) =>
    dates.every((date) => periodStart(granularity, date, weekStart) === date),
  );
}

function flags({ granularity, weekStart }: Spelled, given?: Granularity): string {
  const isNamed = weekStart !== DEFAULT_WEEK_START || (granularity === "week" && given === "week");
  return `--granularity ${granularity}${isNamed ? ` --week-start ${weekStart}` : ""}`;
}

/** Which flags to pass if the dates do not match the given granularity. */
export function granularityHint(dates: readonly Day[], given: Granularity): string {
  const [longest] = begunBy(dates);
  const isSure = longest !== undefined && (longest.granularity === "month" || dates.length > 1);
  const found = longest === undefined ? "--granularity day" : flags(longest, given);
  return `Pass the granularity of the query: ${isSure || longest === undefined ? found : `--granularity day, or ${found}`}.`;
}

/** Rows to be stored, with what the user said about them. */
export interface GivenDates {
  /** The source of the rows, for messages. */
  readonly from: string;
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
  readonly dates: readonly Day[];
  /** If known. If every period of the interval has rows, the query was not coarser. */
  readonly interval?: Span | undefined;
  /** Whether the lake has the neighbors of a date in a granularity, so that the date may belong to it; undefined if no series is known. */
  readonly continues?: ((granularity: Granularity, date: Day) => boolean) | undefined;
}

/**
 * Rejects rows by day with dates of months or weeks, and rows by week with dates of months. A single date proves nothing:
 * it is rejected only if its interval, or the lake's other rows, show that it is a month or week.
 *
 * @returns a warning if a single day may be a month or week.
 * @throws {GcUsageError} refused
 */
export function checkGranularity(given: GivenDates): string | undefined {
  const { granularity, dates, interval, from, continues = () => false } = given;
  const [first] = dates;
  if (first === undefined || (granularity !== "day" && granularity !== "week")) return undefined;
  const coarser = begunBy(dates).find((begun) => begun.granularity === "month" || granularity === "day");
  if (coarser === undefined) return undefined;
  if (interval && !hidesPeriods(given, coarser, interval)) return undefined;
  if (granularity === "day" && dates.every((date) => continues("day", date))) return undefined;
  const instead = flags(coarser);
  const hasProof = interval !== undefined && coarser.granularity === "month";
  if (dates.length === 1 && !hasProof && !continues(coarser.granularity, first)) {
    return `${first} is the first day of a ${coarser.granularity}. If the query used --granularity ${coarser.granularity}, pass ${instead} instead.`;
  }
  const count = dates.length === 1 ? "1 date, the" : `${dates.length} dates, each the`;
  const otherwise =
    dates.length === 1 && interval === undefined
      ? `. If it is that single ${granularity}, add --interval ${first}/${periodEnd(granularity, first) ?? first}.`
      : `, or --force if these are single ${granularity}s.`;
  const why =
    dates.length === 1 && interval === undefined
      ? `the lake has the ${coarser.granularity}s next to it`
      : `it looks like an answer by ${coarser.granularity}, not by ${granularity}`;
  throw new GcUsageError("refused", `${from} has ${count} first of a ${coarser.granularity}: ${why}.`, {
    hint: `Use ${instead}${otherwise}`,
  });
}

/** True if the dates include the first day of a whole month (or week) of the interval, and there are periods without rows. */
function hidesPeriods(
  { granularity, weekStart, dates }: GivenDates,
  coarser: Spelled,
  interval: Span,
): boolean {
  const isWhole = (date: Day): boolean => (periodEnd(coarser.granularity, date) ?? date) <= interval.end;
  return dates.some(isWhole) && periodsOf(granularity, interval, weekStart).length > dates.length;
}

/** Finds out in which granularities the lake has the neighbors of a date, in a series. */
export async function continuedBy(
  lake: Lake,
  series: { readonly service: Service; readonly grouping: Grouping },
): Promise<(granularity: Granularity, date: Day) => boolean> {
  const held = new Set(
    (await lake.list())
      .filter(({ key }) => key.service === series.service && key.grouping === series.grouping)
      .map(({ key }) => `${key.granularity} ${key.date}`),
  );
  return (granularity, date) => {
    const end = periodEnd(granularity, date);
    const neighbors = [periodsBefore(granularity, date, 1), ...(end === undefined ? [] : [addDays(end, 1)])];
    return neighbors.some((day) => held.has(`${granularity} ${day}`));
  };
}
