import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../support/errors.ts";

/**
 * Creates a folder and its parents, and returns the topmost one created; undefined if the folder existed.
 *
 * Node's `mkdir` with `recursive` never returns in an existing folder that accepts no entries, such as /proc.
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
  }
  const above = await makeFolder(dirname(path), mode);
  try {
    await mkdir(path, { mode });
    return above ?? path;
  } catch (error) {
    // Another process may have created it in the meantime.
    if (await isFolder(path)) return above;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
