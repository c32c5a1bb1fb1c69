/**
 * What the page asks of the server, as JSON over HTTP. Every path is below `/api`, and takes the lake's `organization` if it is one
 * of several; the default is the first. A failure is an `ApiFailure` with the status of its kind.
 *
 * Status 401, of kind `signed-out`: the browser is not signed in. Show its message and hint. The page itself loads without signing
 * in, so that links to views work from other sites, such as a chat.
 */
import type { Day } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Granularity } from "../usage/period.ts";

/**
 * `GET /api/lake`: what the page needs before anything else. It is asked again from time to time, with the last answer's ETag in
 * `If-None-Match`: then 304 means that nothing has changed except the time.
 */
export interface LakeFacts {
  readonly program: string;
  /** The lake's location, without secrets. */
  readonly location: string;
  readonly engine: "duckdb" | "athena";
  /** True if each statement is billed by the bytes that it scans. */
  readonly isBilled: boolean;
  /** True for the wall display's token: no SQL. */
  readonly isReadOnly: boolean;
  /** The organizations' lakes at the location; empty for a single lake. */
  readonly organizations: readonly string[];
  readonly organization: string | null;
  /** Changes when the lake changes. */
  readonly version: string;
  readonly series: readonly LakeSeries[];
  /** The tables for SQL, with the names of their columns. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** The current time of the server, milliseconds since 1970. */
  readonly now: number;
  /** The options that name the lake in commands, ` --lake usage-lake`. */
  readonly flags: string;
}

export interface LakeSeries {
  readonly service: string;
  readonly granularity: Granularity;
  readonly grouping: string;
  readonly dimensions: readonly string[];
  readonly from: Day;
  readonly to: Day;
}

/**
 * `GET /api/counts`: `Counts` of counts.ts. Query: `by`, `from`, `to`, `service`, `groupBy`, and the filters `client`, `endpoint`,
 * `method`, `user`, `platform`, each of which may be repeated. Also `granularity`.
 *
 * `GET /api/counts-sql`, with the same query: `{ sql }`, the statement that gives these counts.
 *
 * `GET /api/findings`: the `CheckReport` of the library; remembers nothing. `GET /api/fair-use`: `FairUseReport`; takes
 * `allowance`, in requests, which it needs if no contract can be read. `GET /api/limits`:
 * `LimitsReport`. `GET /api/diagnosis?client=`: `Diagnosis`. `GET /api/coverage`: `LakeStatus`. `GET /api/questions`: `SavedQuestion[]`.
 */
export interface SavedQuestion {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The statement for the usual period; null if the lake's rows cannot answer it. */
  readonly sql: string | null;
}

/** `POST /api/sql`. The connection's end, or `DELETE /api/sql/:id`, stops the statement. */
export interface SqlRequest {
  /** Chosen by the page, unique in it. */
  readonly id: string;
  readonly sql: string;
  /** Without it, SQL reads all lakes at the location together. */
  readonly organization?: string | undefined;
}

/** `GET /api/sql`: the statements of all browsers. */
export interface SqlState {
  readonly running: number;
  readonly waiting: number;
}

export interface SqlAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string; readonly kind: string }[];
  /** Whole numbers beyond 2^53 are text. */
  readonly rows: readonly (readonly (null | boolean | number | string)[])[];
  /** True if there were more rows, or longer values, than the limits allow. */
  readonly isTruncated: boolean;
  readonly limits: { readonly rows: number; readonly characters: number };
  readonly elapsedMs: number;
  readonly bytesScanned: number | null;
  readonly usd: number | null;
  /** How the rows could be misread. */
  readonly warnings: readonly string[];
  readonly basis: Envelope;
}

/** The body of every failure. */
export interface ApiFailure {
  readonly error: {
    readonly kind: string;
    readonly message: string;
    readonly hint: string | null;
    /** Where in the statement, counted from 1. */
    readonly line?: number;
    readonly column?: number;
    /** What only the reader knows. */
    readonly needs?: "allowance";
  };
}
