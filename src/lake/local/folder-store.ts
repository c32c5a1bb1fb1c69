import { mkdir, open, readdir, rename, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { codeOf, UsageError } from "../../support/errors.ts";
import { shellWord } from "../../support/quote.ts";
import type { ObjectStore, StoredObject } from "../store.ts";
import { withLock } from "./lock.ts";
import { makeFolder } from "./make-folder.ts";

/** A lake in a folder. One write is: fsync the new file, take the lock, compare, rename over the old. */
export class FolderStore implements ObjectStore {
  readonly uri: string;
  readonly staging: string;
  readonly writers = 1;
  readonly #root: string;
  /** The topmost folder that `create` had to make. */
  #created: string | undefined;

  /** @throws {UsageError} lake, for a place that is part of a slice's, and for one that Node.js cannot name. */
  constructor(path: string) {
    this.uri = path;
    this.#root = resolve(path);
    // Bytes that are no UTF-8 come as this sign, and a folder of another name would be made.
    if (this.#root.includes("\ufffd")) {
      throw new UsageError("lake", `The lake cannot be in ${this.#root}: its path is not valid UTF-8.`, {
        hint: "Rename the folder, or use another one.",
      });
    }
    // DuckDB takes the first `date=` of a path for the partition, so such a lake would give wrong days.
    if (this.#root.split(sep).some((folder) => /^(?:(?:date|granularity)=|\.staging$)/i.test(folder))) {
      const [, around] = /^(.*)[\\/](?:usage|gc_usage_api_source)[\\/]granularity=/i.exec(path) ?? [];
      const hint =
        around === undefined
          ? "Use a place without folders named date=…, granularity=… or .staging."
          : `Did you mean --lake ${shellWord(around)}?`;
      const why = "it has a folder named like a partition, or .staging";
      throw new UsageError("lake", `The lake cannot be in ${this.#root}: ${why}.`, { hint });
    }
    this.staging = join(this.#root, ".staging");
  }

  async exists(): Promise<boolean> {
    const info = await stat(this.#root).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      if (codeOf(error) === "ENOTDIR") throw this.#isFile("part of its path");
      throw error;
    });
    if (info && !info.isDirectory()) throw this.#isFile("it");
    return info !== undefined;
  }

  #isFile(what: string): UsageError {
    return new UsageError("lake", `The lake cannot be at ${this.uri}: ${what} is a file, not a folder.`, {
      hint: "Give a folder with --lake or GC_USAGE_LAKE.",
    });
  }

  async create(): Promise<void> {
    this.#created = await makeFolder(this.#root);
  }

  async entries(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    return await Promise.all(
      entries.map(async (entry) => {
        const isFolder = entry.isSymbolicLink()
          ? await stat(join(this.#root, entry.name)).then(
              (info) => info.isDirectory(),
              () => false,
            )
          : entry.isDirectory();
        return isFolder ? `${entry.name}/` : entry.name;
      }),
    );
  }

  async release(): Promise<void> {
    // rmdir fails where something is in there, as it should: another process's work, or what is to be gone on with.
    await rmdir(this.staging).catch(() => undefined);
    if (this.#created === undefined) return;
    try {
      for (let folder = this.#root; folder.startsWith(this.#created); folder = dirname(folder)) {
        await rmdir(folder);
      }
    } catch {
      // What is in use stays, and what holds it.
    }
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    // A prefix may end within a name: its folder is walked, and the names are compared.
    await this.#walk(prefix.slice(0, prefix.lastIndexOf("/") + 1), found);
    return found
      .filter((object) => object.path.startsWith(prefix))
      .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  async #walk(folder: string, found: StoredObject[]): Promise<void> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(
      (error: unknown) => {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      },
    );
    for (const entry of entries) {
      // Both engines leave names that begin with a dot or an underscore alone.
      if (entry.name.startsWith(".") || entry.name.startsWith("_")) continue;
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) await this.#walk(`${path}/`, found);
      else {
        const object = await this.head(path);
        if (object) found.push(object);
      }
    }
  }

  async head(path: string): Promise<StoredObject | undefined> {
    const info = await stat(this.#file(path), { bigint: true }).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (!info?.isFile()) return undefined;
    return { path, bytes: Number(info.size), version: `${info.ino}-${info.size}-${info.mtimeNs}` };
  }

  localize(): Promise<string> {
    return Promise.resolve(this.#root);
  }

  localizeAll(): Promise<string> {
    return Promise.resolve(this.#root);
  }

  async replace(path: string, file: string, expected: string | undefined): Promise<boolean> {
    const target = this.#file(path);
    await mkdir(dirname(target), { recursive: true });
    await mkdir(this.staging, { recursive: true });
    await sync(file);
    const replaced = await withLock(join(this.staging, "lock"), async () => {
      if ((await this.head(path))?.version !== expected) return false;
      await rename(file, target);
      return true;
    });
    if (replaced) await sync(dirname(target));
    return replaced;
  }

  #file(path: string): string {
    const file = resolve(this.#root, path);
    if (!file.startsWith(this.#root + sep)) throw new RangeError(`path outside the lake: ${path}`);
    return file;
  }
}

/** Flushes a file or a folder's entries to the disk. Windows cannot open folders: there the rename itself must do. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, "r").catch((error: unknown) => {
    if (process.platform === "win32") return undefined;
    throw error;
  });
  if (!handle) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
