import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import * as z from "zod";
import { codeOf } from "../../support/errors.ts";
import { inParallel } from "../../support/parallel.ts";
import { DATA_FOLDERS } from "../../usage/lake-path.ts";
import { parseSlicePath } from "../../usage/slice.ts";
import { fileSystemNow } from "../lease.ts";
import { FolderStore } from "../local/folder-store.ts";
import { objectAt } from "../local/walk.ts";
import type { StoredObject, WaitOptions } from "../store.ts";
import { sweepWorkspaces, Workspace } from "../workspace.ts";
import { localError } from "./local-error.ts";

/**
 * Writes an object's bytes to a file and returns their version; undefined if the object does not exist, UNCHANGED without writing
 * anything if it still has the version `held`.
 */
export type Download = (
  wanted: {
    readonly path: string;
    readonly version?: string | undefined;
    readonly held?: string | undefined;
  },
  file: string,
  signal: AbortSignal | undefined,
) => Promise<string | typeof UNCHANGED | undefined>;

export const UNCHANGED = Symbol("unchanged");

/**
 * What is known about a file in the mirror: the object's ETag, and the file's own version (FolderStore). Both are written
 * after the file is in place. A process that dies, or two that mirror at once, can at worst leave a file whose version
 * differs from this entry; it is then downloaded again.
 */
const INDEX = z.record(z.string(), z.object({ etag: z.string(), file: z.string() }));
type Index = Map<string, z.infer<typeof INDEX>[string]>;

const INDEX_FILE = ".mirror.json";
/** A killed process has to repeat at most the downloads of this time. */
const INDEX_EVERY_MS = 1000;
const DOWNLOADS = 16;
const PARTS = ".parts";
/** 0.1.0 put its partial downloads here without a lease. A live one got a byte within this time. */
const PART_OF_0_1_0 = "part.";
const MAX_SILENCE_OF_0_1_0_MS = 15 * 60_000;
/** A folder in the place of a file, or the other way round. */
const IN_THE_WAY: readonly string[] = ["EEXIST", "EISDIR", "ENOTDIR", "ENOTEMPTY"];
const MEND_TRIES = 5;

export interface Held {
  /** The number of downloaded objects, and their bytes. */
  readonly fetched: number;
  readonly bytes: number;
  /** Raw rows with names that the file system does not accept: they are missing in the mirror. */
  readonly skipped: readonly string[];
}

/** Objects of a lake in a store elsewhere as files in one folder, at the same paths as in the lake. */
export class Mirror {
  readonly root: string;
  readonly #download: Download;
  readonly #folder: FolderStore;
  #index: Index | undefined;
  #swept = false;
  /** True if files were adopted whose entries are only in memory. */
  #isUnsaved = false;

  constructor(root: string, download: Download) {
    this.root = root;
    this.#download = download;
    this.#folder = new FolderStore(root);
  }

  /** Downloads the objects that are missing, or present in another version. */
  async hold(objects: readonly StoredObject[], waiting: WaitOptions = {}): Promise<Held> {
    try {
      const index = await this.#ready();
      const missing = waiting.again ? objects : await this.#missing(objects, index);
      if (missing.length === 0) return { fetched: 0, bytes: 0, skipped: [] };
      const skipped = await this.#fetchAll(missing, index, waiting);
      const bytes = missing.reduce(
        (sum, { path, bytes: size }) => sum + (skipped.includes(path) ? 0 : size),
        0,
      );
      return { fetched: missing.length - skipped.length, bytes, skipped };
    } catch (error) {
      throw localError(error, this.root);
    }
  }

  /** The objects that `hold` would download. */
  async missing(objects: readonly StoredObject[]): Promise<StoredObject[]> {
    try {
      return await this.#missing(objects, await this.#ready());
    } catch (error) {
      throw localError(error, this.root);
    }
  }

  /** Brings the current version of an object here with one call. @returns undefined if it does not exist. */
  async refresh(path: string, signal: AbortSignal | undefined): Promise<StoredObject | undefined> {
    try {
      const index = await this.#ready();
      const held = index.get(path);
      const isHeld = held !== undefined && (await this.#versionOf(path)) === held.file;
      const parts = await this.#openParts();
      try {
        const etag = await this.#fetch(
          { path, held: isHeld ? held.etag : undefined },
          index,
          parts.folder,
          signal,
        );
        if (etag === undefined) return undefined;
        if (etag !== held?.etag || !isHeld) await this.#writeIndex(index, parts.folder);
        const { size } = await stat(join(this.root, path));
        return { path, bytes: size, version: etag };
      } finally {
        await parts.close();
      }
    } catch (error) {
      throw localError(error, this.root);
    }
  }

