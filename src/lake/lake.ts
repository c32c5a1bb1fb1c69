import { counted } from "../support/count.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { inParallel } from "../support/parallel.ts";
import { coversLess, isFromFuture, isOf } from "../usage/coverage.ts";
import { kindOfPath, whyForeign } from "../usage/lake-path.ts";
import { compareOrigins, describeOrganization } from "../usage/organization.ts";
import { isSource, parseSlicePath, type SliceKey, SOURCE_FOLDER, slicePath } from "../usage/slice.ts";
import { CHANGED, type FooterRead, READS } from "./footer.ts";
import { damaged, type Provenance, type Reading, readProvenance } from "./provenance.ts";
import { SliceFiles } from "./slice-parquet.ts";
import type { ObjectStore, StoredObject, WaitOptions } from "./store.ts";
import { StoredTable } from "./stored-table.ts";

/**
 * A slice in the lake. `readable`: intact. `damaged`: its bytes are not a slice, or belong to another date than its path;
 * it counts as missing, and a sync replaces it. `newer`: a later version of the program wrote it; its rows count, its
 * provenance is set if this version understands it, and it is never replaced. If reading fails for any other reason, that
 * is an error.
 */
export type Slice = { readonly key: SliceKey; readonly object: StoredObject } & Reading;

/** A slice whose contents have not been read yet. */
export interface ListedSlice {
  readonly key: SliceKey;
  readonly object: StoredObject;
}

export interface Survey {
  readonly slices: readonly ListedSlice[];
  /** Raw rows. */
  readonly sources: readonly StoredObject[];
  /** Everything that is not data, sorted by path. It is never read, copied or removed. */
  readonly foreign: readonly Foreign[];
}

/** An object in a lake's folder that is not data. */
export interface Foreign {
  /** Relative to the lake; a folder's path ends in `/`. */
  readonly path: string;
  /** `newer`: named like a slice of a later version. `link`: not followed, and reading or writing the lake fails because of it. */
  readonly kind: "foreign" | "newer" | "link";
  /** A few words for display. */
  readonly why: string;
}

/** A slice was written, or the stored one was kept, with the reason. */
export type Committed = "written" | { readonly kept: string };

/** The slices in a folder or under an S3 prefix. They are the only state: a slice has been fetched if it is stored. */
export class Lake {
  readonly store: ObjectStore;
  readonly files: SliceFiles;
  /** The table `slices`, if the store keeps one. */
  readonly table: StoredTable;
  /** The slices as of the last listing, by path; undefined before the first one. */
  #listed: ReadonlyMap<string, StoredObject> | undefined;
  /** Paths that this process has written since. */
  readonly #written = new Set<string>();
  /** What slices say of themselves, by path: a lake that stays open reads each of them once. */
  readonly #readings = new Map<string, { readonly version: string; readonly reading: Reading }>();

  constructor(store: ObjectStore) {
    this.store = store;
    this.files = new SliceFiles(store.staging);
    this.table = new StoredTable(store, this.files);
  }

  get uri(): string {
    return this.store.uri;
  }

  /** The key and object of every slice, from a listing only. */
  async list(): Promise<ListedSlice[]> {
    this.#written.clear();
    return this.#remembered(slicesAmong(await this.store.list("usage/")));
  }

