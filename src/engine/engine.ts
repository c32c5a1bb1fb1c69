import type { Granularity, Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";

/**
 * The interface of both engines. `traits` describe their differences as data, so that code outside an engine's folder
 * does not depend on which engine it is.
 */
export interface SqlEngine {
  readonly traits: EngineTraits;
  /** The lake's slices when the engine was opened; empty if the engine does not know the lake. */
  readonly slices: readonly SliceKey[];
  /**
   * Runs one statement that only reads. Resolves when the first rows are available. The batches must be read to the
   * end, or left with `break`, before the engine runs its next statement to the end.
   *
   * @throws {GcUsageError} sql, with the engine's own reason, the line and column, and a hint; refused or aws,
   * depending on the engine. An aborted `signal` stops the statement and rejects with the signal's reason.
   */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;
  close(): Promise<void>;
}

export interface EngineTraits {
  /** True if each statement is billed by the bytes that it scans. */
  readonly billsByScan: boolean;
}

/** The dates that a statement reads, for the price, and the only slices that may be opened, if they are known. */
export interface Reads extends Span {
  readonly granularity: Granularity;
  readonly slices?: readonly SliceKey[] | undefined;
}

export interface QueryOptions {
  readonly signal?: AbortSignal | undefined;
  /** The most that the statement reads, if that is known. */
  readonly reads?: Reads | undefined;
  /** The form of lists, structs and maps. Default: `json`. An engine that has only their text returns that. */
  readonly nested?: NestedForm | undefined;
  /** Read no more than this. The statement is stopped as soon as a bound is reached. Default: everything. */
  readonly bounds?: ResultBounds | undefined;
  /** Return the statement's plan instead of its rows. */
  readonly explain?: Explain | undefined;
}

/** What a reader accepts of a result. */
export interface ResultBounds {
  readonly rows: number;
  /** Of all values together. */
  readonly characters: number;
  /** Of one value. A longer one is cut. */
  readonly valueCharacters: number;
}

/** `json`: a column of kind json. `text`: as the engine itself prints it, such as `[1, 2]` or `(1, a)`, of kind text. */
export type NestedForm = "json" | "text";

/**
 * `plan`: how the engine would run the statement. `analyze`: runs it and measures each step, at the cost of the
 * statement.
 */
export type Explain = "plan" | "analyze";

export interface QueryResult {
  readonly columns: readonly Column[];
  /** The tables that the statement names, in lower case, each once. May include a table whose name WITH redefines. */
  readonly tables: readonly string[];
  /**
   * The columns of a series that the statement adds up: it sums `usage` without filtering or grouping by them. Such a
   * sum may count requests twice. Empty if the engine does not know.
   */
  readonly sumsAcross: readonly SeriesColumn[];
  /** Batches of rows, in order, each row as long as `columns`. Can be read only once. */
  readonly batches: AsyncIterable<readonly SqlRow[]>;
  /** Complete once the last batch has been read. */
  stats(): QueryStats;
}

/** The columns of `usage` that identify a series. Different series may count the same requests. */
export const SERIES_COLUMNS = ["service", "grouping", "granularity"] as const;
export type SeriesColumn = (typeof SERIES_COLUMNS)[number];

export interface Column {
  /** As written or aliased in the statement; two columns may share one. */
  readonly name: string;
  /** The engine's own name of the type, for people to read. */
  readonly type: string;
  readonly kind: ColumnKind;
}

/**
 * The form of a value in a row: - `boolean`: boolean - `integer`: number, or bigint beyond ±(2^53 − 1); exact, up to
 * 128 bits - `double`: number, including NaN and the infinities - `decimal`: text of the exact digits, `-0.30` -
 * `date`: text, `2026-11-01` - `timestamp`: text as Trino prints it, `2026-11-01 08:00:00.000`, followed by ` UTC` if
 * it has a zone - `json`: text of a JSON value (structs, lists, maps) - `text`: text, and everything else as text
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

/** NULL is null, whatever the column's kind. */
export type SqlValue = null | boolean | number | bigint | string;
export type SqlRow = readonly SqlValue[];

export interface QueryStats {
  /** Milliseconds from the start to the last row read. */
  readonly elapsedMs: number;
  readonly rows: number;
  /** Bytes, if the engine reports them. */
  readonly bytesScanned?: number;
  /** US dollars, if the engine bills by scan: an estimate from its list price. */
  readonly costUsd?: number;
  /** True if bounds left out rows or parts of values. */
  readonly isTruncated?: boolean;
}

/** All rows of a result that is known to be small. */
export async function allRows(result: QueryResult): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  for await (const batch of result.batches) for (const row of batch) rows.push(row);
  return rows;
}

const MIN_EXACT = BigInt(Number.MIN_SAFE_INTEGER);
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** A whole number in the form of a row: a number if that is exact, else a bigint. */
export function wholeNumber(value: bigint): number | bigint {
  return value >= MIN_EXACT && value <= MAX_EXACT ? Number(value) : value;
}
