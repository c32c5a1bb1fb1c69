import { grouped } from "../support/group.ts";
import type { Day } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";
import { type DailySeries, dailySeries, type KnownDays } from "./daily-series.ts";

/** The counts of a client, an endpoint or the whole organization by day. */
export interface Subject {
  /** The client's id, or the endpoint; undefined for the organization. */
  readonly id: string | undefined;
  /** The newest name of a client. */
  readonly name: string | null;
  readonly requests: DailySeries;
  readonly status429: DailySeries;
  /** 4xx without 429, and 5xx. */
  readonly failed: DailySeries;
  /** For an organization's billing month: its days. */
  readonly period?: Span;
}

/** A row of `daily-counts`. */
export interface DailyCounts {
  readonly day: Day;
  readonly value: string | null;
  readonly name: string | null;
  readonly requests: number;
  readonly status400: number;
  readonly status500: number;
  readonly status429: number;
}

/** Rows of `daily-counts` in which an unknown figure counts as none. */
export function dailyCountsIn(rows: Iterable<object>): DailyCounts[] {
  return ([...rows] as Partial<DailyCounts>[]).map((row) => ({
    ...(row as DailyCounts),
    requests: row.requests ?? 0,
    status400: row.status400 ?? 0,
    status500: row.status500 ?? 0,
    status429: row.status429 ?? 0,
  }));
}

/**
 * The subjects of the rows, in the order of their ids. Rows without a value belong only to the organization.
 *
 * Legacy rows count 429s in `status400` too. For jobs rows this is not documented and assumed here.
 */
export function subjectsOf(rows: Iterable<DailyCounts>, days: KnownDays): Subject[] {
  return [...grouped(rows, ({ value }) => value ?? undefined)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, own]) => ({ id, name: nameIn(own), ...countsOf(own, days) }));
}

/** The organization without some of its clients. */
export function without(organization: Subject, clients: readonly Subject[]): Subject {
  const rest = (of: "requests" | "status429" | "failed"): DailySeries => ({
    ...organization[of],
    counts: organization[of].counts.map((count, at) =>
      clients.reduce((left, client) => left - (client[of].counts[at] ?? 0), count),
    ),
  });
  return {
    ...organization,
    requests: rest("requests"),
    status429: rest("status429"),
    failed: rest("failed"),
  };
}

/** All rows together. */
export function organizationOf(rows: Iterable<DailyCounts>, days: KnownDays): Subject {
  return { id: undefined, name: null, ...countsOf([...rows], days) };
}

function countsOf(rows: readonly DailyCounts[], days: KnownDays): Omit<Subject, "id" | "name"> {
  const seriesOf = (count: (row: DailyCounts) => number): DailySeries =>
    dailySeries(
      days,
      rows.map((row) => [row.day, count(row)] as const),
    );
  return {
    requests: seriesOf(({ requests }) => requests),
    status429: seriesOf(({ status429 }) => status429),
    failed: seriesOf(({ status400, status500, status429 }) => Math.max(0, status400 - status429) + status500),
  };
}

/** The newest one. */
function nameIn(rows: readonly DailyCounts[]): string | null {
  return (
    rows
      .filter(({ name }) => name !== null)
      .toSorted((a, b) => (a.day < b.day ? -1 : 1))
      .at(-1)?.name ?? null
  );
}
