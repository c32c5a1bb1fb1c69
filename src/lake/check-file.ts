import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, GcUsageError } from "../support/errors.ts";
import { CHECK_FILE } from "../usage/lake-path.ts";
import type { Lake } from "./lake.ts";
import type { StoredObject } from "./store.ts";
import { Workspace } from "./workspace.ts";

/** The file that remembers what checks have reported. */
export interface CheckFile {
  readonly object: StoredObject | undefined;
  /** Undefined if the lake has none. */
  readonly content: unknown;
}

/** @throws {GcUsageError} lake, if it is not JSON; permission and so on, if it cannot be read. */
export async function readCheckFile({ store }: Lake): Promise<CheckFile> {
  for (;;) {
    const object = await store.head(CHECK_FILE);
    if (!object) return { object: undefined, content: undefined };
    try {
      return {
        object,
        content: JSON.parse(await readFile(join(await store.fetchFiles([object]), CHECK_FILE), "utf8")),
      };
    } catch (error) {
      // Another process has removed it since.
      if (codeOf(error) === "ENOENT") continue;
      if (!(error instanceof SyntaxError)) throw error;
      throw new GcUsageError("lake", `${CHECK_FILE} in the lake is not JSON: ${error.message}.`, {
        hint: "It holds what was reported and acknowledged. Restore it, or remove it to report everything again.",
        cause: error,
      });
    }
  }
}

/** @returns false, without any change, if another program wrote the file since it was read. */
export async function writeCheckFile(
  { store }: Lake,
  object: StoredObject | undefined,
  content: unknown,
): Promise<boolean> {
  const workspace = await Workspace.open(store.staging, "load");
  try {
    const file = join(workspace.folder, `check-${randomUUID()}.json`);
    await writeFile(file, `${JSON.stringify(content, undefined, 1)}\n`);
    return await store.replace(CHECK_FILE, file, object?.version);
  } finally {
    await workspace.close();
  }
}
