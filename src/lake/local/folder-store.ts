import { constants } from "node:fs";
import { access, lstat, mkdir, readdir, realpath, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { codeOf, isUsageError, messageOf, UsageError } from "../../support/errors.ts";
import { shellWord } from "../../support/quote.ts";
import { DATA_FOLDERS } from "../../usage/lake-path.ts";
import type { Listing, ObjectStore, StoredObject } from "../store.ts";
import { Workspace } from "../workspace.ts";
import { flush, renamePatiently } from "./files.ts";
import { linkError, locate, readLink } from "./links.ts";
import { withLock } from "./lock.ts";
import { makeFolder } from "./make-folder.ts";
import { objectAt, Walk } from "./walk.ts";

/** A lake in a folder. One write is: fsync the new file, take the lock, compare, rename over the old. */
export class FolderStore implements ObjectStore {
  readonly uri: string;
  readonly staging: string;
  readonly writers = 1;
  readonly isQueriedInPlace = false;
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
    return { objects: inOrder(walk.objects), unreadable: inOrder([...walk.unreadable, ...walk.beside]) };
  }

  async head(path: string): Promise<StoredObject | undefined> {
    const file = await this.#locate(path);
    const info = await lstat(file).catch(nothing);
    if (!info?.isSymbolicLink()) return info && objectAt(path, file);
    const link = await readLink(await this.#realRoot(), path, file);
    if ("why" in link) throw linkError(path, link.why);
    return await objectAt(path, link.real);
  }

  fetchFiles(): Promise<string> {
    return Promise.resolve(this.#root);
  }

  fetchAllFiles(): Promise<string> {
    return Promise.resolve(this.#root);
  }

  async replace(path: string, file: string, expected: string | undefined): Promise<boolean> {
    const target = await this.#locate(path);
    await assertReplaceable(path, target);
    await mkdir(this.staging, { recursive: true });
    await flush(file);
    for (;;) {
      const outcome = await withLock(this.#lock, async (isHeld) => {
        if ((await this.head(path))?.version !== expected) return "changed";
        // Whoever was suspended since it took the lock has lost it, and what it has compared with may be replaced by now.
        if (!isHeld()) return "lost";
        // While the lock is held, no other process removes it as an empty one.
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
    await mkdir(this.staging, { recursive: true });
    for (;;) {
      const outcome = await withLock(this.#lock, async (isHeld) => {
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

  /** Removes the folders around a path that hold nothing any more, up to the lake's. */
  async #removeEmpty(path: string): Promise<void> {
    try {
      for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
        await rmdir(join(await this.#realRoot(), folder));
      }
    } catch {
      // Folders that hold something stay, and links.
    }
  }

  /** Does what a write does, with a file of its own: what is refused is refused before anything is fetched. */
  async checkWritable(): Promise<void> {
    try {
      await (await Workspace.open(this.staging, "load")).close();
      await withLock(this.#lock, () => undefined);
      const entries = await readdir(this.#root);
      if (entries.includes("usage")) await access(join(this.#root, "usage"), constants.W_OK | constants.X_OK);
      else await access(this.#root, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (isUsageError(error)) throw error;
      throw new UsageError("lake", `The lake ${this.uri} cannot be written to: ${messageOf(error)}.`, {
        hint: "Check its permissions and that its disk is not full or read-only, or use another place with --lake.",
        cause: error,
      });
    }
  }

  get #lock(): string {
    return join(this.staging, "lock");
  }

  /** The file that a path stands for, its folders' links followed; a slice that is a link is replaced, not written through. */
  async #locate(path: string): Promise<string> {
    if (!resolve(this.#root, path).startsWith(this.#root + sep))
      throw new RangeError(`path outside the lake: ${path}`);
    return await locate(await this.#realRoot(), path);
  }

  async #realRoot(): Promise<string> {
    return (await realpath(this.#root).catch(nothing)) ?? this.#root;
  }
}

/** @throws {UsageError} lake, for a folder, a pipe … in an object's place: it is somebody else's. */
async function assertReplaceable(path: string, target: string): Promise<void> {
  const info = await lstat(target).catch(nothing);
  if (!info || info.isFile() || info.isSymbolicLink()) return;
  const what = info.isDirectory() ? "a folder where a file belongs" : "neither a file nor a folder";
  throw new UsageError("lake", `${path} in the lake is ${what}.`, { hint: "Move it out of the lake." });
}

function cannotRemove(path: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined) return cause;
  return new UsageError("lake", `${path} in the lake cannot be removed (${code}).`, {
    hint: "Give yourself permission to write to its folder (chmod, chown), then run the same command again.",
    cause,
  });
}

/** Undefined for what is not there. */
function nothing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function inOrder<T extends { readonly path: string }>(found: readonly T[]): T[] {
  return [...found].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
