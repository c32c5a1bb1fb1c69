import type { GenesysClient, RateForecast } from "../genesys/client.ts";
import type { OnProgress, SyncProgress } from "../support/progress.ts";
import type { RunProgress } from "./sync-options.ts";

const TICK_MS = 1000;

/** The cost of a sync. */
export interface SyncCost {
  readonly calls: number;
  readonly retries: number;
  /** Calls that were rate limited. */
  readonly throttled: number;
  readonly seconds: number;
}

/** Counts the calls and the time of one sync, and reports its progress. End it when the sync is over. */
export class Pace {
  readonly #client: GenesysClient;
  readonly #report: OnProgress;
  readonly #started = performance.now();
  readonly #before: GenesysClient["stats"];
  #clock: NodeJS.Timeout | undefined;
  #latest: RunProgress | undefined;
  #elapsedMs: number | undefined;

  constructor(client: GenesysClient, report: OnProgress = () => {}) {
    this.#client = client;
    this.#report = report;
    this.#before = { ...client.stats };
    // Keeps the times current while the service works on the queries and reports nothing.
    this.#clock = setInterval(() => this.#show(), TICK_MS);
  }

  progress(progress: RunProgress): void {
    this.#latest = progress;
    this.#show();
  }

  end(): void {
    if (this.#clock === undefined) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#elapsedMs = this.#elapsed();
  }

  get cost(): SyncCost {
    const { calls, retries, throttled } = this.#client.stats;
    return {
      calls: calls - this.#before.calls,
      retries: retries - this.#before.retries,
      throttled: throttled - this.#before.throttled,
      seconds: (this.#elapsedMs ?? this.#elapsed()) / 1000,
    };
  }

  #elapsed(): number {
    return performance.now() - this.#started;
  }

  #show(): void {
    if (!this.#latest || this.#clock === undefined) return;
    const { calls } = this.cost;
    const { rateLimit } = this.#client;
    this.#report({
      kind: "sync",
      ...progressOf(this.#latest, { calls, elapsedMs: this.#elapsed(), rateLimit }),
    });
  }
}

export function progressOf(
  progress: RunProgress,
  { calls, elapsedMs, rateLimit }: { calls: number; elapsedMs: number; rateLimit: RateForecast },
): SyncProgress {
  const leftMs = timeLeft(progress, calls, elapsedMs, rateLimit);
  return { ...progress, calls, elapsedMs, nextCallMs: rateLimit.delayMs, leftMs };
}

/** From the time of the finished queries, or from the remaining calls and the current rate limit, whichever is longer. */
function timeLeft(
  { jobs, jobsBegun, jobsDone }: RunProgress,
  calls: number,
  elapsedMs: number,
  rateLimit: RateForecast,
): number | undefined {
  const left = jobs - jobsDone;
  // A started query counts as half done.
  const halfDone = jobsDone + (jobsBegun - jobsDone) / 2;
  const callsLeft = halfDone === 0 ? left : Math.max(left, (calls / halfDone) * (jobs - halfDone));
  const byLimit = rateLimit.timeFor(Math.ceil(callsLeft));
  if (jobsDone > 0) return Math.max((elapsedMs / jobsDone) * left, byLimit);
  return byLimit > 0 ? byLimit : undefined;
}
