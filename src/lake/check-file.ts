import { GcUsageError } from "../support/errors.ts";
import { CHECK_FILE } from "../usage/lake-path.ts";
import type { Lake } from "./lake.ts";
import { readSideFile, replaceSideFile } from "./side-file.ts";
import type { StoredObject } from "./store.ts";

/** The file that remembers what checks have reported. */
export interface CheckFile {
  readonly object: StoredObject | undefined;
  /** Undefined if the lake has none. */
  readonly content: unknown;
}

/** @throws {GcUsageError} lake, if it is not JSON; permission and so on, if it cannot be read. */
export async function readCheckFile(lake: Lake): Promise<CheckFile> {
  const found = await readSideFile(lake, CHECK_FILE);
  if (!found) return { object: undefined, content: undefined };
  try {
    return { object: found.object, content: JSON.parse(found.text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new GcUsageError("lake", `${CHECK_FILE} in the lake is not JSON: ${error.message}.`, {
      hint: "It holds what was reported and acknowledged. Restore it, or remove it to report everything again.",
      cause: error,
    });
  }
}

/** @returns false, without any change, if another program wrote the file since it was read. */
export function writeCheckFile(
  lake: Lake,
  object: StoredObject | undefined,
  content: unknown,
): Promise<boolean> {
  return replaceSideFile(lake, CHECK_FILE, object, content);
}
