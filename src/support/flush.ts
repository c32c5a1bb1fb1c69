import { type FileHandle, open } from "node:fs/promises";
import { codeOf } from "./errors.ts";

/** What file systems say that cannot flush a folder, or a file on a device of their own (exFAT, network shares, FUSE). */
const NOT_FLUSHABLE = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EISDIR", "EPERM", "EACCES"];

/** Flushes an open file to the disk, as far as its file system can. */
export async function flushOpen(handle: FileHandle): Promise<void> {
  await unlessImpossible(handle.sync());
}

/** The same for a file by its path, or for a folder's entries. */
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
