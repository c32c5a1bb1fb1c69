/** What a long operation reports while it runs. Each event replaces the previous one. */
export type Progress =
  /** Objects brought to this machine from a lake elsewhere. */
  | Step<"mirror">
  | Step<"copy">
  /** Slices and files of raw rows. */
  | Step<"verify">
  /** Slices. */
  | Step<"remove">
  /** A statement in Athena: its state in lower case, and the bytes scanned so far. */
  | { readonly kind: "statement"; readonly state: string; readonly bytesScanned: number }
  | ({ readonly kind: "sync" } & SyncProgress);

interface Step<Kind extends string> {
  readonly kind: Kind;
  readonly done: number;
  readonly total: number;
}

/** The state of a sync. Sent after each step, and once a second in between. */
export interface SyncProgress {
  /** Queries: all, submitted, stored. */
  readonly jobs: number;
  readonly jobsBegun: number;
  readonly jobsDone: number;
  /** Slices of the stored queries, and those that are written. */
  readonly slices: number;
  readonly slicesDone: number;
  /** Fetched rows. */
  readonly rows: number;
  /** Milliseconds since the sync started. */
  readonly elapsedMs: number;
  /** API calls so far. */
  readonly calls: number;
  /** Milliseconds until the rate limit allows the next call. */
  readonly nextCallMs: number;
  /** The estimated time left in milliseconds; undefined before there is a basis. */
  readonly leftMs: number | undefined;
}

export type OnProgress = (progress: Progress) => void;
