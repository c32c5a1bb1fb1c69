import type { Progress, SyncProgress } from "../support/progress.ts";
import { sizeText } from "../support/size.ts";

/** One line for the terminal. */
export function progressText(progress: Progress): string {
  switch (progress.kind) {
    case "mirror":
      return `mirrored ${progress.done}/${progress.total} objects`;
    case "copy":
      return `copied ${progress.done}/${progress.total}`;
    case "verify":
      return `verified ${progress.done}/${progress.total}`;
    case "remove":
      return `removed ${progress.done}/${progress.total}`;
    case "statement":
      return `Athena: ${progress.state}, ${sizeText(progress.bytesScanned)} scanned`;
    case "sync":
      return syncText(progress);
  }
}

/** `queries 3/12  rows 40,120 (2,310/s)  slices 90/90  rate limit: next call in 41 s  6 min left` */
function syncText({
  jobs,
  jobsDone,
  rows,
  slices,
  slicesDone,
  elapsedMs,
  nextCallMs,
  leftMs,
}: SyncProgress): string {
  const rate = Math.round(rows / Math.max(elapsedMs / 1000, 0.001));
  const waitS = Math.ceil(nextCallMs / 1000);
  return [
    `queries ${jobsDone}/${jobs}`,
    `rows ${rows.toLocaleString("en-US")} (${rate.toLocaleString("en-US")}/s)`,
    ...(slices === 0 ? [] : [`slices ${slicesDone}/${slices}`]),
    ...(waitS > 1 ? [`rate limit: next call in ${waitS} s`] : []),
    leftMs === undefined ? `${Math.floor(elapsedMs / 1000)} s so far` : `${durationText(leftMs)} left`,
  ].join("  ");
}

function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
