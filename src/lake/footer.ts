import { closeSync, openSync, readSync } from "node:fs";
import { constants, type FileHandle, open } from "node:fs/promises";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";
import { inParallel } from "../support/parallel.ts";
import { METRICS } from "../usage/metric.ts";
import { type ParquetFooter, parquetFooter } from "./parquet-footer.ts";
import { damaged, PROVENANCE_KEY, type Reading, readProvenance } from "./provenance.ts";

/** Most footers are shorter, so one read is enough. */
export const TAIL_BYTES = 16 * 1024;
/** A million rows have a footer of about 30 kB, so a larger claimed size is not believed. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/** How many footers are read at the same time. */
export const READS = 16;

/** A footer that takes longer is not on a local disk, judged after this time. */
const SLOW_MS = 0.5;
const PATIENCE_MS = 20;
const YIELD_EVERY = 64;

/** The file was replaced, or written, while it was read. */
export const CHANGED: unique symbol = Symbol("changed");

/** What a footer says; undefined for a slice that does not exist. */
export type FooterRead = Reading | typeof CHANGED | undefined;

/**
 * Reads the provenance in a slice's footer. Reading and parsing are separate steps: only bytes that were read and do not
 * parse count as damage.
 *
 * @returns undefined if the file does not exist.
 * @throws {GcUsageError} lake, for a file that cannot be read: no permission, too many open files, a failing disk, or not a
 *   regular file.
 */
export async function readFooter(file: string): Promise<FooterRead> {
  let handle: FileHandle | undefined;
  try {
    // Opening a FIFO would otherwise wait for a writer.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw unreadable(file, "it is not a file");
    const size = Number(before.size);
    const opened = handle;
    const reading = await readEnd(size, (length) => lastBytes(opened, size, length));
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

/**
 * Reads the provenance at the end of a slice's bytes.
 *
 * @param size of the whole.
 * @param end reads the last bytes; fewer of them count as damage.
 */
export async function readEnd(size: number, end: (length: number) => Promise<Buffer>): Promise<Reading> {
  if (size < 12) return damaged(size === 0 ? "it is empty" : "it is truncated");
  let tail = await end(Math.min(size, TAIL_BYTES));
  if (tail.length < 8 || tail.toString("latin1", tail.length - 4) !== "PAR1") {
    return damaged("it does not end like a Parquet file");
  }
  const length = tail.readUInt32LE(tail.length - 8) + 8;
  if (length > Math.min(size, MAX_FOOTER_BYTES)) return damaged("its Parquet footer is incomplete");
  if (length > tail.length) tail = await end(length);
  return readingOf(tail);
}

/**
 * Reads the footers of files that were just listed. On a local disk a call takes microseconds, less than a promise, so they are read
 * one after the other. If they take longer, as on a network share, the rest is read in parallel.
 *
 * @throws {GcUsageError} like `readFooter`.
 */
export async function readFooters(
  files: readonly { readonly file: string; readonly bytes: number }[],
  signal: AbortSignal | undefined,
): Promise<FooterRead[]> {
  const found: FooterRead[] = [];
  let waited = 0;
  for (const { file, bytes } of files) {
    signal?.throwIfAborted();
    const begun = performance.now();
    const tail = tailNow(file, bytes);
    waited += performance.now() - begun;
    const reading = tail && readingOf(tail);
    // Only what is sure: else the other way finds out more.
    found.push(reading && reading.state !== "damaged" ? reading : await readFooter(file));
    if (waited > PATIENCE_MS && waited / found.length > SLOW_MS) break;
    // Signals and progress are handled in between.
    if (found.length % YIELD_EVERY === 0) await new Promise(setImmediate);
  }
  const rest = await inParallel(files.slice(found.length), READS, async ({ file }) => {
    signal?.throwIfAborted();
    return await readFooter(file);
  });
  return [...found, ...rest];
}

/** For one footer at a time: a buffer for each of a thousand costs more than reading them. */
const TAIL = Buffer.allocUnsafeSlow(TAIL_BYTES);

/** The end of a file with the whole footer, at once, valid until the next call; undefined if it cannot be read so. */
function tailNow(file: string, size: number): Buffer | undefined {
  if (size < 12) return undefined;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const tail = TAIL.subarray(0, Math.min(size, TAIL_BYTES));
    if (readSync(descriptor, tail, 0, tail.length, size - tail.length) < tail.length) return undefined;
    const length = tail.readUInt32LE(tail.length - 8) + 8;
    return length <= tail.length && tail.toString("latin1", tail.length - 4) === "PAR1" ? tail : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function lastBytes(handle: FileHandle, size: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, size - length + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

function readingOf(end: Buffer): Reading {
  let footer: ParquetFooter;
  try {
    footer = parquetFooter(end, PROVENANCE_KEY);
  } catch {
    return damaged("its Parquet footer is invalid");
  }
  if (footer.text === undefined) return damaged("it has no gc-usage metadata: another program wrote it");
  const reading = readProvenance(footer.text);
  return reading.state === "readable" ? { ...reading, ...rowsLacking(footer) } : reading;
}

/** Nothing if the footer does not count the missing values of each metric. */
function rowsLacking({ rows, nulls }: ParquetFooter): Pick<Reading & { state: "readable" }, "rowsLack"> {
  if (rows === 0) return { rowsLack: [] };
  if (!METRICS.every((metric) => nulls.has(metric))) return {};
  return { rowsLack: METRICS.filter((metric) => nulls.get(metric) !== 0) };
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
