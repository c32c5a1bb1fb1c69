import { constants, createReadStream, type Stats } from "node:fs";
import { type FileHandle, open, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isatty } from "node:tty";
import { realEffects } from "../support/effects.ts";
import { codeOf, isUsageError, UsageError } from "../support/errors.ts";
import { cannotWrite, reasonOf } from "./cannot-write.ts";
import { type Cli, ReaderGone } from "./cli.ts";
import { descriptorIn, openDescriptor, PipeWriter, writeAll } from "./descriptor.ts";
import { inTemporaryFolder, replaceFile } from "./replace-file.ts";
import { forTerminal } from "./terminal.ts";

/** Takes the pieces of a result, in order. */
export interface Sink {
  readonly isStdout: boolean;
  readonly isTerminal: boolean;
  /** @throws {UsageError} lake, where it cannot be written; {ReaderGone} where the reader of a pipe has gone. */
  write(data: string | Uint8Array): Promise<void>;
}

/** A result is made piece by piece or, in a format that seeks, as a file of its own. */
export type Content =
  | { readonly stream: (sink: Sink) => Promise<void> }
  /** Writes over the empty file at `path`. */
  | { readonly file: (path: string) => Promise<void> };

/** Where an output option leads. */
export type Destination =
  | { readonly kind: "stdout" }
  | { readonly kind: "descriptor"; readonly fd: number; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly current: Stats | undefined }
  | { readonly kind: "device"; readonly path: string }
  /** A FIFO, or a pipe or socket that this process has open as `fd`. */
  | { readonly kind: "pipe"; readonly path: string; readonly fd: number | undefined };

const MAX_LINKS = 40;

/**
 * Finds out what an output option names, without touching it: links are followed, and only a regular file, or a name
 * that is free, is `file`. `/dev/stdout` and `/dev/fd/N` are this process's own descriptors, whatever they lead to.
 *
 * @param option for messages: `--out`.
 * @throws {UsageError} input, for a folder, a socket, a place without a folder.
 */
export async function destinationOf(given: string | undefined, option: string): Promise<Destination> {
  if (given === undefined || given === "-") return { kind: "stdout" };
  if (given === "") throw unusable(option, given, "it is empty");
  const path = await followLinks(given, option);
  const fd = descriptorIn(path);
  if (fd === 1) return { kind: "stdout" };
  const current = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unusable(option, given, reasonOf(error));
  });
  if (current?.isDirectory()) throw unusable(option, given, "it is a folder");
  if (fd !== undefined && current === undefined) throw unusable(option, given, "no such descriptor is open");
  if (current === undefined || (current.isFile() && fd === undefined)) {
    if (/[\\/]$/.test(given)) throw unusable(option, given, "there is no such folder");
    return { kind: "file", path, current };
  }
  if (current.isFIFO() || (current.isSocket() && fd !== undefined)) return { kind: "pipe", path, fd };
  if (fd !== undefined) return { kind: "descriptor", fd, path: given };
  if (current.isSocket()) throw unusable(option, given, "it is a socket");
  return { kind: "device", path };
}

/** The file that a path leads to; a link's target need not be there. A link to a descriptor is not followed further. */
async function followLinks(given: string, option: string): Promise<string> {
  let path = resolve(given);
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await realpath(dirname(path)).catch((error: unknown) => {
      const why = codeOf(error) === "ENOENT" ? `there is no folder ${dirname(path)}` : reasonOf(error);
      throw unusable(option, given, why);
    });
    path = join(folder, basename(path));
    if (descriptorIn(path) !== undefined) return path;
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return path;
    path = resolve(folder, target);
  }
  throw unusable(option, given, "its links lead in a circle");
}

function unusable(option: string, given: string, why: string): UsageError {
  return new UsageError("input", `Cannot write to ${option} ${JSON.stringify(given)}: ${why}.`, {
    hint: `Give a file in a folder that exists with ${option}, or - for standard output.`,
  });
}

/**
 * Writes a result to where it is wanted: to a regular file whole or not at all (replace-file.ts), to everything else
 * (pipes, devices, descriptors) as it is, piece by piece.
 *
 * @throws {UsageError} lake, where it cannot be written; {ReaderGone} where the reader of a pipe has gone.
 */
export async function writeTo(cli: Cli, destination: Destination, content: Content): Promise<void> {
  switch (destination.kind) {
    case "stdout":
      return await pour(content, stdoutSink(cli));
    case "file": {
      const { path, current } = destination;
      return await replaceFile(path, current, (file) => fillFile(file, path, content));
    }
    case "descriptor": {
      const { fd, path } = destination;
      return await pour(
        content,
        sink(path, isatty(fd), (data) => writeAll(fd, data)),
      );
    }
    case "device":
      return await intoDevice(destination.path, content);
    case "pipe":
      return await intoPipe(cli, destination, content);
  }
}

async function fillFile(file: string, path: string, content: Content): Promise<void> {
  if ("file" in content) {
    try {
      return await content.file(file);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }
  const handle = await open(file, "r+");
  try {
    await content.stream(sink(path, false, (data) => writeAll(handle.fd, data)));
  } finally {
    await handle.close();
  }
}

/** Where nothing can be sought a file is made first, and copied. */
async function pour(content: Content, target: Sink): Promise<void> {
  if ("stream" in content) return await content.stream(target);
  await inTemporaryFolder(async (file) => {
    await content.file(file);
    for await (const chunk of createReadStream(file)) await target.write(chunk as Uint8Array);
  });
}

async function intoDevice(path: string, content: Content): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_WRONLY | constants.O_NOCTTY);
  } catch (error) {
    throw cannotWrite(path, error);
  }
  try {
    await pour(
      content,
      sink(path, isatty(handle.fd), (data) => writeAll(handle.fd, data)),
    );
  } finally {
    await handle.close();
  }
}

interface Pipe {
  readonly path: string;
  readonly fd: number | undefined;
}

async function intoPipe(cli: Cli, pipe: Pipe, content: Content): Promise<void> {
  const writer = new PipeWriter(await openPipe(cli, pipe), cli.signal);
  try {
    await pour(
      content,
      sink(pipe.path, false, (data) => writer.write(data)),
    );
  } finally {
    await writer.close();
  }
}

const LOOK_FOR_READER_MS = 20;

/** Waits for a reader, by looking again and again: an open that waits would hold a thread that nothing can stop. */
async function openPipe(cli: Cli, { path, fd }: Pipe): Promise<number> {
  for (let looks = 0; ; looks++) {
    try {
      return await openDescriptor(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // A descriptor that is open already needs no reader yet, nor a permission, and a socket has no other way in.
      if (fd !== undefined) return fd;
      if (codeOf(error) !== "ENXIO") throw cannotWrite(path, error);
    }
    if (looks === 0) cli.log.info(`Waiting for a reader of ${path}.`);
    await realEffects.sleep(LOOK_FOR_READER_MS, cli.signal);
  }
}

function stdoutSink(cli: Cli): Sink {
  return {
    isStdout: true,
    isTerminal: cli.isTerminal,
    write: async (data) => {
      if (!(await cli.out(data))) throw new ReaderGone();
    },
  };
}

function sink(path: string, isTerminal: boolean, write: (data: string | Uint8Array) => Promise<void>): Sink {
  return {
    isStdout: false,
    isTerminal,
    write: async (data) => {
      try {
        await write(isTerminal && typeof data === "string" ? forTerminal(data, { painted: true }) : data);
      } catch (error) {
        if (codeOf(error) === "EPIPE") throw new ReaderGone();
        throw isUsageError(error) ? error : cannotWrite(path, error);
      }
    },
  };
}
