import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { z } from "zod";
import { FolderStore } from "../local/folder-store.ts";
import { isGone, ownerOf, ownName } from "../owner.ts";
import type { StoredObject } from "../store.ts";

/** Writes an object's bytes to a file and gives the version that they are of; undefined where it is gone. */
export type Download = (object: StoredObject, file: string) => Promise<string | undefined>;

/**
 * What is known of a file in the mirror: the object's ETag, and the file's own version (FolderStore). The two are
 * written after the file has taken its place, so a process that dies, or two that mirror at once, leave at worst a
 * file whose version is not the one that is written here: it is then fetched again.
 */
const INDEX = z.record(z.string(), z.object({ etag: z.string(), file: z.string() }));
type Index = Map<string, z.infer<typeof INDEX>[string]>;

const DOWNLOADS = 16;
const PART = "part";
/** A download without a byte for this long has nobody waiting for it. */
const MAX_SILENCE_MS = 15 * 60_000;

/** Objects of a lake in S3 as files under one folder, at the paths that they have in the lake. */
export class Mirror {
  readonly root: string;
  readonly #download: Download;
  readonly #folder: FolderStore;
  #index: Index | undefined;

  constructor(root: string, download: Download) {
    this.root = root;
    this.#download = download;
    this.#folder = new FolderStore(root);
  }

  /** Fetches those of the objects that are not there, or there in another version. */
  async hold(objects: readonly StoredObject[]): Promise<{ fetched: number; bytes: number }> {
    this.#index ??= await this.#readIndex();
    const index = this.#index;
    const limit = pLimit(DOWNLOADS);
    const checked = objects.map((object) =>
      limit(async () => {
        const known = index.get(object.path);
        if (known?.etag !== object.version) return object;
        return (await this.#folder.head(object.path))?.version === known.file ? [] : object;
      }),
    );
    const missing = (await Promise.all(checked)).flat();
    if (missing.length === 0) return { fetched: 0, bytes: 0 };
    await this.#sweep();
    const fetches = await Promise.allSettled(
      missing.map((object) => limit(() => this.#fetch(object, index))),
    );
    // What did arrive is kept for the next time, also where another failed.
    await this.#writeIndex(index);
    for (const fetched of fetches) if (fetched.status === "rejected") throw fetched.reason;
    return { fetched: missing.length, bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Removes the files below `folders` that stand for none of the objects and that `isThere` does not find either. */
  async prune(
    folders: readonly string[],
    objects: readonly StoredObject[],
    isThere: (path: string) => Promise<boolean>,
  ): Promise<void> {
    const kept = new Set(objects.map(({ path }) => path));
    for (const folder of folders) {
      for (const { path } of await this.#folder.list(folder)) {
        // Another process may have mirrored what came after our listing.
        if (!kept.has(path) && !(await isThere(path))) await rm(join(this.root, path), { force: true });
      }
    }
  }

  async #fetch(object: StoredObject, index: Index): Promise<void> {
    const part = `.parts/${ownName(PART)}`;
    const file = join(this.root, part);
    const target = join(this.root, object.path);
    try {
      const etag = await this.#download(object, file);
      index.delete(object.path);
      if (etag === undefined) {
        await rm(target, { force: true });
        return;
      }
      const version = (await this.#folder.head(part))?.version ?? "";
      await mkdir(dirname(target), { recursive: true });
      await rename(file, target);
      index.set(object.path, { etag, file: version });
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Removes what dead processes were downloading. */
  async #sweep(): Promise<void> {
    const folder = join(this.root, ".parts");
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const owner = ownerOf(name, PART);
      const info = owner && (await stat(join(folder, name)).catch(() => undefined));
      if (info && isGone(owner, Date.now() - info.mtimeMs, MAX_SILENCE_MS))
        await rm(join(folder, name), { force: true });
    }
  }

  get #indexFile(): string {
    return join(this.root, ".mirror.json");
  }

  /** Empty where there is none, or it is damaged: all is fetched again then. */
  async #readIndex(): Promise<Index> {
    try {
      return new Map(Object.entries(INDEX.parse(JSON.parse(await readFile(this.#indexFile, "utf8")))));
    } catch {
      return new Map();
    }
  }

  /** With what other processes have written meanwhile. */
  async #writeIndex(own: Index): Promise<void> {
    const all = new Map([...(await this.#readIndex()), ...own]);
    const file = join(this.root, ".parts", ownName(PART));
    await writeFile(file, JSON.stringify(Object.fromEntries(all)));
    await rename(file, this.#indexFile);
  }
}
