import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { access, type FileHandle, mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { flushOpen } from "../environment/files.ts";
import { codeOf } from "../support/errors.ts";
import { cannotWrite } from "./cannot-write.ts";
import { writeAll } from "./descriptor.ts";

/**
 * Replaces the content of a regular file, completely or not at all, and keeps its mode and owner. A new file gets the
 * default mode of the umask. The content is written to a temporary file in the same folder, which is then renamed
 * over the target. If that is impossible (a read-only folder, a file that is a mount point, a file with several hard
 * links, an owner that could not be kept), the content is written elsewhere and copied into the existing file.
 *
 * @param current the existing file; undefined if there is none.
 * @param fill writes to the empty file whose path it receives.
 * @throws {GcUsageError} lake, if it cannot be written; what `fill` throws. The file is then unchanged.
 */
export async function replaceFile(
  path: string,
  current: Stats | undefined,
  fill: (file: string) => Promise<void>,
): Promise<void> {
  // A rename checks only the folder's permissions, but a read-only file must stay unchanged too.
  if (current) await orCannotWrite(path, access(path, constants.W_OK));
  const temporary = current && current.nlink > 1 ? undefined : await siblingFile(path, current);
  if (temporary === undefined) {
    await inTemporaryFolder(async (file) => {
      await fill(file);
      await orCannotWrite(path, overwrite(path, file));
    });
    return;
  }
  try {
    await fill(temporary);
    if (await orCannotWrite(path, moved(temporary, path, current))) return;
    await orCannotWrite(path, overwrite(path, temporary));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Runs `use` with the path of an empty file that only this user can read, and deletes it afterwards. */
export async function inTemporaryFolder<T>(use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-out-"));
  try {
    const file = join(folder, "result");
    await (await open(file, "wx", 0o600)).close();
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function orCannotWrite<T>(path: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** An empty file in the same folder; undefined if the folder is not writable but the file itself may still be. */
async function siblingFile(path: string, current: Stats | undefined): Promise<string | undefined> {
  const file = join(dirname(path), `.gc-usage-${randomUUID()}.tmp`);
  try {
    // Only this user can read it until it gets the old file's mode.
    await (await open(file, "wx", current ? 0o600 : 0o666)).close();
    return file;
  } catch (error) {
    if (current && ["EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "")) return undefined;
    throw cannotWrite(path, error);
  }
}

/**
 * Renames a finished file over the target. False if that would change the owner, or the old file cannot be replaced.
 */
async function moved(file: string, path: string, current: Stats | undefined): Promise<boolean> {
  const handle = await open(file, "r+");
  try {
    if (current && !(await madeAlike(handle, current))) return false;
    await flushOpen(handle);
  } finally {
    await handle.close();
  }
  try {
    await rename(file, path);
    return true;
  } catch (error) {
    if (current && ["EACCES", "EBUSY", "EPERM", "EXDEV"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}

async function madeAlike(handle: FileHandle, { uid, gid, mode }: Stats): Promise<boolean> {
  const own = await handle.stat();
  try {
    if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid);
    if ((own.mode & 0o7777) !== (mode & 0o7777)) await handle.chmod(mode & 0o7777);
    return true;
  } catch {
    return false;
  }
}

/**
 * Copies a finished file over another's content. The part beyond the old end is written first: if the disk is full,
 * the old content is still intact.
 */
async function overwrite(path: string, file: string): Promise<void> {
  const source = await open(file, "r");
  try {
    const target = await open(path, constants.O_WRONLY);
    try {
      const [{ size }, { size: before }] = [await source.stat(), await target.stat()];
      try {
        await copyRange(source, target, before, size);
      } catch (error) {
        await target.truncate(before);
        throw error;
      }
      await copyRange(source, target, 0, Math.min(before, size));
      await target.truncate(size);
      await flushOpen(target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyRange(source: FileHandle, target: FileHandle, from: number, to: number): Promise<void> {
  const buffer = Buffer.alloc(1024 * 1024);
  for (let at = from; at < to; ) {
    const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) return;
    await writeAll(target.fd, buffer.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}
