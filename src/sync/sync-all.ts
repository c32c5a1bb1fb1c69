import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { type SeriesKey, seriesAmong } from "../usage/series.ts";
import { type SyncTarget, whyNotSynced } from "./plan.ts";
import { type SyncSummary, sync } from "./sync.ts";
import type { SyncOptions } from "./sync-options.ts";

/** The result for one series. `skipped`: its key is not enough to sync it; `why` gives the reason in a few words. */
export type SeriesOutcome = { readonly series: SeriesKey } & (
  | { readonly outcome: "done"; readonly summary: SyncSummary }
  | { readonly outcome: "failed"; readonly error: GcUsageError }
  | { readonly outcome: "skipped"; readonly why: string }
);

export interface SyncAllOptions extends Omit<SyncOptions, "target"> {
  /** What to sync of a series; `now` is the service's time in milliseconds since 1970. */
  readonly target: (series: SeriesKey, now: number) => SyncTarget;
  readonly onSeries?: (series: SeriesKey) => void;
  /** May throw a GcUsageError, which makes the series fail. */
  readonly onDone?: (series: SeriesKey, summary: SyncSummary) => void;
}

/**
 * Syncs every series in the lake, one after the other. A failed series does not stop the others.
 *
 * @throws {GcUsageError} lake, if no series can be synced; credentials or interrupted, because then nothing else would work
 *   either.
 */
export async function syncAll({
  target,
  onSeries,
  onDone,
  ...options
}: SyncAllOptions): Promise<SeriesOutcome[]> {
  const outcomes: SeriesOutcome[] = [];
  for (const series of await seriesToSync(options)) {
    const why = whyNotSynced(series);
    if (why !== undefined) {
      outcomes.push({ series, outcome: "skipped", why });
      continue;
    }
    options.signal?.throwIfAborted();
    onSeries?.(series);
    try {
      const summary = await sync({ ...options, target: (now) => target(series, now) });
      onDone?.(series, summary);
      outcomes.push({ series, outcome: "done", summary });
    } catch (error) {
      const isFinal = !isGcUsageError(error) || error.kind === "credentials" || error.kind === "interrupted";
      if (isFinal) throw error;
      outcomes.push({ series, outcome: "failed", error });
    }
  }
  return outcomes;
}

/** The series of a lake, in order. @throws {GcUsageError} lake, if none of them can be synced. */
export async function seriesToSync({ lake }: Pick<SyncOptions, "lake">): Promise<SeriesKey[]> {
  const all = seriesAmong((await lake.list()).map(({ key }) => key));
  if (all.some((series) => whyNotSynced(series) === undefined)) return all;
  const what = all.length === 0 ? "is empty" : "has no series that --all can sync";
  throw new GcUsageError("lake", `The lake ${lake.uri} ${what}, so --all has nothing to sync.`, {
    hint: "Run `gc-usage sync` once without --all, with the grouping and granularity you want.",
  });
}
