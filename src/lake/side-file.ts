import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../support/errors.ts";
import type { Lake } from "./lake.ts";
import type { StoredObject } from "./store.ts";
import { Workspace } from "./workspace.ts";

/** Where small files are kept: a lake, or a folder of its own. */
export type SideFiles = Pick<Lake, "store">;

/** A small file next to the data: names, what checks have reported, costs. */
export interface SideFile {
  readonly object: StoredObject;
  readonly text: string;
}

/** Undefined if the lake has no such file. */
export async function readSideFile({ store }: SideFiles, path: string): Promise<SideFile | undefined> {
  for (;;) {
    const object = await store.fetchCurrent(path);
    if (!object) return undefined;
    try {
      return { object, text: await readFile(join(await store.fetchFiles([]), path), "utf8") };
    } catch (error) {
      // Another process has removed it since.
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

/**
 * Writes a value as JSON.
 *
 * @param object the file as it was read; undefined if there was none.
 * @returns false, without any change, if another program wrote the file since it was read.
 */
export async function replaceSideFile(
  { store }: SideFiles,
  path: string,
  object: StoredObject | undefined,
  content: unknown,
): Promise<boolean> {
  const workspace = await Workspace.open(store.staging, "load");
  try {
    const file = join(workspace.folder, `side-${randomUUID()}.json`);
    await writeFile(file, `${JSON.stringify(content, undefined, 1)}\n`);
    return await store.replace(path, file, object?.version);
  } finally {
    await workspace.close();
  }
}
