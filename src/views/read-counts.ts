import type { AskOptions, FilterName, PreparedAnswer, SqlValue, UsageLake } from "../index.ts";
import type { Day } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";
import { periodsOf, weekStartOf } from "../usage/period.ts";
import { COUNTS, type Counts, rowsFrom } from "./counts.ts";

/** Which counts to read: the dimension, and the options of `ask` that select rows. Missing days are accepted. */
export interface CountsOptions
  extends Pick<
    AskOptions,
    FilterName | "from" | "to" | "last" | "service" | "granularity" | "groupBy" | "labels" | "signal"
  > {
  /** `client` (default), `endpoint`, `method`, `user` or `platform`. */
  readonly by?: string | undefined;
}

/** The statement of `readCounts`, and what its days rest on. It has not run. */
export async function prepareCounts(
  lake: UsageLake,
  { by = "client", ...options }: CountsOptions,
): Promise<PreparedAnswer> {
  return await lake.prepare("daily-counts", { ...options, params: { by }, allowPartial: true });
}

interface Known {
  readonly id: string | null;
  name: string | null;
  requests: number;
}

/**
 * Reads the question `daily-counts` as columns, from a single lake. A count that was not fetched is 0: its days are in
 * `basis.coverage.partial`.
 *
 * @throws {GcUsageError} input, for an unknown dimension or value; lake, if the lake has no rows that are split by it.
 */
export async function readCounts(
  lake: UsageLake,
  { by = "client", ...options }: CountsOptions = {},
): Promise<Counts> {
  const prepared = await prepareCounts(lake, { by, ...options });
  const { columns, batches } = await prepared.run({ signal: options.signal });
  const [, valueColumn, nameColumn, ...countColumns] = columns.map(({ name }) => name);
  const isExpected =
    valueColumn === "value" && nameColumn === "name" && countColumns.join() === COUNTS.join();
  if (!isExpected) throw new RangeError("daily-counts has other columns");
  const periods: string[] = [];
  const indexes: number[] = [];
  const counts = COUNTS.map((): number[] => []);
  const known = new Map<SqlValue, number>();
  const values: Known[] = [];
  for await (const batch of batches) {
    for (const [period, id = null, name, ...figures] of batch) {
      const index =
        known.get(id) ?? values.push({ id: id === null ? null : String(id), name: null, requests: 0 }) - 1;
      known.set(id, index);
      periods.push(String(period));
      indexes.push(index);
      for (const [i, column] of counts.entries()) column.push(Number(figures[i] ?? 0));
      const value = values[index];
      if (value === undefined) continue;
      // Rows are in order of time, so this is the newest name.
      if (typeof name === "string") value.name = name;
      value.requests += Number(figures[0] ?? 0);
    }
  }
  const { envelope, sql } = prepared;
  const dates = datesOf(envelope, periods);
  const dateIndex = new Map(dates.map((date, i) => [date as string, i]));
  const sorted = [...values].sort((a, b) => b.requests - a.requests);
  const rank = new Map(sorted.map((value, i) => [value, i]));
  const ranks = values.map((value) => rank.get(value) ?? 0);
  return {
    by,
    granularity: envelope.granularity ?? "day",
    dates,
    values: sorted.map(({ id, name }) => ({ id, name })),
    rows: rowsFrom(
      periods.map((period) => dateIndex.get(period) ?? 0),
      indexes.map((index) => ranks[index] ?? 0),
      counts,
    ),
    basis: envelope,
    sql,
  };
}

/** The first days of all periods that were read, whether they have rows or not. */
export function datesOf({ period, granularity }: Envelope, found: readonly string[] = []): Day[] {
  const first = found[0] as Day | undefined;
  // Totals have no calendar: there is nothing between them.
  if (period === null || granularity === null || granularity === "total")
    return [...new Set(found)].sort() as Day[];
  const weekStart = granularity === "week" && first !== undefined ? weekStartOf(first) : undefined;
  return periodsOf(granularity, { start: period.from, end: period.to }, weekStart).map(({ date }) => date);
}
