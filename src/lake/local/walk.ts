import { type BigIntStats, type Dirent, readdirSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../../support/errors.ts";
import { isData, isDataFolder, LABELS_FILE, whyForeign } from "../../usage/lake-path.ts";
import { unreadable } from "../footer.ts";
import type { StoredObject, Unreadable } from "../store.ts";
import { readLink } from "./links.ts";

/** The object for a file, as from `FolderStore.head`; undefined if it does not exist or is not a regular file. */
export async function objectAt(path: string, file: string): Promise<StoredObject | undefined> {
  const info = await stat(file, { bigint: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  return info && objectOf(path, info);
}

function objectOf(path: string, info: BigIntStats): StoredObject | undefined {
  if (!info.isFile()) return undefined;
  return { path, bytes: Number(info.size), version: `${info.ino}-${info.size}-${info.mtimeNs}` };
}

/** After so many entries, signals are handled. */
const YIELD_EVERY = 100;

interface Folder {
  /** Relative to the lake, with a trailing `/`; empty for the lake itself. */
  readonly path: string;
  /** Absolute, without links. */
  readonly real: string;
}

/**
 * Everything in a folder of a lake that is not hidden: its files, and entries that are not files. Entries are looked at one after the
 * other, with synchronous calls: on a local disk, a promise for each of them takes longer than the call.
 */
export class Walk {
  readonly #root: string;
  #seen = 0;
  readonly objects: StoredObject[] = [];
  readonly unreadable: Unreadable[] = [];
  /** Entries next to the wanted folders. */
  readonly others: Unreadable[] = [];

  /** @param root the lake's folder, without links. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Lists the lake's own folder: the contents of wanted entries, and only the names of the others. */
  async top(wanted: (name: string) => boolean): Promise<void> {
    for (const entry of entriesOf(this.#root)) {
      if (wanted(entry.name)) await this.#below(entry, { path: "", real: this.#root });
      else if (entry.name !== LABELS_FILE) {
        const path = entry.isDirectory() ? `${entry.name}/` : entry.name;
        this.others.push({ path, why: whyForeign(path), blocks: false });
      }
    }
  }

  async #below(entry: Dirent, folder: Folder): Promise<void> {
    if (++this.#seen % YIELD_EVERY === 0) await new Promise(setImmediate);
    const below = { path: folder.path + entry.name, real: join(folder.real, entry.name) };
    await (entry.isSymbolicLink() ? this.#link(below) : this.#entry(below, entry));
  }

  async #link({ path, real: file }: Folder): Promise<void> {
    if (!isDataFolder(path) && !isData(path)) {
      this.unreadable.push({ path, why: "a link", blocks: false });
      return;
    }
    const link = await readLink(this.#root, path, file);
    if ("why" in link) {
      this.unreadable.push({ path, ...link });
      return;
    }
    const info = await stat(link.real).catch(() => undefined);
    if (info) await this.#entry({ path, real: link.real }, info);
  }

  async #entry({ path, real }: Folder, entry: Pick<Dirent, "isDirectory" | "isFile">): Promise<void> {
    const isFolder = entry.isDirectory();
    if (isFolder && isData(path)) {
      this.unreadable.push({ path: `${path}/`, why: "a folder instead of a file", blocks: false });
    } else if (isFolder) {
      const folder = { path: `${path}/`, real };
      for (const below of entriesOf(real)) await this.#below(below, folder);
    } else if (!entry.isFile()) {
      this.unreadable.push({ path, why: "neither a file nor a folder", blocks: false });
    } else if (isDataFolder(path)) {
      this.unreadable.push({ path, why: "a file instead of a folder", blocks: false });
    } else {
      const info = statSync(real, { bigint: true, throwIfNoEntry: false });
      const object = info && objectOf(path, info);
      const isLinked = real !== join(this.#root, path);
      if (object) this.objects.push(isLinked ? { ...object, linkedTo: real } : object);
    }
  }
}

/** Both engines ignore names that begin with a dot or an underscore. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !/^[._]/.test(name));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    if (["EMFILE", "ENFILE"].includes(codeOf(error) ?? "")) throw unreadable(folder, messageOf(error), error);
    throw error;
  }
}
