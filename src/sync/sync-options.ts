import type { GenesysClient } from "../genesys/client.ts";
import type { Lake } from "../lake/lake.ts";
import { type Effects, type Log, realEffects, silentLog } from "../support/effects.ts";
import type { SyncProgress } from "../support/progress.ts";
import type { SyncTarget } from "./plan.ts";

export interface SyncOptions {
  readonly lake: Lake;
  readonly client: GenesysClient;
  /** What to sync, or a function of the service's time in milliseconds since 1970. */
  readonly target: SyncTarget | ((now: number) => SyncTarget);
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Maximum number of concurrent queries. */
  readonly concurrency: number;
  /** The maximum time for one query, including waits, retries and pages, in milliseconds. */
  readonly timeoutMs: number;
  /** Also store an answer without rows for a period that had some, or with repeated rows. */
  readonly force: boolean;
  readonly version: string;
  /** The organization's id as given by the user; used if the service does not return one. */
  readonly organization?: string | undefined;
  /** Also keep each slice's original rows under gc_usage_api_source/. */
  readonly keepSource: boolean;
  readonly onProgress: (progress: RunProgress) => void;
}

/** The defaults of a sync. */
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

/** The state of a sync's queries. */
export type RunProgress = Pick<
  SyncProgress,
  "jobs" | "jobsBegun" | "jobsDone" | "slices" | "slicesDone" | "rows"
>;
