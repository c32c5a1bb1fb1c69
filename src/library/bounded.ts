import type { Column, QueryOptions, QueryResult, QueryStats, SqlValue } from "../engine/engine.ts";
import { withDeadline } from "../support/deadline.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";

/** What a program that shows rows to a person or a model accepts of a statement. */
export interface Bounds {
  /** The most rows. */
  readonly rows: number;
  /** The most characters of all values together. */
  readonly characters: number;
  /** The most characters of one value. A longer one is cut. */
  readonly valueCharacters: number;
  /** Stop after this time. Default: no limit. */
  readonly seconds?: number | undefined;
}

/** A value in JSON: whole numbers beyond 2^53, NaN and the infinities are text. */
export type JsonValue = null | boolean | number | string;

/** The first rows of a result, within bounds. */
export interface BoundedRows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly JsonValue[])[];
  /** True if there were more rows, or longer values, than the bounds allow. */
  readonly isTruncated: boolean;
  /** The tables that the statement names. */
  readonly tables: readonly string[];
  /** How the rows could be misread, a sentence or two each. */
  readonly warnings: readonly string[];
  readonly stats: QueryStats;
}

type Start = (how: QueryOptions) => Promise<{ result: QueryResult; warnings: readonly string[] }>;

/** Runs a statement until it ends or reaches a bound. */
export async function boundedRows(
  start: Start,
  bounds: Bounds,
  signal: AbortSignal | undefined,
): Promise<BoundedRows> {
  const { seconds, ...limits } = bounds;
  const limit = {
    effects: realEffects,
    signal,
    ms: seconds === undefined ? undefined : seconds * 1000,
    late: () => tooSlow(seconds ?? 0),
  };
  return await withDeadline(limit, async (deadline) => {
    const { result, warnings } = await start({ signal: deadline.signal, bounds: limits });
    const rows: JsonValue[][] = [];
    for await (const batch of result.batches) for (const row of batch) rows.push(row.map(jsonValue));
    const stats = result.stats();
    const { columns, tables } = result;
    return { columns, rows, isTruncated: stats.isTruncated ?? false, tables, warnings, stats };
  });
}

function jsonValue(value: SqlValue): JsonValue {
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function tooSlow(seconds: number): GcUsageError {
  return new GcUsageError("timeout", `The statement was stopped after ${seconds} seconds.`, {
    hint: "Read fewer days, or allow more time.",
  });
}
