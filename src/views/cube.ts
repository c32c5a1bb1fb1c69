import { addDays, type Day, daysBetween, maxDay, minDay } from "../usage/day.ts";
import { type DayRange, dayCount, type Envelope, rangesWithin } from "../usage/envelope.ts";
import { type Granularity, periodEnd, type Span } from "../usage/period.ts";
import type { CountedValue, CountName, Counts } from "./counts.ts";

/**
 * Classes of requests by status that do not overlap. `4xx` leaves out 429s: legacy rows count these in `status400` too, and for jobs
 * rows that is not documented and assumed here. `other` are requests that the API counts in no class.
 */
export const STATUS_CLASSES = ["2xx", "3xx", "4xx", "429", "5xx", "other"] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** What a picture or a table shows: all requests, some classes of them, or everything that failed. */
export type Measure = "requests" | "failed" | StatusClass;

type RowCounts = Readonly<Record<CountName, readonly number[]>>;

const CLASSES: Readonly<Record<StatusClass, (rows: RowCounts, row: number) => number>> = {
  "2xx": (rows, row) => rows.status200[row] ?? 0,
  "3xx": (rows, row) => rows.status300[row] ?? 0,
  "4xx": (rows, row) => Math.max(0, (rows.status400[row] ?? 0) - (rows.status429[row] ?? 0)),
  "429": (rows, row) => rows.status429[row] ?? 0,
  "5xx": (rows, row) => rows.status500[row] ?? 0,
  other: (rows, row) =>
    Math.max(
      0,
      (rows.requests[row] ?? 0) -
        (rows.status200[row] ?? 0) -
        (rows.status300[row] ?? 0) -
        Math.max(rows.status400[row] ?? 0, rows.status429[row] ?? 0) -
        (rows.status500[row] ?? 0),
    ),
};

/** The requests of a row that a measure counts. `failed`: 4xx without 429s, and 5xx. */
export function measured(rows: RowCounts, row: number, measure: Measure): number {
  if (measure === "requests") return rows.requests[row] ?? 0;
  if (measure === "failed") return CLASSES["4xx"](rows, row) + CLASSES["5xx"](rows, row);
  return CLASSES[measure](rows, row);
}

/** All requests, or only those of the classes. */
export function inClasses(rows: RowCounts, row: number, classes: readonly StatusClass[]): number {
  if (classes.length === 0) return rows.requests[row] ?? 0;
  return classes.reduce((sum, name) => sum + CLASSES[name](rows, row), 0);
}

/** Which rows to use: periods that begin in the span, and only some values if any are given. */
export interface Selection {
  readonly span: Span;
  readonly ids?: readonly string[] | undefined;
  readonly classes?: readonly StatusClass[] | undefined;
}

export interface Total extends CountedValue {
  /** The position in the counts' values. */
  readonly value: number;
  /** Requests of the selected classes. */
  readonly requests: number;
  /** All requests. */
  readonly all: number;
  readonly status429: number;
  readonly failed: number;
}

/** Sums for each value with any requests, in the order of the values. */
export function totalsOf(counts: Counts, { span, ids, classes = [] }: Selection): Total[] {
  const sums = counts.values.map((value, at) => ({
    ...value,
    value: at,
    requests: 0,
    all: 0,
    status429: 0,
    failed: 0,
  }));
  forEachRow(counts, { span, ids }, (row, value) => {
    const sum = sums[value];
    if (sum === undefined) return;
    sum.requests += inClasses(counts.rows, row, classes);
    sum.all += measured(counts.rows, row, "requests");
    sum.status429 += measured(counts.rows, row, "429");
    sum.failed += measured(counts.rows, row, "failed");
  });
  return sums.filter(({ all }) => all > 0);
}

export type Sums = Omit<Total, "id" | "name" | "value">;

export function sumOf(totals: readonly Total[]): Sums {
  const sum = (of: (total: Total) => number) => totals.reduce((all, total) => all + of(total), 0);
  return {
    requests: sum(({ requests }) => requests),
    all: sum(({ all }) => all),
    status429: sum(({ status429 }) => status429),
    failed: sum(({ failed }) => failed),
  };
}

/** A line or a layer of a picture: a number for each period of the axis. */
export interface Layer {
  readonly key: string;
  readonly label: string;
  /** The position in the counts' values; undefined for a class, or for several values together. */
  readonly value?: number | undefined;
  readonly points: readonly number[];
}

