import { constants } from "node:fs";
import { access, lstat, mkdir, readdir, realpath, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import pLimit from "p-limit";
import { flush, renamePatiently } from "../../environment/files.ts";
import { codeOf, GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { inParallel } from "../../support/parallel.ts";
import { shellWord } from "../../support/quote.ts";
import { DATA_FOLDERS } from "../../usage/lake-path.ts";
import { type FooterRead, READS, readFooters } from "../footer.ts";
import type { Listing, ObjectStore, StoredObject, WaitOptions } from "../store.ts";
import { Workspace } from "../workspace.ts";
import { linkError, locate, readLink } from "./links.ts";
import { withLock } from "./lock.ts";
import { makeFolder } from "./make-folder.ts";
import { objectAt, Walk } from "./walk.ts";

/** A lake in a folder. A write means: fsync the new file, take the lock, compare, rename over the old one. */
export class FolderStore implements ObjectStore {
  readonly uri: string;
  readonly staging: string;
  /** While one of them has the lock, the others wait for the disk. */
  readonly writers = 4;
  readonly isQueriedInPlace = false;
  readonly #root: string;
  /** Waiting in line here is quicker than trying to get the lock again and again. */
  readonly #line = pLimit(1);
  /** The topmost folder that `create` had to create. */
  #created: string | undefined;

  /** @throws {GcUsageError} lake, for a path inside a slice's path, and for one that Node.js cannot represent. */
  constructor(path: string) {
    this.uri = path;
    this.#root = resolve(path);
    // Invalid UTF-8 becomes this character, and a folder with another name would be created.
    if (this.#root.includes("\ufffd")) {
      throw new GcUsageError("lake", `Invalid lake location ${this.#root}: its path is not valid UTF-8.`, {
        hint: "Rename the folder, or use another one.",
      });
    }
    // DuckDB uses the first `date=` in a path as the partition, so such a lake would get wrong days.
    if (this.#root.split(sep).some((folder) => /^(?:(?:date|granularity)=|\.staging$)/i.test(folder))) {
      const [, around] = /^(.*)[\\/](?:usage|gc_usage_api_source)[\\/]granularity=/i.exec(path) ?? [];
      const hint =
        around === undefined
          ? "Use a location without folders named date=…, granularity=… or .staging."
          : `Did you mean --lake ${shellWord(around)}?`;
      const why = "its path contains a folder named like a partition, or .staging";
      throw new GcUsageError("lake", `Invalid lake location ${this.#root}: ${why}.`, { hint });
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

  #isFile(what: string): GcUsageError {
    return new GcUsageError("lake", `Invalid lake location ${this.uri}: ${what} is a file, not a folder.`, {
      hint: "Set a folder with --lake or GC_USAGE_LAKE.",
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
    // rmdir fails if the folder is not empty, as it should: it holds the work of another process, or work to resume.
    await rmdir(this.staging).catch(() => undefined);
    if (this.#created === undefined) return;
    try {
      for (let folder = this.#root; folder.startsWith(this.#created); folder = dirname(folder)) {
        await rmdir(folder);
      }
    } catch {
      // Files in use stay, and so do their folders.
    }
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const walk = new Walk(await this.#realRoot());
    const [first = "", ...below] = prefix.split("/");
    await walk.top((name) => (below.length > 0 ? name === first : name.startsWith(first)));
    const blocking = walk.unreadable.find(({ path, blocks }) => blocks && (path + "/").startsWith(prefix));
    if (blocking) throw linkError(blocking.path, blocking.why);
    return inOrder(walk.objects).filter(({ path }) => path.startsWith(prefix));
  }

  async survey(): Promise<Listing> {
    const walk = new Walk(await this.#realRoot());
    await walk.top((name) => DATA_FOLDERS.includes(name));
    return { objects: inOrder(walk.objects), unreadable: inOrder([...walk.unreadable, ...walk.others]) };
  }

  async head(path: string): Promise<StoredObject | undefined> {
    const file = await this.#locate(path);
    const info = await lstat(file).catch(nothing);
    if (!info?.isSymbolicLink()) return info && objectAt(path, file);
    const link = await readLink(await this.#realRoot(), path, file);
    if ("why" in link) throw linkError(path, link.why);
    return await objectAt(path, link.real);
  }

  fetchCurrent(path: string): Promise<StoredObject | undefined> {
    return this.head(path);
  }

  async notHere(objects: readonly StoredObject[]): Promise<StoredObject[]> {
    const checked = await inParallel(objects, READS, async (object) =>
      (await this.head(object.path))?.version === object.version ? [] : object,
    );
    return checked.flat();
  }

  async readFooters(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<FooterRead[]> {
    const files = objects.map(({ path, bytes }) => ({ file: join(this.#root, path), bytes }));
    return await readFooters(files, waiting?.signal);
  }

  fetchFiles(): Promise<string> {
    return Promise.resolve(this.#root);
  }

  prune(): Promise<void> {
    return Promise.resolve();
  }

  async replace(path: string, file: string, expected: string | undefined): Promise<boolean> {
    const target = await this.#locate(path);
    await assertReplaceable(path, target);
    await flush(file);
    for (;;) {
      const outcome = await this.#locked(async (isHeld) => {
        if ((await this.head(path))?.version !== expected) return "changed";
        // If this process was suspended after it took the lock, it has lost it, and the compared file may have been replaced.
        if (!isHeld()) return "lost";
        // While the lock is held, no other process removes this as an empty folder.
        await mkdir(dirname(target), { recursive: true });
        await renamePatiently(file, target);
        return "replaced";
      });
      if (outcome === "lost") continue;
      if (outcome === "replaced") await flush(dirname(target));
      return outcome === "replaced";
    }
  }

  async remove(path: string, expected: string): Promise<boolean> {
    const target = await this.#locate(path);
    for (;;) {
      const outcome = await this.#locked(async (isHeld) => {
        const current = await this.head(path);
        if (!current) return "removed";
        if (current.version !== expected) return "changed";
        if (!isHeld()) return "lost";
        await rm(target).catch((error: unknown) => {
          throw cannotRemove(path, error);
        });
        await this.#removeEmpty(path);
        return "removed";
      });
      if (outcome !== "lost") return outcome === "removed";
    }
  }

  async #locked<T>(task: (isHeld: () => boolean) => Promise<T>): Promise<T> {
    return await this.#line(() => withLock(this.#lock, task));
  }

  /** Removes the empty folders around a path, up to the lake's. */
  async #removeEmpty(path: string): Promise<void> {
    try {
      for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
        await rmdir(join(await this.#realRoot(), folder));
      }
    } catch {
      // Folders that are not empty stay, and so do links.
    }
  }

  /** Does the same as a write, with a file of its own, so that a problem is found before anything is fetched. */
  async checkWritable(): Promise<void> {
    try {
      await (await Workspace.open(this.staging, "load")).close();
      await withLock(this.#lock, () => undefined);
      const entries = await readdir(this.#root);
      if (entries.includes("usage")) await access(join(this.#root, "usage"), constants.W_OK | constants.X_OK);
      else await access(this.#root, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (isGcUsageError(error)) throw error;
      throw new GcUsageError("lake", `Cannot write to the lake ${this.uri}: ${messageOf(error)}.`, {
        hint: "Check its permissions and that its disk is not full or read-only, or use another location with --lake.",
        cause: error,
      });
    }
  }

  get #lock(): string {
    return join(this.staging, "lock");
  }

  /** The file for a path, with its folders' links followed. A slice that is a link is replaced, not written through. */
  async #locate(path: string): Promise<string> {
    if (!resolve(this.#root, path).startsWith(this.#root + sep))
      throw new RangeError(`Invalid path: ${path} is outside the lake`);
    return await locate(await this.#realRoot(), path);
  }

  async #realRoot(): Promise<string> {
    return (await realpath(this.#root).catch(nothing)) ?? this.#root;
  }
}

/** @throws {GcUsageError} lake, for a folder, a pipe … in the place of an object: it belongs to somebody else. */
async function assertReplaceable(path: string, target: string): Promise<void> {
  const info = await lstat(target).catch(nothing);
  if (!info || info.isFile() || info.isSymbolicLink()) return;
  const what = info.isDirectory() ? "a folder instead of a file" : "neither a file nor a folder";
  throw new GcUsageError("lake", `${path} in the lake is ${what}.`, { hint: "Move it out of the lake." });
}

function cannotRemove(path: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined) return cause;
  return new GcUsageError("lake", `Cannot remove ${path} from the lake (${code}).`, {
    hint: "Give yourself permission to write to its folder (chmod, chown), then run the same command again.",
    cause,
  });
}

/** Undefined for a missing file. */
function nothing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function inOrder<T extends { readonly path: string }>(found: readonly T[]): T[] {
  return [...found].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
