/** Handles differences between file systems in ways that work on all of them. */
import { createReadStream, createWriteStream } from "node:fs";
import { constants, copyFile, type FileHandle, open, rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../support/errors.ts";

/** Errors of file systems that cannot flush a folder or certain files (exFAT, network shares, FUSE). */
const NOT_FLUSHABLE = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EISDIR", "EPERM", "EACCES"];

/** Flushes an open file to the disk, as far as its file system supports it. */
export async function flushOpen(handle: FileHandle): Promise<void> {
  await unlessImpossible(handle.sync());
}

/** Flushes a file by its path, or a folder's entries. */
export async function flush(path: string): Promise<void> {
  await unlessImpossible(
    open(path, "r").then(async (handle) => {
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    }),
  );
}

async function unlessImpossible(flushing: Promise<void>): Promise<void> {
  try {
    await flushing;
  } catch (error) {
    if (!NOT_FLUSHABLE.includes(codeOf(error) ?? "")) throw error;
  }
}

/** Copies a file's bytes. Shares blocks if the file system can; also works on file systems without modes. */
export async function copyBytes(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    // The system's copy gives the new file the mode of the old one, which memory cards and network shares reject.
    if (codeOf(error) !== "EPERM") throw error;
    await pipeline(createReadStream(from), createWriteStream(to));
  }
}

const RENAME_TRIES = 20;

/** Renames a file. On Windows a scanner or a reader can hold a file for a moment; then this retries for about a second. */
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
