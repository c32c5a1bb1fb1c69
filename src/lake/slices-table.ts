import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Log, silentLog } from "../support/effects.ts";
import { isGcUsageError } from "../support/errors.ts";
import { SLICES_FILE } from "../usage/slice.ts";
import type { Lake, Slice } from "./lake.ts";
import { encodeProvenance } from "./provenance.ts";
import { sliceRow } from "./slice-rows.ts";
import { STORED_COLUMNS } from "./stored-table.ts";
import { Workspace } from "./workspace.ts";

const TRIES = 5;

/**
 * Updates the table `slices` in a lake that engines query in place: an object made from the slices, for Athena, and so that the
 * program need not read the footer of each slice (`Lake.read`). Only new or changed slices are read. Does nothing for a folder,
 * where DuckDB reads the slices themselves.
 *
 * A failure is only a warning: the slices are stored, and the next command tries again.
 */
export async function updateSlicesTable(
  lake: Lake,
  options: { log?: Log | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (!lake.store.isQueriedInPlace) return;
  const { log = silentLog, signal } = options;
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (await update(lake, attempt === 0, signal)) return;
    }
    log.warn("Could not update the table slices: other programs keep writing it. The next sync tries again.");
  } catch (error) {
    if (signal?.aborted || !isGcUsageError(error)) throw error;
    log.warn(`Could not update the table slices: ${error.message} The next sync tries again.`);
  }
}

/** @returns false if another program wrote it in the meantime. */
async function update(lake: Lake, isFirst: boolean, signal: AbortSignal | undefined): Promise<boolean> {
  const { store, table } = lake;
  // If it was read before and another program has written it since, the write below fails.
  if (!isFirst || !table.object) await table.load();
  const listed = await lake.list();
  const changed = await lake.read(
    listed.filter(({ object }) => !table.row(object)),
    { signal },
  );
  if (table.object && changed.length === 0 && table.size === listed.length) return true;
  const lines = [
    ...listed.flatMap(({ object }) => table.row(object)?.line ?? []),
    ...changed.map(lineOf),
  ].sort();
  const workspace = await Workspace.open(store.staging, "load");
  try {
    const [rows, file] = [join(workspace.folder, "slices.ndjson"), join(workspace.folder, "slices.parquet")];
    await writeFile(rows, lines.map((line) => `${line}\n`).join(""));
    await lake.files.writeTable(STORED_COLUMNS, rows, file);
    return await store.replace(SLICES_FILE, file, table.object?.version);
  } finally {
    await workspace.close();
  }
}

function lineOf(slice: Slice): string {
  return JSON.stringify({
    ...sliceRow(slice),
    objectVersion: slice.object.version,
    // Everything else is read from the slice itself.
    metadata: slice.state === "readable" ? encodeProvenance(slice.provenance) : null,
  });
}