/** The periods of a picture, and what is known of each. */
export interface Axis {
  readonly granularity: Granularity;
  readonly dates: readonly Day[];
  readonly states: readonly PeriodState[];
}

/** `missing`: not in the lake, so unknown and not zero. `unsettled`: the figures may still be corrected. */
export type PeriodState = "settled" | "unsettled" | "missing";

/** Each picture and table of a view asks for the same ones. */
const axes = new WeakMap<Counts, Map<string, Axis>>();

/** Every period of the span. Partial ones, which cover only some of their days or figures, are `missing`. */
export function axisOf(counts: Counts, span: Span): Axis {
  const known = axes.get(counts) ?? new Map<string, Axis>();
  axes.set(counts, known);
  const key = `${span.start} ${span.end}`;
  const axis = known.get(key) ?? newAxis(counts, span);
  known.set(key, axis);
  return axis;
}

function newAxis({ granularity, basis, dates }: Counts, span: Span): Axis {
  const starts =
    granularity === "total"
      ? dates.filter((date) => date >= span.start && date <= span.end)
      : startsOf(granularity, dates, span);
  return { granularity, dates: starts, states: starts.map((date) => stateOf(basis, granularity, date)) };
}

function startsOf(granularity: Exclude<Granularity, "total">, dates: readonly Day[], span: Span): Day[] {
  const starts: Day[] = [];
  // The lake's own weeks may begin on a Sunday.
  let next: Day =
    granularity === "day" ? span.start : (dates.find((date) => date >= span.start) ?? span.start);
  for (; next <= span.end; next = addDays(periodEnd(granularity, next) ?? next, 1)) starts.push(next);
  return starts;
}

function stateOf({ coverage }: Envelope, granularity: Granularity, date: Day): PeriodState {
  const end = periodEnd(granularity, date) ?? date;
  const touches = (ranges: readonly DayRange[]) => ranges.some(({ from, to }) => from <= end && to >= date);
  if (coverage === null) return "settled";
  if (touches(coverage.missing)) return "missing";
  return touches(coverage.unsettled) ? "unsettled" : "settled";
}

/** The layers of the values with the most requests, and one for all others. */
export function layersByValue(
  counts: Counts,
  axis: Axis,
  selection: Selection,
  { most, nameOf }: { readonly most: number; readonly nameOf: (value: CountedValue) => string },
): Layer[] {
  const ranked = totalsOf(counts, selection)
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => b.requests - a.requests);
  const own = new Map(ranked.slice(0, most).map(({ value }, at) => [value, at]));
  const layers = ranked.slice(0, most).map((total) => ({
    key: total.id ?? "",
    label: nameOf(total),
    value: total.value,
    points: axis.dates.map(() => 0),
  }));
  const rest = axis.dates.map(() => 0);
  const at = positions(axis);
  forEachRow(counts, selection, (row, value, date) => {
    const position = at.get(date);
    if (position === undefined) return;
    const layer = own.get(value);
    const points = layer === undefined ? rest : layers[layer]?.points;
    if (points)
      points[position] = (points[position] ?? 0) + inClasses(counts.rows, row, selection.classes ?? []);
  });
  const others = ranked.length - layers.length;
  return others > 0 ? [...layers, { key: "\0other", label: `${others} others`, points: rest }] : layers;
}

/** A layer for each class of status with any requests. */
export function layersByStatus(counts: Counts, axis: Axis, selection: Selection): Layer[] {
  const { classes = [] } = selection;
  const shown = STATUS_CLASSES.filter((name) => classes.length === 0 || classes.includes(name));
  const layers = shown.map((name) => ({
    key: name,
    label: CLASS_NAMES[name],
    points: axis.dates.map(() => 0),
  }));
  const at = positions(axis);
  forEachRow(counts, selection, (row, _value, date) => {
    const position = at.get(date);
    if (position === undefined) return;
    for (const { key, points } of layers)
      points[position] = (points[position] ?? 0) + CLASSES[key](counts.rows, row);
  });
  return layers.filter(({ points }) => points.some((count) => count > 0));
}

export const CLASS_NAMES: Readonly<Record<StatusClass, string>> = {
  "2xx": "2xx",
  "3xx": "3xx",
  "4xx": "4xx except 429",
  "429": "429",
  "5xx": "5xx",
  other: "No status",
};

