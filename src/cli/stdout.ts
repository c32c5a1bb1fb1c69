import { fstatSync } from "node:fs";
import { codeOf } from "../support/errors.ts";
import { cannotWrite } from "./cannot-write.ts";
import { writeAll } from "./descriptor.ts";
import { forTerminal } from "./terminal.ts";

type Stdout = typeof process.stdout;
type Data = string | Uint8Array;

/** Writes to standard output, in order. Resolves false once the reader has closed the pipe (`| head`). */
export type Out = (data: Data) => Promise<boolean>;

/**
 * @param signal ends the wait for a reader that has stopped reading: pending writes then reject with its reason.
 * @throws {GcUsageError} lake, from each write, if the disk is full or the file or device does not accept data.
 */
export function createOut(stdout: Stdout, signal: AbortSignal): Out {
  const write = isFileLike(stdout) ? inOrder((data) => writeAll(stdout.fd, data)) : streamed(stdout);
  let readerGone = false;
  let failure: unknown;
  stdout.on("error", (error) => {
    if (codeOf(error) === "EPIPE") readerGone = true;
    else failure ??= error;
  });
  return async (data) => {
    signal.throwIfAborted();
    if (readerGone) return false;
    try {
      if (failure !== undefined) throw failure;
      await unlessAborted(signal, write(stdout.isTTY ? shown(data) : data));
      return !readerGone;
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) !== "EPIPE") throw cannotWrite("standard output", error);
      readerGone = true;
      return false;
    }
  };
}

/**
 * Files and devices such as /dev/null: Node writes to them synchronously and treats a short write as a complete one.
 */
function isFileLike({ fd, isTTY }: Stdout): boolean {
  if (isTTY) return false;
  const info = fstatSync(fd);
  return info.isFile() || info.isCharacterDevice() || info.isBlockDevice();
}

function inOrder(write: (data: Data) => Promise<void>): (data: Data) => Promise<void> {
  let last = Promise.resolve();
  return (data) => {
    const next = last.then(() => write(data));
    last = next.catch(() => {});
    return next;
  };
}

function streamed(stdout: Stdout): (data: Data) => Promise<void> {
  return (data) =>
    new Promise((resolve, reject) => {
      stdout.write(data, (error) => (error ? reject(error) : resolve()));
    });
}

function shown(data: Data): string {
  const text = typeof data === "string" ? data : Buffer.from(data).toString("utf8");
  return forTerminal(text, { painted: true });
}

async function unlessAborted(signal: AbortSignal, written: Promise<void>): Promise<void> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    await Promise.race([written, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
