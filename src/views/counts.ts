import type { Day } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Granularity } from "../usage/period.ts";

/** The counts of a row. `requests` includes requests with any status, also those that belong to no class. */
export const COUNTS = ["requests", "status200", "status300", "status400", "status500", "status429"] as const;
export type CountName = (typeof COUNTS)[number];

/**
 * Counts by period and one dimension, as columns, which are small and quick to read. A row's period and value are positions in
 * `dates` and `values`. A period without requests has no row; whether it is known is in the basis.
 */
export interface Counts {
  /** `client`, `endpoint`, `method`, `user` or `platform`. */
  readonly by: string;
  readonly granularity: Granularity;
  /** The first UTC day of each period: all that were read, in order. */
  readonly dates: readonly Day[];
  /** The values of the dimension, the most requests first. The id is null for rows without a value. */
  readonly values: readonly CountedValue[];
  readonly rows: Readonly<Record<"date" | "value" | CountName, readonly number[]>>;
  /** The rows that were read: period, service, grouping, coverage. */
  readonly basis: Envelope;
  /** The statement; null if the rows were in memory, so that none has run. */
  readonly sql: string | null;
}

/** @param columns of the counts, in the order of `COUNTS`. */
export function rowsFrom(
  date: readonly number[],
  value: readonly number[],
  columns: readonly (readonly number[])[],
): Counts["rows"] {
  const named = COUNTS.map((name, at) => [name, columns[at] ?? []] as const);
  return { date, value, ...(Object.fromEntries(named) as Record<CountName, readonly number[]>) };
}

export interface CountedValue {
  readonly id: string | null;
  readonly name: string | null;
}
