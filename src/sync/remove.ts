import type { Lake, ListedSlice, Slice } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { StoredObject, WaitOptions } from "../lake/store.ts";
import type { Log } from "../support/effects.ts";
import { inParallel } from "../support/parallel.ts";
import type { OnProgress } from "../support/progress.ts";
import { knowable } from "../usage/coverage.ts";
import type { Day } from "../usage/day.ts";
import { type SeriesFilter, seriesFilter } from "../usage/series.ts";
import { type SliceKey, sliceOfSource, slicePath } from "../usage/slice.ts";

/** Selects slices. Omitted members do not restrict the selection. */
export interface Selection extends SeriesFilter {
  /** UTC days, both included. A slice is selected if all completed days of its period are within them. */
  readonly from?: Day | undefined;
  readonly to?: Day | undefined;
}

/** A slice and the raw rows that `sync --keep-source` kept for it; one of the two may be missing. */
export interface Removable {
  readonly key: SliceKey;
  readonly slice: Slice | undefined;
  readonly source: StoredObject | undefined;
}

export interface Removal {
  /** Sorted by path. */
  readonly removable: readonly Removable[];
  /** Slices only partly in the range, which stay. */
  readonly straddling: readonly SliceKey[];
}

/**
 * Finds what a selection matches in a lake: only slices and their raw rows, never anything else.
 *
 * @param now milliseconds since 1970.
 * @throws {GcUsageError} lake, if one of the slices cannot be read.
 */
export async function planRemoval(
  lake: Lake,
  selection: Selection,
  now: number,
  waiting?: WaitOptions,
): Promise<Removal> {
  const { to } = selection;
  const isOfSeries = seriesFilter(selection);
  const isMeant = ({ key }: Pick<ListedSlice, "key">): boolean =>
    isOfSeries(key) && (to === undefined || key.date <= to);
  const slices = await lake.read((await lake.list()).filter(isMeant), waiting);
  const byPath = new Map<string, Removable>(
    slices.map((slice) => [slicePath(slice.key), { key: slice.key, slice, source: undefined }]),
  );
  for (const source of await lake.sources()) {
    const key = sliceOfSource(source.path);
    if (key === undefined || !isMeant({ key })) continue;
    const path = slicePath(key);
    byPath.set(path, { key, slice: byPath.get(path)?.slice, source });
  }
  const inOrder = [...byPath].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  const touched = inOrder.filter((found) => lastDayOf(found, now) >= (selection.from ?? found.key.date));
  const isWithin = (found: Removable): boolean =>
    found.key.date >= (selection.from ?? found.key.date) && (to === undefined || lastDayOf(found, now) <= to);
  return {
    removable: touched.filter(isWithin),
    straddling: touched.filter((found) => !isWithin(found)).map(({ key }) => key),
  };
}

/** The last completed day of a slice's period; for a total, its last day. */
function lastDayOf({ key, slice }: Removable, now: number): Day {
  return knowable(key, slice?.provenance ?? { start: key.date, end: key.date }, now).end;
}

export interface Removed {
  readonly removed: readonly Removable[];
  /** Slices that another program replaced in the meantime; they stay. */
  readonly changed: readonly SliceKey[];
}

/**
 * Removes slices and their raw rows, each only if unchanged since the plan. Each slice is removed completely or not at all.
 * Safe to interrupt: run it again to remove the rest.
 */
export async function removeSlices(
  lake: Lake,
  removable: readonly Removable[],
  options: {
    readonly log: Log;
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: OnProgress | undefined;
  },
): Promise<Removed> {
  const { log, signal } = options;
  const removed: Removable[] = [];
  const changed: SliceKey[] = [];
  try {
    await inParallel(removable, lake.store.writers, async (planned) => {
      signal?.throwIfAborted();
      const { key, slice, source } = planned;
      // Remove the raw rows first: without their slice nobody would find them again.
      const isGone =
        (!source || (await lake.store.remove(source.path, source.version, signal))) &&
        (!slice || (await lake.store.remove(slicePath(key), slice.object.version, signal)));
      if (isGone) removed.push(planned);
      else changed.push(key);
      options.onProgress?.({
        kind: "remove",
        done: removed.length + changed.length,
        total: removable.length,
      });
    });
  } finally {
    // Needed even after a partial removal: a table with removed slices would be wrong until the next sync.
    if (removed.length > 0 && !signal?.aborted) await updateSlicesTable(lake, { log, signal });
  }
  return { removed, changed };
}
