import type { Lake } from "../lake/lake.ts";
import { UsageError } from "../support/errors.ts";
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
 * Rows of a day, a week and a month look alike: only their dates tell them apart. Rows of months that are stored as days
 * would count all of theirs for one.
 */

/** A granularity as flags spell it. */
interface Spelled {
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
}

/** The weeks and months that all of the dates begin, longest first. */
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

/** What to pass instead, where the dates are not those of the granularity that was given. */
export function granularityHint(dates: readonly Day[], given: Granularity): string {
  const [longest] = begunBy(dates);
  const isSure = longest !== undefined && (longest.granularity === "month" || dates.length > 1);
  const found = longest === undefined ? "--granularity day" : flags(longest, given);
  return `Pass the granularity of the query: ${isSure || longest === undefined ? found : `--granularity day, or ${found}`}.`;
}

/** Rows on their way into a lake, as they were given. */
export interface GivenDates {
  /** For messages. */
  readonly from: string;
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
  readonly dates: readonly Day[];
  /** Where it is known: an interval in which every period has rows is no coarser query's. */
  readonly interval?: Span | undefined;
  /** Of which granularities the lake has the neighbors of a date, so that it may belong to them; undefined where no series is known. */
  readonly continues?: ((granularity: Granularity, date: Day) => boolean) | undefined;
}

/**
 * Refuses rows by day whose dates are those of months or weeks, and rows by week whose dates are those of months. One date
 * alone proves nothing: it is refused only where its interval, or the lake's other rows, say that it is a month or week.
 *
 * @returns what a person should look at all the same: a single day that may be a month or week.
 * @throws {UsageError} refused
 */
export function checkGranularity(given: GivenDates): string | undefined {
  const { granularity, dates, interval, from, continues = () => false } = given;
  const [first] = dates;
  if (first === undefined || (granularity !== "day" && granularity !== "week")) return undefined;
  const coarser = begunBy(dates).find((one) => one.granularity === "month" || granularity === "day");
  if (coarser === undefined) return undefined;
  if (interval && !hidesPeriods(given, coarser, interval)) return undefined;
  if (granularity === "day" && dates.every((date) => continues("day", date))) return undefined;
  const instead = flags(coarser);
  const hasProof = interval !== undefined && coarser.granularity === "month";
  if (dates.length === 1 && !hasProof && !continues(coarser.granularity, first)) {
    return `${first} begins a ${coarser.granularity}. If the query used --granularity ${coarser.granularity}, pass ${instead} instead.`;
  }
  const count = dates.length === 1 ? "1 date, the" : `${dates.length} dates, each the`;
  const otherwise =
    dates.length === 1 && interval === undefined
      ? `. If it is that single ${granularity}, add --interval ${first}/${periodEnd(granularity, first) ?? first}.`
      : `, or --force where these are single ${granularity}s.`;
  const why =
    dates.length === 1 && interval === undefined
      ? `the lake has the ${coarser.granularity}s next to it`
      : `it looks like an answer by ${coarser.granularity}, not by ${granularity}`;
  throw new UsageError("refused", `${from} has ${count} first of a ${coarser.granularity}: ${why}.`, {
    hint: `Use ${instead}${otherwise}`,
  });
}

/** True where the interval has a whole month (or week) that the dates begin, and periods without rows. */
function hidesPeriods(
  { granularity, weekStart, dates }: GivenDates,
  coarser: Spelled,
  interval: Span,
): boolean {
  const isWhole = (date: Day): boolean => (periodEnd(coarser.granularity, date) ?? date) <= interval.end;
  return dates.some(isWhole) && periodsOf(granularity, interval, weekStart).length > dates.length;
}

/** Tells of which granularities the lake has the neighbors of a date, in a series. */
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