  #remembered(slices: ListedSlice[]): ListedSlice[] {
    this.#listed = new Map(slices.map(({ object }) => [object.path, object]));
    return slices;
  }

  /** The objects with raw rows. */
  async sources(): Promise<StoredObject[]> {
    return (await this.store.list(SOURCE_FOLDER)).filter(({ path }) => isSource(path));
  }

  /** Everything in the lake, from a listing only. While `list` fails on a link, this reports it as foreign. */
  async survey(signal?: AbortSignal): Promise<Survey> {
    const { objects, unreadable } = await this.store.survey(signal);
    const others = objects.flatMap(({ path }): Foreign[] => {
      const kind = kindOfPath(path);
      return kind === "newer" || kind === "foreign" ? [{ path, kind, why: whyForeign(path) }] : [];
    });
    const refused = unreadable.map(
      ({ path, why, blocks }): Foreign => ({ path, kind: blocks ? "link" : "foreign", why }),
    );
    return {
      slices: this.#remembered(slicesAmong(objects)),
      sources: objects.filter(({ path }) => isSource(path)),
      foreign: [...others, ...refused].sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
  }

  /**
   * The slices that `wanted` selects, with their provenance.
   *
   * @throws {GcUsageError} lake, if a slice cannot be read.
   */
  async slices(wanted: (key: SliceKey) => boolean = () => true, waiting?: WaitOptions): Promise<Slice[]> {
    const listed = (await this.list()).filter(({ key }) => wanted(key));
    return await this.read(listed, waiting);
  }

  async slice(key: SliceKey): Promise<Slice | undefined> {
    const object = await this.store.head(slicePath(key));
    if (!object) return undefined;
    return (await this.read([{ key, object }]))[0];
  }

  /**
   * The slice as of the last listing. Saves a call for each slice: a write is conditional, so it fails if this is no longer true.
   */
  async lastListed(key: SliceKey): Promise<Slice | undefined> {
    const path = slicePath(key);
    if (this.#listed === undefined || this.#written.has(path)) return await this.slice(key);
    const object = this.#listed.get(path);
    return object && (await this.read([{ key, object }]))[0];
  }

  /**
   * Reads the provenance of listed slices: what is not on this machine, from the table `slices` if it has a row for exactly that
   * version of the object, else from the object.
   *
   * @throws {GcUsageError} lake, if a slice cannot be read.
   */
  async read(listed: readonly ListedSlice[], waiting?: WaitOptions): Promise<Slice[]> {
    await this.#readTable(listed);
    const unknown = listed.filter(({ object }) => !this.#known(object));
    const objects = unknown.map(({ object }) => object);
    const found = await this.store.readFooters(objects, waiting);
    const readings = new Map<ListedSlice, FooterRead>(unknown.map((entry, i) => [entry, found[i]]));
    const read = await inParallel(listed, READS, async (entry) => {
      waiting?.signal?.throwIfAborted();
      return await this.#readOne(entry, readings.get(entry));
    });
    return read.flatMap((slice) => slice ?? []);
  }

  #known({ path, version }: StoredObject): Reading | undefined {
    const known = this.#readings.get(path);
    return known?.version === version ? known.reading : undefined;
  }

  #remember({ path, version }: StoredObject, reading: Reading): void {
    if (reading.state === "readable") this.#readings.set(path, { version, reading });
  }

  async #readTable(listed: readonly ListedSlice[]): Promise<void> {
    if (!this.store.isQueriedInPlace) return;
    const unknown = listed.filter(({ object }) => !this.#known(object));
    const away = new Set(await this.store.notHere(unknown.map(({ object }) => object)));
    // The table is one call, too.
    if (away.size < 2) return;
    const isMissing = unknown.some(({ object }) => away.has(object) && !this.table.row(object));
    if (isMissing) await this.table.load().catch(throwUnlessDenied);
    for (const { key, object } of unknown) {
      const { metadata } = (away.has(object) && this.table.row(object)) || {};
      if (metadata !== undefined) this.#remember(object, ofKey(key, readProvenance(metadata)));
    }
  }

  /** @returns undefined if it was removed since it was listed. */
  async #readOne({ key, object }: ListedSlice, reading: FooterRead): Promise<Slice | undefined> {
    const known = this.#known(object);
    if (known) return { key, object, ...known };
    for (let attempt = 0; attempt < 20; attempt++) {
      if (reading !== undefined && reading !== CHANGED && reading.state !== "damaged") {
        const found = ofKey(key, reading);
        this.#remember(object, found);
        return { key, object, ...found };
      }
      const current = await this.store.head(object.path);
      if (!current) return undefined;
      const isSame = current.version === object.version;
      if (isSame && reading !== undefined && reading !== CHANGED) return { key, object, ...reading };
      object = current;
      [reading] = await this.store.readFooters([object]);
    }
    throw new GcUsageError(
      "lake",
      `Cannot read the slice ${object.path}: another program keeps changing it.`,
      {
        hint: "Wait for that program to finish, then run the same command again.",
      },
    );
  }

  /**
   * Puts a slice's finished file in place, in one write, unless the stored slice covers more. `force` overrides that, except
   * if the stored slice was written by a later version or belongs to another organization.
   *
   * @param options.now as for `refusal`.
   * @throws {GcUsageError} lake, if other programs replace the slice again and again.
   */
  async commit(
    key: SliceKey,
    file: string,
    provenance: Provenance | undefined,
    options: { force: boolean; now?: number | undefined },
  ): Promise<Committed> {
    const refused = (current: Slice | undefined): Refusal | undefined => {
      const kept = refusal(current, provenance, options.now);
      return kept && (kept.isFinal || !options.force) ? kept : undefined;
    };
    let current = await this.lastListed(key);
    // What was listed may have been removed since, or damaged.
    if (refused(current)) current = await this.slice(key);
    for (let attempt = 0; attempt < 100; attempt++) {
      const kept = refused(current);
      if (kept) return { kept: kept.why };
      const isWritten = await this.store.replace(slicePath(key), file, current?.object.version);
      this.#written.add(slicePath(key));
      if (isWritten) return "written";
      current = await this.slice(key);
    }
    throw new GcUsageError(
      "lake",
      `Cannot write the slice ${slicePath(key)}: other programs keep replacing it.`,
      {
        hint: "Run only one sync of this slice at a time, then run the same command again.",
      },
    );
  }

  async close(): Promise<void> {
    await this.files.close();
    await this.store.release();
  }
}

