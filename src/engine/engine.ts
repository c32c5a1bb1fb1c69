import type { Granularity, Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";

/**
 * What both engines are to their callers. `traits` say as data what differs between them, so that nothing
 * outside an engine's folder asks which one it is.
 */
export interface SqlEngine {
  readonly traits: EngineTraits;
  /** The slices that the lake had when the engine was opened; none where the engine knows no lake. */
  readonly slices: readonly SliceKey[];
  /**
   * Runs one statement that only reads. Resolves when the first rows can be had; the batches must be read to the
   * end, or left by `break`, before the engine runs its next statement to the end.
   *
   * @throws {UsageError} sql, with the engine's own reason, its line and position, and what to do; refused or
   * aws as the engine says. An aborted `signal` rejects with the signal's reason and stops the statement.
   */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;
  close(): Promise<void>;
}

export interface EngineTraits {
  /** True where each statement costs money by the bytes that it scans. */
  readonly billsByScan: boolean;
}

/** The dates that a statement reads, by which it can be priced, and the slices, where no others are to be opened. */
export interface Reads extends Span {
  readonly granularity: Granularity;
  readonly slices?: readonly SliceKey[] | undefined;
}

export interface QueryOptions {
  readonly signal?: AbortSignal;
  /** What the statement reads at most, where that is known. */
  readonly reads?: Reads | undefined;
  /** How lists, structs and maps are given. Default: `json`. An engine that only has their text gives that. */
  readonly nested?: NestedForm | undefined;
  /** Gives the statement's plan instead of its rows. */
  readonly explain?: Explain | undefined;
}

/** `json`: a column of kind json. `text`: as the engine itself prints it, such as `[1, 2]` or `(1, a)`, of kind text. */
export type NestedForm = "json" | "text";

/** `plan`: how the engine would run the statement. `analyze`: runs it and measures each step, which costs what it costs. */
export type Explain = "plan" | "analyze";

export interface QueryResult {
  readonly columns: readonly Column[];
  /** The tables that the statement names, in lower case, each once; perhaps one more where WITH defines its name anew. */
  readonly tables: readonly string[];
  /**
   * What of a series the statement adds up where it sums `usage` and neither filters nor groups by it. Such a sum may count
   * requests twice. An engine that cannot tell gives none.
   */
  readonly sumsAcross: readonly SeriesColumn[];
  /** Rows in order, some at a time, each as long as `columns`. To be read once. */
  readonly batches: AsyncIterable<readonly SqlRow[]>;
  /** Complete once the last batch has been read. */
  stats(): QueryStats;
}

/** The columns of `usage` that tell series apart which count the same requests, or other ones. */
export const SERIES_COLUMNS = ["service", "grouping", "granularity"] as const;
export type SeriesColumn = (typeof SERIES_COLUMNS)[number];

export interface Column {
  /** As written or aliased in the statement; two columns may share one. */
  readonly name: string;
  /** The engine's own name of the type, in its own case, for people to read. */
  readonly type: string;
  readonly kind: ColumnKind;
}

/**
 * How a value stands in a row:
 * - `boolean`: boolean
 * - `integer`: number, or bigint beyond ±(2^53 − 1); exact, up to 128 bits
 * - `double`: number, NaN and the infinities included
 * - `decimal`: text of the exact digits, `-0.30`
 * - `date`: text, `2026-11-01`
 * - `timestamp`: text as Trino prints it, `2026-11-01 08:00:00.000`, with ` UTC` after it where it has a zone
 * - `json`: text of a JSON value (structs, lists, maps)
 * - `text`: text, and everything else as text
 */
export type ColumnKind =
  | "boolean"
  | "integer"
  | "double"
  | "decimal"
  | "date"
  | "timestamp"
  | "json"
  | "text";

/** NULL is null whatever the column's kind. */
export type SqlValue = null | boolean | number | bigint | string;
export type SqlRow = readonly SqlValue[];

export interface QueryStats {
  /** Milliseconds from the start to the last row read. */
  readonly elapsedMs: number;
  readonly rows: number;
  /** Bytes, where the engine tells. */
  readonly bytesScanned?: number;
  /** US dollars, where the engine bills by the scan: an estimate from its list price. */
  readonly costUsd?: number;
}

/** All rows of a result, for those known to be few. */
export async function allRows(result: QueryResult): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  for await (const batch of result.batches) for (const row of batch) rows.push(row);
  return rows;
}

const MIN_EXACT = BigInt(Number.MIN_SAFE_INTEGER);
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** A whole number as a row holds it: a number where that is exact, else the bigint. */
export function wholeNumber(value: bigint): number | bigint {
  return value >= MIN_EXACT && value <= MAX_EXACT ? Number(value) : value;
}
