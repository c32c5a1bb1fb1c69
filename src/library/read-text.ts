import { readFile } from "node:fs/promises";
import { GcUsageError } from "../support/errors.ts";
import { reasonOf } from "../support/system-reason.ts";

/**
 * The text of a file.
 *
 * @param what `the rules rules.yaml`, for the error.
 * @throws {GcUsageError} input, if it cannot be read.
 */
export async function readText(file: string, what: string, hint: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GcUsageError("input", `Cannot read ${what}: ${reasonOf(error)}.`, {
      hint,
      cause: error,
    });
  }
}