  /**
   * Moves a file here that was just stored as an object of this version, so that it need not be downloaded. If that is not
   * possible, the next reader downloads it.
   */
  async adopt(path: string, file: string, etag: string): Promise<void> {
    try {
      const index = await this.#ready();
      index.delete(path);
      const info = await objectAt(path, file);
      if (!info) return;
      await this.#put(file, path);
      index.set(path, { etag, file: info.version });
      this.#isUnsaved = true;
    } catch {
      // The object is stored, and this is only a copy of it.
    }
  }

  /** Keeps what is known of adopted files for later processes. */
  async save(): Promise<void> {
    if (!this.#isUnsaved || !this.#index) return;
    try {
      const parts = await this.#openParts();
      try {
        await this.#writeIndex(this.#index, parts.folder);
      } finally {
        await parts.close();
      }
    } catch {
      // They are downloaded again.
    }
  }

  /** Removes files that belong neither to the objects nor to one that `isThere` finds: those below `folder`, or all. */
  async prune(
    objects: readonly StoredObject[],
    isThere: (path: string) => Promise<boolean>,
    folder = "",
  ): Promise<void> {
    const kept = new Set(objects.map(({ path }) => path));
    try {
      for (const name of DATA_FOLDERS) await this.#makeFolder(name);
      const found = await this.#folder.survey();
      for (const { path } of found.objects) {
        // Another process may have mirrored an object that is newer than our listing.
        if (path.startsWith(folder) && !kept.has(path) && !(await isThere(path)))
          await rm(join(this.root, path), { force: true });
      }
      for (const { path } of found.unreadable) {
        if (path.startsWith(folder) && DATA_FOLDERS.some((name) => path.startsWith(`${name}/`)))
          await rm(join(this.root, path.replace(/\/$/, "")), { recursive: true, force: true });
      }
    } catch (error) {
      throw localError(error, this.root);
    }
  }

  async #ready(): Promise<Index> {
    this.#index ??= await this.#readIndex();
    if (!this.#swept) await this.#sweep();
    this.#swept = true;
    return this.#index;
  }

  async #openParts(): Promise<Workspace> {
    await this.#makeFolder(PARTS);
    return await Workspace.open(join(this.root, PARTS), "download");
  }

  async #missing(objects: readonly StoredObject[], index: Index): Promise<StoredObject[]> {
    const checked = await inParallel(objects, DOWNLOADS, async (object) => {
      const known = index.get(object.path);
      if (known?.etag !== object.version) return object;
      return (await this.#versionOf(object.path)) === known.file ? [] : object;
    });
    return checked.flat();
  }

