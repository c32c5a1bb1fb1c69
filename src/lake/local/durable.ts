import { open, rename } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../support/errors.ts";

/** What file systems say that cannot flush a folder, or a file on a device of their own (exFAT, network shares, FUSE). */
const NOT_FLUSHABLE = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EISDIR", "EPERM", "EACCES"];

/** Flushes a file, or a folder's entries, to the disk, as far as its file system can. */
export async function flush(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NOT_FLUSHABLE.includes(codeOf(error) ?? "")) throw error;
  }
}

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
