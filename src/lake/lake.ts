import { join } from "node:path";
import pLimit from "p-limit";
import { counted } from "../support/count.ts";
import { UsageError } from "../support/errors.ts";
import { coversLess, isFromFuture, isOf } from "../usage/coverage.ts";
import { kindOfPath, whyForeign } from "../usage/lake-path.ts";
import { compareOrigins, describeOrganization } from "../usage/organization.ts";
import { isSource, parseSlicePath, type SliceKey, SOURCE_FOLDER, slicePath } from "../usage/slice.ts";
import { CHANGED, readFooter } from "./footer.ts";
import { damaged, type Provenance, type Reading } from "./provenance.ts";
import { SliceFiles } from "./slice-parquet.ts";
import type { ObjectStore, StoredObject, WaitOptions } from "./store.ts";

/**
 * A slice that is in the lake: `readable`; `damaged`, where its bytes are not a slice's, or are of another date than its
 * place (it counts as not there, and a sync replaces it); `newer`, where a later version of the program wrote it (its
 * rows count, its provenance is there where it is understood, and it is never replaced). What cannot be read for any
 * other reason is an error.
 */
export type Slice = { readonly key: SliceKey; readonly object: StoredObject } & Reading;

/** A slice of which only the place is known. */
export interface ListedSlice {
  readonly key: SliceKey;
  readonly object: StoredObject;
}

export interface Survey {
  readonly slices: readonly ListedSlice[];
  /** Raw rows. */
  readonly sources: readonly StoredObject[];
  /** All that is no data, in the order of the paths. It is never read, copied or removed. */
  readonly foreign: readonly Foreign[];
}

/** Something below a lake that is no data. */
export interface Foreign {
  /** Below the lake; a folder's ends in `/`. */
  readonly path: string;
  /** `newer`: named as a slice of a later version may be. `link`: not followed, and what reads or writes the lake stops at it. */
  readonly kind: "foreign" | "newer" | "link";
  /** A few words for a person. */
  readonly why: string;
}

/** A slice was written, or what the lake has was kept, and why. */
export type Committed = "written" | { readonly kept: string };

/** The slices in a folder or under an S3 prefix. There is no other state: what has been fetched is what is there. */
export class Lake {
  readonly store: ObjectStore;
  readonly files: SliceFiles;

  constructor(store: ObjectStore) {
    this.store = store;
    this.files = new SliceFiles(store.staging);
  }

  get uri(): string {
    return this.store.uri;
  }

  /** Every slice's key and object, by listing alone. */
  async list(): Promise<ListedSlice[]> {
    return slicesAmong(await this.store.list("usage/"));
  }

  /** The raw rows' objects. */
  async sources(): Promise<StoredObject[]> {
    return (await this.store.list(SOURCE_FOLDER)).filter(({ path }) => isSource(path));
  }

  /** All that is below the lake, by listing alone. Where `list` would stop at a link, this names it among the foreign. */
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
      slices: slicesAmong(objects),
      sources: objects.filter(({ path }) => isSource(path)),
      foreign: [...others, ...refused].sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
  }

  /**
   * The slices that `wanted` picks, with what is known of them.
   *
   * @throws {UsageError} lake, where one cannot be read.
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

  /** Listed slices, with what is known of them. @throws {UsageError} lake, where one cannot be read. */
  async read(listed: readonly ListedSlice[], waiting?: WaitOptions): Promise<Slice[]> {
    const limit = pLimit(READS);
    const root = await this.store.fetchFiles(
      listed.map(({ object }) => object),
      waiting,
    );
    const read = listed.map((one) =>
      limit(async () => {
        waiting?.signal?.throwIfAborted();
        return await this.#readOne(one, root);
      }),
    );
    return (await Promise.all(read)).flatMap((slice) => slice ?? []);
  }

  /** @returns undefined where it has been removed since it was listed. */
  async #readOne({ key, object }: ListedSlice, root: string): Promise<Slice | undefined> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const reading = await readFooter(join(root, object.path));
      const isSure = reading !== undefined && reading !== CHANGED && reading.state !== "damaged";
      if (isSure) return { key, object, ...ofKey(key, reading) };
      const current = await this.store.head(object.path);
      if (!current) return undefined;
      const isSame = current.version === object.version;
      if (isSame && reading !== undefined && reading !== CHANGED) return { key, object, ...reading };
      object = current;
      await this.store.fetchFiles([object]);
    }
    throw new UsageError("lake", `The slice ${object.path} changes each time that it is read.`, {
      hint: "Wait for the program that writes it to end, then run the same command again.",
    });
  }

  /**
   * Puts a slice's finished file in its place, in one write, unless what is there knows more. `force` sets that aside,
   * except where a later version of the program wrote what is there, or it is another organization's.
   *
   * @param options.now as `refusal` takes it.
   * @throws {UsageError} lake, where others replace it again and again.
   */
  async commit(
    key: SliceKey,
    file: string,
    provenance: Provenance | undefined,
    options: { force: boolean; now?: number | undefined },
  ): Promise<Committed> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const current = await this.slice(key);
      const kept = refusal(current, provenance, options.now);
      if (kept && (kept.isFinal || !options.force)) return { kept: kept.why };
      if (await this.store.replace(slicePath(key), file, current?.object.version)) return "written";
    }
    throw new UsageError("lake", `The slice ${slicePath(key)} is being replaced over and over by others.`, {
      hint: "Run one sync at a time on this slice, then run this again.",
    });
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

/** Files that are open at the same time. */
const READS = 16;

/** A slice's metadata that is of another date than its place is damage. */
function ofKey(key: SliceKey, reading: Reading): Reading {
  if (!reading.provenance || isOf(key, reading.provenance)) return reading;
  const { start, end } = reading.provenance;
  if (reading.state === "newer") return { ...reading, provenance: undefined };
  return damaged(`its metadata is of ${start}/${end}`);
}

/** Why a slice stays as it is. */
export interface Refusal {
  readonly why: string;
  /** True where not even force may replace it. */
  readonly isFinal: boolean;
}

/**
 * Why a slice with `next` must not replace `current`; undefined where it may.
 *
 * @param next undefined for a slice of a later version whose provenance is not understood.
 * @param now milliseconds since 1970 by the service's clock, where it is known: what was fetched later than that claims
 *   days that nobody knows of, and protects none.
 */
export function refusal(
  current: Slice | undefined,
  next: Provenance | undefined,
  now?: number,
): Refusal | undefined {
  if (!current || current.state === "damaged") return undefined;
  if (current.state === "newer") {
    return {
      why: `${current.writtenBy} wrote what is there, which is newer than this program`,
      isFinal: true,
    };
  }
  if (!next) return { why: "a later version wrote it, so the two cannot be compared", isFinal: false };
  const [mine, theirs] = [next.organization, current.provenance.organization];
  if (mine && theirs && compareOrigins({ organization: mine }, { organization: theirs }) === "different") {
    return { why: `what is there belongs to ${describeOrganization(theirs)}`, isFinal: true };
  }
  if (losesRows(current, next)) {
    return {
      why: `it has no rows, and what is there has ${counted(current.provenance.rows, "row")}`,
      isFinal: false,
    };
  }
  if (now !== undefined && isFromFuture(current.provenance, now)) return undefined;
  const why = coversLess(current.provenance, next, current.key.granularity);
  return why === undefined ? undefined : { why, isFinal: false };
}

/** True where rows would become none. No correction of the figures does that; a service in trouble may. */
export function losesRows(current: Slice | undefined, next: Provenance): boolean {
  return next.rows === 0 && (current?.provenance?.rows ?? 0) > 0;
}
