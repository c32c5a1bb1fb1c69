import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Log, silentLog } from "../support/effects.ts";
import { isGcUsageError } from "../support/errors.ts";
import { SLICES_FILE, slicePath } from "../usage/slice.ts";
import type { Lake } from "./lake.ts";
import { SLICE_ROW_COLUMNS, sliceRow } from "./slice-rows.ts";
import type { StoredObject } from "./store.ts";
import { Workspace } from "./workspace.ts";

/** The table's columns, and the object's version, which shows whether a row is still current. */
const COLUMNS = [...SLICE_ROW_COLUMNS, ["objectVersion", "varchar"]] as const;
const TRIES = 5;

/**
 * Updates the table `slices` in a lake that engines query in place: an object made from the slices, for Athena. The program
 * itself never uses it for decisions. Only new or changed slices are read. Does nothing for a folder, where DuckDB reads the
 * slices themselves.
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
    for (let attempt = 0; attempt < TRIES; attempt++) if (await update(lake, signal)) return;
    log.warn("Could not update the table slices: other programs keep writing it. The next sync tries again.");
  } catch (error) {
    if (signal?.aborted || !isGcUsageError(error)) throw error;
    log.warn(`Could not update the table slices: ${error.message} The next sync tries again.`);
  }
}

/** @returns false if another program wrote it in the meantime. */
async function update(lake: Lake, signal: AbortSignal | undefined): Promise<boolean> {
  const { store } = lake;
  const current = await store.head(SLICES_FILE);
  const known = current ? await knownRows(lake, current) : new Map<string, string>();
  const listed = await lake.list();
  const versions = new Map(listed.map(({ key, object }) => [slicePath(key), object.version]));
  const isKnown = (path: string): boolean => known.has(rowKey(path, versions.get(path) ?? ""));
  const changed = await lake.read(
    listed.filter(({ key }) => !isKnown(slicePath(key))),
    { signal },
  );
  if (current && changed.length === 0 && known.size === listed.length) return true;
  const lines = [
    ...Array.from(versions, ([path, version]) => known.get(rowKey(path, version)) ?? []).flat(),
    ...changed.map((slice) => JSON.stringify({ ...sliceRow(slice), objectVersion: slice.object.version })),
  ].sort();
  const workspace = await Workspace.open(store.staging, "load");
  try {
    const [rows, file] = [join(workspace.folder, "slices.ndjson"), join(workspace.folder, "slices.parquet")];
    await writeFile(rows, lines.map((line) => `${line}\n`).join(""));
    await lake.files.writeTable(COLUMNS, rows, file);
    return await store.replace(SLICES_FILE, file, current?.version);
  } finally {
    await workspace.close();
  }
}

/** The table's rows as JSON, by the slice's path and version; empty if this version does not write such a table. */
async function knownRows(lake: Lake, object: StoredObject): Promise<Map<string, string>> {
  const file = join(await lake.store.fetchFiles([object]), SLICES_FILE);
  const rows = await lake.files.readTable(COLUMNS, file);
  return new Map(
    rows.flatMap((line) => {
      const { path, objectVersion } = JSON.parse(line) as Record<string, unknown>;
      return typeof path === "string" && typeof objectVersion === "string"
        ? [[rowKey(path, objectVersion), line]]
        : [];
    }),
  );
}

function rowKey(path: string, version: string): string {
  return `${path} ${version}`;
}
