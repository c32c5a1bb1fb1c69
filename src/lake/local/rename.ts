import { rename } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../support/errors.ts";

const RENAME_TRIES = 20;

/** Renames. On Windows a scanner or a reader can hold a file for a moment: then it is tried again for about a second. */
export async function renamePatiently(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const isHeld = ["EPERM", "EBUSY", "EACCES"].includes(codeOf(error) ?? "");
      if (process.platform !== "win32" || !isHeld || tries === RENAME_TRIES) throw error;
      await sleep(50);
    }
  }
}
