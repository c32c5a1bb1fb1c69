import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../support/errors.ts";

/**
 * Makes a folder and those above it, and gives the topmost that was made; undefined where it was there.
 *
 * Node's `mkdir` with `recursive` never ends where a folder is there that takes no entries, such as /proc.
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
    // Another process may have made it meanwhile.
    if (await isFolder(path)) return above;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
