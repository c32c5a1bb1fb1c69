import type { Span } from "../usage/period.ts";
import type { LakeFacts, LakeSeries } from "../views/api.ts";
import type { Counts } from "../views/counts.ts";
import { type Axis, axisOf, isKnown, type Selection, spanBefore } from "../views/cube.ts";
import { loadedDays, seriesAmong, spanOf } from "../views/scope.ts";
import { address, dayParam, filters, param } from "./address.ts";
import { apiPath, askAhead, type Loaded, useAnswer } from "./server.ts";

/** What a view shows: the lake, the rows that it reads, and the days. */
export interface Scope {
  readonly lake: LakeFacts;
  readonly series: LakeSeries;
  readonly span: Span;
  readonly before: Span;
}

/** The scope of the address; undefined if the lake has no rows. */
export function scopeOf(lake: LakeFacts): Scope | undefined {
  const series = seriesAmong(lake.series, param("series"));
  if (series === undefined) return undefined;
  const asked = { period: param("period"), from: dayParam("from"), to: dayParam("to") };
  const span = spanOf(asked, series.to, lake.now);
  return { lake, series, span, before: spanBefore(span) };
}

export interface CountsQuery {
  /** Only this client, whatever the filters say. */
  readonly client?: string;
  /** Read nothing. */
  readonly isOff?: boolean;
}

/** Counts by a dimension, with the address's filters, for the scope's days and those before. */
export function useCounts(scope: Scope, by: string, options: CountsQuery = {}): Loaded<Counts> {
  const query = queryOf(scope, by, options);
  const loaded = useAnswer<Counts>(options.isOff ? undefined : apiPath("counts", query));
  if (loaded.value) statements.set(loaded.value, apiPath("counts-sql", query));
  return loaded;
}

/** Asks for counts that a part of the view will use, without drawing this one again when they arrive. */
export function askForCounts(scope: Scope, by: string): void {
  askAhead(apiPath("counts", queryOf(scope, by)));
}

function queryOf(scope: Scope, by: string, { client }: CountsQuery = {}) {
  const { endpoint, method, client: clients } = filters.value;
  const { from, to } = loadedDays(scope.series, scope.span, by === "client");
  return {
    by,
    from,
    to,
    service: scope.series.service,
    groupBy: groupingText(scope.series),
    granularity: scope.series.granularity,
    endpoint,
    method,
    client: client === undefined ? (by === "client" ? [] : clients) : [client],
  };
}

/** Where the statement of counts is to be had, if they came without it. */
const statements = new WeakMap<Counts, string>();

/** The statement behind counts, for a figure. */
export function sqlOf(counts: Counts): { readonly sql: string | null; readonly sqlFrom: string | undefined } {
  return { sql: counts.sql, sqlFrom: statements.get(counts) };
}

function groupingText({ grouping, dimensions }: LakeSeries): string {
  return dimensions.length === 0 ? grouping : dimensions.join(",");
}

/** The rows that the filters select. The client filter is the server's if it was sent there. */
export function selectionOf(counts: Counts, span: Span): Selection {
  const { client, status } = filters.value;
  return { span, ids: counts.by === "client" ? client : [], classes: status };
}

/** The axis of the span, and that of the span before if it can be compared. */
export function axesOf(
  counts: Counts,
  { span, before }: Scope,
): { axis: Axis; beforeAxis: Axis | undefined } {
  const axis = axisOf(counts, span);
  const beforeAxis = isKnown(counts.basis, before) ? axisOf(counts, before) : undefined;
  return { axis, beforeAxis: beforeAxis?.dates.length === axis.dates.length ? beforeAxis : undefined };
}

/** True if the address asks for local labels. */
export function hasLocalLabels(): boolean {
  return address.value.params.get("labels") === "local";
}
