import { counted } from "../support/count.ts";
import type { Day } from "./day.ts";
import { CANONICAL_GROUPING, dimensionsOf, type Grouping, NO_GROUPING } from "./grouping.ts";
import {
  DEFAULT_WEEK_START,
  GRANULARITIES,
  type Granularity,
  type WeekStart,
  weekStartOf,
} from "./period.ts";
import { CANONICAL_SERVICE, type Service } from "./service.ts";
import type { SliceKey } from "./slice.ts";

/** What rows must share so that they may be summed: one service, one granularity, one grouping. */
export interface SeriesKey {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** The first weekday of its weeks; the default for other granularities. */
  readonly weekStart: WeekStart;
}

export interface DatedSeries extends SeriesKey {
  /** The first days of its periods, in order. */
  readonly dates: readonly Day[];
}

/** The series of a slice. Weeks that begin on different weekdays are different series. */
export function seriesOfKey({ service, granularity, grouping, date }: SliceKey): SeriesKey {
  const weekStart = granularity === "week" ? weekStartOf(date) : DEFAULT_WEEK_START;
  return { service, granularity, grouping, weekStart };
}

/** Restricts slices to some series. Omitted members do not restrict. */
export interface SeriesFilter {
  readonly service?: Service | undefined;
  readonly granularity?: Granularity | undefined;
  readonly grouping?: Grouping | undefined;
}

export function seriesFilter({ service, granularity, grouping }: SeriesFilter): (key: SliceKey) => boolean {
  return (key) =>
    (service === undefined || key.service === service) &&
    (granularity === undefined || key.granularity === granularity) &&
    (grouping === undefined || key.grouping === grouping);
}

/** An id that all slices of a series share; it sorts like lists of series do. */
export function seriesId(key: SliceKey): string {
  const { service, granularity, grouping, weekStart } = seriesOfKey(key);
  return `${service} ${grouping} ${GRANULARITIES.indexOf(granularity)} ${weekStart}`;
}

/** The series of the given slices, in order. */
export function seriesAmong(slices: readonly SliceKey[]): DatedSeries[] {
  const byId = new Map<string, SeriesKey & { readonly dates: Day[] }>();
  for (const key of slices) {
    const id = seriesId(key);
    const series = byId.get(id) ?? { ...seriesOfKey(key), dates: [] };
    series.dates.push(key.date);
    byId.set(id, series);
  }
  return [...byId.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, series]) => ({ ...series, dates: series.dates.sort() }));
}

/** `jobs day client-uri-method`, with the first weekday of weeks if it is not the default. */
export function seriesName({ service, granularity, grouping, weekStart }: SeriesKey): string {
  const weeks = weekStart === DEFAULT_WEEK_START ? "" : ` from ${weekStart}`;
  return `${service} ${granularity}${weeks} ${grouping}`;
}

/** `jobs, client-uri-method: 90 days, 2026-08-25 to 2026-11-22`. */
export function describeSeries({ service, grouping, granularity, dates }: DatedSeries): string {
  const first = dates[0];
  const last = dates.at(-1);
  const span = first === last ? `${first}` : `${first} to ${last}`;
  return `${service}, ${grouping}: ${counted(dates.length, granularity)}, ${span}`;
}

/** The command-line flags for a series, without those that are the defaults of `sync`. */
export function seriesFlags({
  service,
  granularity,
  grouping,
  weekStart = DEFAULT_WEEK_START,
}: Omit<SeriesKey, "weekStart"> & { readonly weekStart?: WeekStart }): string {
  return [
    service === CANONICAL_SERVICE ? "" : ` --service ${service}`,
    granularity === "day" ? "" : ` --granularity ${granularity}`,
    weekStart === DEFAULT_WEEK_START ? "" : ` --week-start ${weekStart}`,
    grouping === CANONICAL_GROUPING ? "" : ` --group-by ${dimensionsOf(grouping).join(",") || NO_GROUPING}`,
  ].join("");
}
