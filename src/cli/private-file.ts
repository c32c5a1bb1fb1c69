import { stat } from "node:fs/promises";
import { GcUsageError } from "../support/errors.ts";
import { shellWord } from "../support/quote.ts";

/** @throws {GcUsageError} credentials, if other users of this machine can read or change a file. */
export async function checkPrivate(file: string): Promise<void> {
  // Windows has no modes: there, files in the user's folder are private by default.
  if (process.platform === "win32") return;
  const { mode } = await stat(file);
  if ((mode & 0o077) === 0) return;
  throw new GcUsageError(
    "credentials",
    `Other users of this machine can read or change ${file} (mode ${(mode & 0o777).toString(8)}).`,
    {
      hint: `It contains secrets: chmod 600 ${shellWord(file)}`,
    },
  );
}