/** The sum over all values for each period. */
export function pointsOf(counts: Counts, axis: Axis, selection: Selection, measure?: Measure): number[] {
  const points = axis.dates.map(() => 0);
  const at = positions(axis);
  forEachRow(counts, selection, (row, _value, date) => {
    const position = at.get(date);
    if (position === undefined) return;
    const count =
      measure === undefined
        ? inClasses(counts.rows, row, selection.classes ?? [])
        : measured(counts.rows, row, measure);
    points[position] = (points[position] ?? 0) + count;
  });
  return points;
}

/** The same, where a period that is missing has no number. */
export function knownPointsOf(
  counts: Counts,
  axis: Axis,
  selection: Selection,
  measure?: Measure,
): (number | undefined)[] {
  return pointsOf(counts, axis, selection, measure).map((count, at) =>
    axis.states[at] === "missing" ? undefined : count,
  );
}

/** A row of a heat map: a value's count of a measure in each period. */
export interface HeatRow extends CountedValue {
  readonly total: number;
  readonly points: readonly number[];
  /** All requests in each period. */
  readonly requests: readonly number[];
}

/** The values that have any of the measure, the most first. */
export function heatRows(counts: Counts, axis: Axis, selection: Selection, measure: Measure): HeatRow[] {
  const at = positions(axis);
  const rows = new Map<number, { total: number; points: number[]; requests: number[] }>();
  forEachRow(counts, selection, (row, value, date) => {
    const position = at.get(date);
    if (position === undefined) return;
    let own = rows.get(value);
    if (own === undefined) {
      own = { total: 0, points: axis.dates.map(() => 0), requests: axis.dates.map(() => 0) };
      rows.set(value, own);
    }
    const count = measured(counts.rows, row, measure);
    own.total += count;
    own.points[position] = (own.points[position] ?? 0) + count;
    own.requests[position] = (own.requests[position] ?? 0) + measured(counts.rows, row, "requests");
  });
  return [...rows]
    .flatMap(([value, own]) => (own.total > 0 ? { ...(counts.values[value] ?? NOBODY), ...own } : []))
    .sort((a, b) => b.total - a.total);
}

const NOBODY: CountedValue = { id: null, name: null };

function positions({ dates }: Axis): Map<Day, number> {
  return new Map(dates.map((date, at) => [date, at]));
}

function forEachRow(
  { rows, dates, values }: Counts,
  { span, ids }: Pick<Selection, "span" | "ids">,
  use: (row: number, value: number, date: Day) => void,
): void {
  const isWanted =
    ids === undefined || ids.length === 0
      ? undefined
      : values.map(({ id }) => id !== null && ids.includes(id));
  const inSpan = dates.map((date) => date >= span.start && date <= span.end);
  const length = rows.date.length;
  for (let row = 0; row < length; row++) {
    const date = rows.date[row] ?? 0;
    const value = rows.value[row] ?? 0;
    if (!inSpan[date] || isWanted?.[value] === false) continue;
    use(row, value, dates[date] as Day);
  }
}

/** The equally long span before. */
export function spanBefore({ start, end }: Span): Span {
  const length = daysBetween(start, end) + 1;
  return { start: addDays(start, -length), end: addDays(start, -1) };
}

/** The basis for the days of a span only: what is missing elsewhere does not concern its picture. */
export function basisWithin(basis: Envelope, { start, end }: Span): Envelope {
  const { coverage, period } = basis;
  if (coverage === null || period === null) return basis;
  const from = maxDay(start, period.from);
  const to = minDay(end, period.to);
  const within = <Range extends DayRange>(ranges: readonly Range[]): Range[] =>
    rangesWithin(ranges, { from, to });
  const [missing, partial] = [within(coverage.missing), within(coverage.partial)];
  const days = from > to ? 0 : daysBetween(from, to) + 1;
  const [daysMissing, daysPartial] = [dayCount(missing), dayCount(partial)];
  return {
    ...basis,
    period: { from, to },
    coverage: {
      complete: daysMissing + daysPartial === 0,
      days,
      daysCovered: days - daysMissing - daysPartial,
      daysMissing,
      daysPartial,
      missing,
      partial,
      unreadable: within(coverage.unreadable),
      unsettled: within(coverage.unsettled),
      rowsLacking: within(coverage.rowsLacking),
    },
  };
}

/** True if every day of the span is known. */
export function isKnown({ coverage, period }: Envelope, { start, end }: Span): boolean {
  if (coverage === null || period === null) return false;
  if (start < period.from || end > period.to) return false;
  return !coverage.missing.some(({ from, to }) => from <= end && to >= start);
}
