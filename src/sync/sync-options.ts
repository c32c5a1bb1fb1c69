import type { GenesysClient } from "../genesys/client.ts";
import type { Lake } from "../lake/lake.ts";
import { type Effects, type Log, realEffects, silentLog } from "../support/effects.ts";
import type { SyncTarget } from "./plan.ts";

export interface SyncOptions {
  readonly lake: Lake;
  readonly client: GenesysClient;
  /** What to bring, or how that follows from the service's time: milliseconds since 1970. */
  readonly target: SyncTarget | ((now: number) => SyncTarget);
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Queries that run at the same time. */
  readonly concurrency: number;
  /** The longest that one query may take in all: its waits, retries and pages. Milliseconds. */
  readonly timeoutMs: number;
  /** Store what the service answers also where it has no rows for a period that had some, or the same rows twice. */
  readonly force: boolean;
  readonly version: string;
  /** The organization's id as the user gives it: it counts where the service does not tell it. */
  readonly organization?: string | undefined;
  /** Keep each slice's rows as they came under gc_usage_api_source/ as well. */
  readonly keepSource: boolean;
  readonly onProgress: (progress: SyncProgress) => void;
}

/** How a sync goes about it where it is told nothing else. */
export const SYNC_DEFAULTS = {
  effects: realEffects,
  log: silentLog,
  signal: undefined,
  concurrency: 4,
  timeoutMs: 6 * 3_600_000,
  force: false,
  keepSource: false,
  onProgress: () => {},
} as const satisfies Partial<SyncOptions>;

export interface SyncProgress {
  readonly jobs: number;
  readonly jobsBegun: number;
  readonly jobsDone: number;
  readonly slices: number;
  readonly slicesDone: number;
  readonly rows: number;
}
