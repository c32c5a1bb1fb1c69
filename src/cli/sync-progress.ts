import type { RateForecast } from "../genesys/client.ts";
import type { SyncProgress } from "../sync/sync-options.ts";

export interface Pace {
  /** Milliseconds since the sync started. */
  readonly elapsedMs: number;
  /** API calls so far. */
  readonly calls: number;
  readonly rateLimit: RateForecast;
}

/** `queries 3/12  rows 40,120 (2,310/s)  slices 90/90  rate limit: next call in 41 s  6 min left` */
export function progressLine(progress: SyncProgress, pace: Pace): string {
  const { jobs, jobsDone, rows, slices, slicesDone } = progress;
  const { elapsedMs, rateLimit } = pace;
  const rate = Math.round(rows / Math.max(elapsedMs / 1000, 0.001));
  const waitS = Math.ceil(rateLimit.delayMs / 1000);
  const left = timeLeft(progress, pace);
  return [
    `queries ${jobsDone}/${jobs}`,
    `rows ${rows.toLocaleString("en-US")} (${rate.toLocaleString("en-US")}/s)`,
    ...(slices === 0 ? [] : [`slices ${slicesDone}/${slices}`]),
    ...(waitS > 1 ? [`rate limit: next call in ${waitS} s`] : []),
    left === undefined ? `${Math.floor(elapsedMs / 1000)} s so far` : `${durationText(left)} left`,
  ].join("  ");
}

/**
 * Estimated milliseconds left: from the time of the finished queries, or from the remaining calls and the current
 * rate limit, whichever is longer. Undefined before there is a basis.
 */
function timeLeft({ jobs, jobsBegun, jobsDone }: SyncProgress, pace: Pace): number | undefined {
  const left = jobs - jobsDone;
  // A started query counts as half done.
  const halfDone = jobsDone + (jobsBegun - jobsDone) / 2;
  const callsLeft = halfDone === 0 ? left : Math.max(left, (pace.calls / halfDone) * (jobs - halfDone));
  const byLimit = pace.rateLimit.timeFor(Math.ceil(callsLeft));
  if (jobsDone > 0) return Math.max((pace.elapsedMs / jobsDone) * left, byLimit);
  return byLimit > 0 ? byLimit : undefined;
}

function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
