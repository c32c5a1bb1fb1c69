import { constants, type FileHandle, open } from "node:fs/promises";
import { parquetMetadata } from "hyparquet/src/metadata.js";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";
import { damaged, PROVENANCE_KEY, type Reading, readProvenance } from "./provenance.ts";

/** Most footers are shorter, so one read is enough. */
const TAIL_BYTES = 16 * 1024;
/** A million rows have a footer of about 30 kB, so a larger claimed size is not believed. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/** The file was replaced, or written, while it was read. */
export const CHANGED = Symbol("changed");

/**
 * Reads the provenance in a slice's footer. Reading and parsing are separate steps: only bytes that were read and do not
 * parse count as damage.
 *
 * @returns undefined if the file does not exist.
 * @throws {GcUsageError} lake, for a file that cannot be read: no permission, too many open files, a failing disk, or not a
 *   regular file.
 */
export async function readFooter(file: string): Promise<Reading | typeof CHANGED | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Opening a FIFO would otherwise wait for a writer.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw unreadable(file, "it is not a file");
    const reading = await readFrom(handle, Number(before.size));
    if (reading.state !== "damaged") return reading;
    const after = await handle.stat({ bigint: true });
    return after.mtimeNs === before.mtimeNs && after.size === before.size ? reading : CHANGED;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw codeOf(error) === undefined ? error : unreadable(file, messageOf(error), error);
  } finally {
    await handle?.close();
  }
}

async function readFrom(handle: FileHandle, size: number): Promise<Reading> {
  if (size < 12) return damaged(size === 0 ? "it is empty" : "it is truncated");
  let tail = await readEnd(handle, size, Math.min(size, TAIL_BYTES));
  if (tail.length < 8 || tail.toString("latin1", tail.length - 4) !== "PAR1") {
    return damaged("it does not end like a Parquet file");
  }
  const length = tail.readUInt32LE(tail.length - 8) + 8;
  if (length > Math.min(size, MAX_FOOTER_BYTES)) return damaged("its Parquet footer is incomplete");
  if (length > tail.length) tail = await readEnd(handle, size, length);
  return readingOf(tail);
}

/** The last `length` bytes. */
async function readEnd(handle: FileHandle, size: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, size - length + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

function readingOf(footer: Uint8Array): Reading {
  let text: string | undefined;
  try {
    const { key_value_metadata = [] } = parquetMetadata(footer, { geoparquet: false });
    text = key_value_metadata.find(({ key }) => key === PROVENANCE_KEY)?.value;
  } catch {
    return damaged("its Parquet footer is invalid");
  }
  return text === undefined
    ? damaged("it has no gc-usage metadata: another program wrote it")
    : readProvenance(text);
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "Give yourself permission to read it (chmod, chown), then run the same command again.",
  EPERM: "Give yourself permission to read it (chmod, chown), then run the same command again.",
  EMFILE: "Raise the limit of open files with `ulimit -n 4096`, then run the same command again.",
  ENFILE: "This machine has too many open files. Close some, then run the same command again.",
  EIO: "The disk or network share reports a read error. Check it, then run the same command again.",
  ELOOP: "It is a broken symbolic link. Remove it, then run the same command again.",
};

/** The error for a file in the lake that cannot be read. It says nothing about the file's contents. */
export function unreadable(file: string, why: string, cause?: unknown): GcUsageError {
  return new GcUsageError("lake", `Cannot read ${file}: ${why}.`, {
    hint: HINTS[codeOf(cause) ?? ""] ?? "Move it out of the lake, then run the same command again.",
    cause,
  });
}
