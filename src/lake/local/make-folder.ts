import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../support/errors.ts";

/**
 * Creates a folder and its parents, and returns the topmost one created; undefined if the folder existed.
 *
 * Node's `mkdir` with `recursive` never returns in an existing folder that accepts no entries, such as /proc.
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  let above: string | undefined;
  for (;;) {
    try {
      await mkdir(path, { mode });
      return above ?? path;
    } catch (error) {
      if (await isFolder(path)) return above;
      // EEXIST: another process has removed it since.
      if (codeOf(error) === "EEXIST" && !(await exists(path))) continue;
      if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    }
    above = (await makeFolder(dirname(path), mode)) ?? above;
  }
}

/** Creates something in a folder, and the folder itself, which other processes remove at any time while it is empty. */
export async function insideFolder<T>(folder: string, create: () => T | Promise<T>): Promise<T> {
  for (;;) {
    await makeFolder(folder);
    try {
      return await create();
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || (await isFolder(folder))) throw error;
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** True also for a link that leads nowhere. */
async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