  /** Stops at the first failure. Complete downloads are kept for the next time. @returns names that are not possible here. */
  async #fetchAll(
    missing: readonly StoredObject[],
    index: Index,
    { signal, onProgress }: WaitOptions,
  ): Promise<string[]> {
    // Each download listens to the signal, and Node warns of a leak above ten listeners.
    if (signal) setMaxListeners(4 * DOWNLOADS, signal);
    const skipped: string[] = [];
    let done = 0;
    let written = performance.now();
    const parts = await this.#openParts();
    const fetch = async (object: StoredObject): Promise<void> => {
      signal?.throwIfAborted();
      await this.#fetch(object, index, parts.folder, signal);
      onProgress?.({ kind: "mirror", done: ++done, total: missing.length });
      if (performance.now() - written < INDEX_EVERY_MS) return;
      written = performance.now();
      await this.#writeIndex(index, parts.folder);
    };
    try {
      await inParallel(missing, DOWNLOADS, async (object) => {
        await fetch(object).catch((error: unknown) => {
          // Some file systems allow only shorter names. A name that is not a slice's must not block all others.
          if (codeOf(error) !== "ENAMETOOLONG" || parseSlicePath(object.path)) throw error;
          skipped.push(object.path);
        });
      });
      await this.#writeIndex(index, parts.folder);
    } catch (error) {
      // Complete downloads count the next time. The first failure is the one to report.
      await this.#writeIndex(index, parts.folder).catch(() => undefined);
      await parts.check();
      throw error;
    } finally {
      await parts.close();
    }
    return skipped;
  }

  /** @returns the version that is here now; undefined if the object does not exist. */
  async #fetch(
    wanted: Parameters<Download>[0],
    index: Index,
    parts: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { path } = wanted;
    const file = join(parts, randomUUID());
    try {
      const etag = await this.#download(wanted, file, signal);
      if (etag === UNCHANGED) return wanted.held;
      index.delete(path);
      if (etag === undefined) {
        await this.#removeLinks(dirname(path));
        await rm(join(this.root, path), { recursive: true, force: true });
        return undefined;
      }
      const version = (await this.#versionOf(relative(this.root, file))) ?? "";
      await this.#put(file, path);
      index.set(path, { etag, file: version });
      return etag;
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Undefined for a missing file, and for one behind a link: the mirror creates no links. */
  async #versionOf(path: string): Promise<string | undefined> {
    try {
      const file = join(await realpath(this.root), path);
      return (await realpath(file)) === file ? (await objectAt(path, file))?.version : undefined;
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error) ?? "")) return undefined;
      throw error;
    }
  }

  /** Moves a file into place. Anything in its way is not part of the lake: this is only a copy of it. */
  async #put(file: string, path: string): Promise<void> {
    const target = join(this.root, path);
    await this.#makeFolder(dirname(path));
    try {
      await rename(file, target);
    } catch (error) {
      if (!IN_THE_WAY.includes(codeOf(error) ?? "")) throw error;
      await rm(target, { recursive: true, force: true });
      await rename(file, target);
    }
  }

  async #makeFolder(path: string): Promise<void> {
    await this.#removeLinks(path);
    for (let tries = 1; ; tries++) {
      try {
        await mkdir(join(this.root, path), { recursive: true });
        return;
      } catch (error) {
        // ENOENT: another download has removed the obstacle while Node looked at it.
        if (tries === MEND_TRIES || ![...IN_THE_WAY, "ENOENT"].includes(codeOf(error) ?? "")) throw error;
      }
      let above = this.root;
      for (const part of path.split("/")) {
        above = join(above, part);
        // Fails on a folder, as it should: another download may have created it in the meantime.
        await unlink(above).catch(() => undefined);
      }
    }
  }

  /** A file written below a link would end up somewhere else. */
  async #removeLinks(path: string): Promise<void> {
    let above = this.root;
    for (const part of path.split("/")) {
      above = join(above, part);
      const info = await lstat(above).catch(() => undefined);
      if (!info) return;
      if (info.isSymbolicLink()) await rm(above, { force: true });
    }
  }

  /** Removes the partial downloads of dead processes. */
  async #sweep(): Promise<void> {
    const folder = join(this.root, PARTS);
    await this.#makeFolder(PARTS);
    await sweepWorkspaces(folder);
    const names = (await readdir(folder)).filter((name) => name.startsWith(PART_OF_0_1_0));
    if (names.length === 0) return;
    const now = await fileSystemNow(folder);
    for (const name of names) {
      const info = await stat(join(folder, name)).catch(() => undefined);
      if (info && now - info.mtimeMs > MAX_SILENCE_OF_0_1_0_MS) await rm(join(folder, name), { force: true });
    }
  }

  /** Empty if it is missing or damaged; then everything is downloaded again. */
  async #readIndex(): Promise<Index> {
    try {
      return new Map(
        Object.entries(INDEX.parse(JSON.parse(await readFile(join(this.root, INDEX_FILE), "utf8")))),
      );
    } catch {
      return new Map();
    }
  }

  /** Merges entries that other processes have written in the meantime. */
  async #writeIndex(own: Index, parts: string): Promise<void> {
    const all = new Map([...(await this.#readIndex()), ...own]);
    const file = join(parts, randomUUID());
    try {
      await writeFile(file, JSON.stringify(Object.fromEntries(all)));
      await this.#put(file, INDEX_FILE);
      this.#isUnsaved = false;
    } finally {
      await rm(file, { force: true });
    }
  }
}
