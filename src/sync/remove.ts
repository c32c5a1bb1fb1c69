import type { Lake, ListedSlice, Slice } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { StoredObject, WaitOptions } from "../lake/store.ts";
import type { Log } from "../support/effects.ts";
import { knowable } from "../usage/coverage.ts";
import type { Day } from "../usage/day.ts";
import type { Grouping } from "../usage/grouping.ts";
import type { Granularity } from "../usage/period.ts";
import type { Service } from "../usage/service.ts";
import { type SliceKey, sliceOfSource, slicePath } from "../usage/slice.ts";
import { inParallel } from "./parallel.ts";

/** Which slices are meant. What is left out restricts nothing. */
export interface Selection {
  readonly service?: Service | undefined;
  readonly granularity?: Granularity | undefined;
  readonly grouping?: Grouping | undefined;
  /** UTC days, both included. A slice is meant if all days of its period that are over are within. */
  readonly from?: Day | undefined;
  readonly to?: Day | undefined;
}

/** A slice with the raw rows that `sync --keep-source` kept of it; one of the two may not be there. */
export interface Removable {
  readonly key: SliceKey;
  readonly slice: Slice | undefined;
  readonly source: StoredObject | undefined;
}

export interface Removal {
  /** In the order of their paths. */
  readonly removable: readonly Removable[];
  /** Slices that the range holds in part, so that they stay. */
  readonly straddling: readonly SliceKey[];
}

/**
 * What a selection means in a lake. Nothing but slices and their raw rows is ever meant.
 *
 * @param now milliseconds since 1970.
 * @throws {UsageError} lake, where one of the slices cannot be read.
 */
export async function planRemoval(
  lake: Lake,
  selection: Selection,
  now: number,
  waiting?: WaitOptions,
): Promise<Removal> {
  const { to } = selection;
  const isMeant = ({ key }: Pick<ListedSlice, "key">): boolean =>
    isOfSeries(key, selection) && (to === undefined || key.date <= to);
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
  const inOrder = [...byPath].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  const touched = inOrder.filter((one) => lastDayOf(one, now) >= (selection.from ?? one.key.date));
  const isWithin = (one: Removable): boolean =>
    one.key.date >= (selection.from ?? one.key.date) && (to === undefined || lastDayOf(one, now) <= to);
  return {
    removable: touched.filter(isWithin),
    straddling: touched.filter((one) => !isWithin(one)).map(({ key }) => key),
  };
}

function isOfSeries(key: SliceKey, { service, granularity, grouping }: Selection): boolean {
  return (
    (service === undefined || key.service === service) &&
    (granularity === undefined || key.granularity === granularity) &&
    (grouping === undefined || key.grouping === grouping)
  );
}

/** The last day of a slice's period that is over; of a total the last that it names. */
function lastDayOf({ key, slice }: Removable, now: number): Day {
  return knowable(key, slice?.provenance ?? { start: key.date, end: key.date }, now).end;
}

export interface Removed {
  readonly removed: readonly Removable[];
  /** Slices that another program replaced meanwhile: they stay. */
  readonly changed: readonly SliceKey[];
}

/**
 * Removes slices with their raw rows, each provided that it is as it was planned. Ended at any point, what is removed is
 * removed whole, and the same removal again does the rest.
 */
export async function removeSlices(
  lake: Lake,
  removable: readonly Removable[],
  options: {
    readonly log: Log;
    readonly signal?: AbortSignal | undefined;
    readonly onSlice?: (done: number) => void;
  },
): Promise<Removed> {
  const { log, signal } = options;
  const removed: Removable[] = [];
  const changed: SliceKey[] = [];
  try {
    await inParallel(removable, lake.store.writers, async (one) => {
      signal?.throwIfAborted();
      const { key, slice, source } = one;
      // The raw rows go first: without its slice nobody would find them again.
      const isGone =
        (!source || (await lake.store.remove(source.path, source.version, signal))) &&
        (!slice || (await lake.store.remove(slicePath(key), slice.object.version, signal)));
      if (isGone) removed.push(one);
      else changed.push(key);
      options.onSlice?.(removed.length + changed.length);
    });
  } finally {
    // Also where it ends early: a table that names slices which are gone would be wrong until the next sync.
    if (removed.length > 0 && !signal?.aborted) await updateSlicesTable(lake, { log, signal });
  }
  return { removed, changed };
}
