import { join } from "node:path";
import { SLICES_FILE } from "../usage/slice.ts";
import { SLICE_ROW_COLUMNS } from "./slice-columns.ts";
import type { SliceFiles } from "./slice-parquet.ts";
import type { ObjectStore, StoredObject } from "./store.ts";

/**
 * The table's columns; the object's version, which shows whether a row is still current; and the slice's provenance as in its own
 * metadata, null unless it is readable.
 */
export const STORED_COLUMNS = [
  ...SLICE_ROW_COLUMNS,
  ["objectVersion", "varchar"],
  ["metadata", "varchar"],
] as const;

/** A row as JSON, and the slice's metadata in it. */
export interface StoredRow {
  readonly line: string;
  readonly metadata: string | undefined;
}

/** The table `slices` as it is stored in a lake that engines query in place. */
export class StoredTable {
  readonly #store: ObjectStore;
  readonly #files: SliceFiles;
  #object: StoredObject | undefined;
  #rows: ReadonlyMap<string, StoredRow> = new Map();

  constructor(store: ObjectStore, files: SliceFiles) {
    this.#store = store;
    this.#files = files;
  }

  /** Undefined if the lake has no such object, or `load` was not called. */
  get object(): StoredObject | undefined {
    return this.#object;
  }

  /** How many rows it has: none if another version of the program wrote it in another form. */
  get size(): number {
    return this.#rows.size;
  }

  /** Reads the current table, with one call. */
  async load(): Promise<void> {
    const object = await this.#store.fetchCurrent(SLICES_FILE);
    if (object && object.version === this.#object?.version) return;
    this.#rows = object ? await this.#read() : new Map();
    this.#object = object;
  }

  /** The row of exactly this version of a slice. */
  row({ path, version }: Pick<StoredObject, "path" | "version">): StoredRow | undefined {
    return this.#rows.get(rowKey(path, version));
  }

  async #read(): Promise<ReadonlyMap<string, StoredRow>> {
    const file = join(await this.#store.fetchFiles([]), SLICES_FILE);
    const rows = new Map<string, StoredRow>();
    for (const line of await this.#files.readTable(STORED_COLUMNS, file)) {
      const { path, objectVersion, metadata } = JSON.parse(line) as Record<string, unknown>;
      if (typeof path !== "string" || typeof objectVersion !== "string") continue;
      rows.set(rowKey(path, objectVersion), {
        line,
        metadata: typeof metadata === "string" ? metadata : undefined,
      });
    }
    return rows;
  }
}

function rowKey(path: string, version: string): string {
  return `${path} ${version}`;
}
