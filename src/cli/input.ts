import { constants, createReadStream, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { codeOf, GcUsageError } from "../support/errors.ts";
import { reasonOf } from "../support/system-reason.ts";
import type { Cli } from "./cli.ts";
import { decompressed, STDIN } from "./compression.ts";
import { descriptorIn, openDescriptor } from "./descriptor.ts";

export interface Input {
  /** The decompressed data. If the command's signal aborts first, reading rejects with its reason. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Name in messages. */
  readonly name: string;
  /** When a regular file was last written, in milliseconds since 1970; undefined for everything else. */
  readonly modified: number | undefined;
}

/**
 * Opens a file, or standard input for `-` or no path. A terminal is read only if `-` asks for it: otherwise the
 * command would seem to hang.
 *
 * @throws {GcUsageError} input, if it cannot be read.
 */
export async function openInput(cli: Cli, path: string | undefined): Promise<Input> {
  if (path === undefined && cli.stdin.isTTY) {
    throw new GcUsageError("input", "There is nothing to read: no file is given and nothing is piped in.", {
      hint: "Give a file, or pipe data to standard input; - reads from the terminal.",
    });
  }
  if (path === undefined || path === "-" || descriptorIn(path) === 0) {
    return { stream: contentOf(cli, () => cli.stdin, STDIN), name: STDIN, modified: undefined };
  }
  const info = await stat(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  if (info.isDirectory()) {
    throw new GcUsageError("input", `Cannot read ${path}: it is a folder.`, { hint: "Give a file in it." });
  }
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  return {
    // Opened when it is first read: a command that is rejected earlier must not leave anything open.
    stream: contentOf(cli, () => open(path, info), path),
    name: path,
    modified: info.isFile() ? info.mtimeMs : undefined,
  };
}

/** Sources that may never deliver anything are read without blocking a thread, which nothing could stop. */
async function open(path: string, info: Stats): Promise<Readable> {
  if (info.isFile() || info.isBlockDevice()) return createReadStream(path, { highWaterMark: 1024 * 1024 });
  const own = descriptorIn(path);
  if (info.isSocket() && own !== undefined) return new Socket({ fd: own, writable: false });
  const fd = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (info.isFIFO()) return new Socket({ fd, writable: false });
  return isatty(fd) ? new ReadStream(fd) : createReadStream(path, { fd });
}

async function* contentOf(
  cli: Cli,
  source: () => Readable | Promise<Readable>,
  name: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* decompressed(addAbortSignal(cli.signal, await source()), name);
  } catch (error) {
    cli.signal.throwIfAborted();
    throw codeOf(error) !== undefined && error instanceof Error && "syscall" in error
      ? cannotRead(name, error)
      : error;
  }
}

function cannotRead(name: string, error: unknown): GcUsageError {
  return new GcUsageError("input", `Cannot read ${name}: ${reasonOf(error)}.`, {
    hint: "Check the path and its permissions.",
    cause: error,
  });
}

/** Reads a small text completely: a query file, a statement. */
export async function readText(input: Input, maxBytes = 4 * 1024 * 1024): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input.stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new GcUsageError("input", `${input.name} is larger than ${maxBytes / 2 ** 20} MiB.`, {
        hint: "Check that it is the right file.",
      });
    }
    chunks.push(chunk);
  }
  const text = new TextDecoder("utf-8", { fatal: true });
  try {
    return text.decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new GcUsageError("input", `${input.name} is not UTF-8 text.`, { hint: "Save it as UTF-8.", cause });
  }
}
