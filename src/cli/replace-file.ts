import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { access, type FileHandle, mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { flushOpen } from "../lake/local/files.ts";
import { codeOf } from "../support/errors.ts";
import { cannotWrite } from "./cannot-write.ts";
import { writeAll } from "./descriptor.ts";

/**
 * Gives a regular file new content, whole or not at all, and keeps its mode and owner; a new file has the mode that the
 * umask leaves. The content is made in a file beside it that is renamed over it. Where that cannot be (a folder that
 * cannot be written, a file that is mounted by itself, one with several names, one whose owner could not be kept), it is
 * made elsewhere and copied into the file as it stands.
 *
 * @param current what is there; undefined where there is nothing.
 * @param fill writes to the empty file whose path it is given.
 * @throws {UsageError} lake, where it cannot be written; what `fill` throws. The file is as it was then.
 */
export async function replaceFile(
  path: string,
  current: Stats | undefined,
  fill: (file: string) => Promise<void>,
): Promise<void> {
  // A rename asks only the folder: a file that is read-only must stay as it is all the same.
  if (current) await orCannotWrite(path, access(path, constants.W_OK));
  const beside = current && current.nlink > 1 ? undefined : await fileBeside(path, current);
  if (beside === undefined) {
    await inTemporaryFolder(async (file) => {
      await fill(file);
      await orCannotWrite(path, overwrite(path, file));
    });
    return;
  }
  try {
    await fill(beside);
    if (await orCannotWrite(path, moved(beside, path, current))) return;
    await orCannotWrite(path, overwrite(path, beside));
  } finally {
    await rm(beside, { force: true });
  }
}

/** Runs `use` with the path of an empty file that nobody else can read, and that is gone afterwards. */
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

/** An empty file in the same folder; undefined where the folder takes none but the file itself may still be written. */
async function fileBeside(path: string, current: Stats | undefined): Promise<string | undefined> {
  const file = join(dirname(path), `.gc-usage-${randomUUID()}.tmp`);
  try {
    // Until it has the old file's mode it is readable by nobody else.
    await (await open(file, "wx", current ? 0o600 : 0o666)).close();
    return file;
  } catch (error) {
    if (current && ["EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "")) return undefined;
    throw cannotWrite(path, error);
  }
}

/** Puts a finished file in place. False where that would change the owner, or the old file cannot be taken away. */
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
 * Copies a finished file over another's content. What goes beyond the old end is written first: if there is no room for
 * it, the old content is still whole.
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