function slicesAmong(objects: readonly StoredObject[]): ListedSlice[] {
  return objects.flatMap((object) => {
    const key = parseSlicePath(object.path);
    return key ? [{ key, object }] : [];
  });
}

/** A reader may have the permission to read only slices. */
function throwUnlessDenied(error: unknown): void {
  if (!isGcUsageError(error) || error.kind !== "permission") throw error;
}

/** Metadata for another date than the path's means damage. */
function ofKey(key: SliceKey, reading: Reading): Reading {
  if (!reading.provenance || isOf(key, reading.provenance)) return reading;
  const { start, end } = reading.provenance;
  if (reading.state === "newer") return { ...reading, provenance: undefined };
  return damaged(`its metadata is for ${start}/${end}`);
}

/** Why a slice is kept. */
export interface Refusal {
  readonly why: string;
  /** True if not even force may replace it. */
  readonly isFinal: boolean;
}

/**
 * Why a slice with `next` must not replace `current`; undefined if it may.
 *
 * @param next undefined for a slice of a later version whose provenance is not understood.
 * @param now milliseconds since 1970 on the service's clock, if known. A slice that was fetched later than that claims days
 *   that could not have been complete, so it is not protected.
 */
export function refusal(
  current: Slice | undefined,
  next: Provenance | undefined,
  now?: number,
): Refusal | undefined {
  if (!current || current.state === "damaged") return undefined;
  if (current.state === "newer") {
    return {
      why: `the stored slice was written by ${current.writtenBy}, which is newer than this program`,
      isFinal: true,
    };
  }
  if (!next) return { why: "a later version wrote it, so the two cannot be compared", isFinal: false };
  const [mine, theirs] = [next.organization, current.provenance.organization];
  if (mine && theirs && compareOrigins({ organization: mine }, { organization: theirs }) === "different") {
    return { why: `the stored slice belongs to ${describeOrganization(theirs)}`, isFinal: true };
  }
  if (losesRows(current, next)) {
    return {
      why: `it has no rows, but the stored slice has ${counted(current.provenance.rows, "row")}`,
      isFinal: false,
    };
  }
  if (now !== undefined && isFromFuture(current.provenance, now)) return undefined;
  const why = coversLess(current.provenance, next, current.key.granularity);
  return why === undefined ? undefined : { why, isFinal: false };
}

/** True if all rows would be lost. No correction of figures does that, but a faulty service may. */
export function losesRows(current: Slice | undefined, next: Provenance): boolean {
  return next.rows === 0 && (current?.provenance?.rows ?? 0) > 0;
}
