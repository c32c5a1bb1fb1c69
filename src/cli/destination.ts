import { constants, createReadStream, type Stats } from "node:fs";
import { type FileHandle, open, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isatty } from "node:tty";
import { realEffects } from "../support/effects.ts";
import { codeOf, GcUsageError, isGcUsageError } from "../support/errors.ts";
import { reasonOf } from "../support/system-reason.ts";
import { cannotWrite } from "./cannot-write.ts";
import { type Cli, ReaderGone } from "./cli.ts";
import { descriptorIn, openDescriptor, PipeWriter, writeAll } from "./descriptor.ts";
import { inTemporaryFolder, replaceFile } from "./replace-file.ts";
import { forTerminal } from "./terminal.ts";

/** Receives the pieces of a result, in order. */
export interface Sink {
  readonly isStdout: boolean;
  readonly isTerminal: boolean;
  /** @throws {GcUsageError} lake, if it cannot be written; {ReaderGone} if the reader of a pipe has closed it. */
  write(data: string | Uint8Array): Promise<void>;
}

/** A result is produced piece by piece or, for a format that seeks, as a file. */
export type Content =
  | { readonly stream: (sink: Sink) => Promise<void> }
  /** Fills the empty file at `path`. */
  | { readonly file: (path: string) => Promise<void> };

/** What an output option names. */
export type Destination =
  | { readonly kind: "stdout" }
  | { readonly kind: "descriptor"; readonly fd: number; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly current: Stats | undefined }
  | { readonly kind: "device"; readonly path: string }
  /** A FIFO, or a pipe or socket that this process has opened as `fd`. */
  | { readonly kind: "pipe"; readonly path: string; readonly fd: number | undefined };

const MAX_LINKS = 40;

/**
 * Finds out what an output option names, without touching it. Links are followed. Only a regular file, or an unused
 * name, is a `file`. `/dev/stdout` and `/dev/fd/N` are descriptors of this process, whatever they point to.
 *
 * @param option the option's name in messages: `--out`.
 * @throws {GcUsageError} input, for a folder, a socket, or a path in a missing folder.
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
    if (/[\\/]$/.test(given)) throw unusable(option, given, "no such folder");
    return { kind: "file", path, current };
  }
  if (current.isFIFO() || (current.isSocket() && fd !== undefined)) return { kind: "pipe", path, fd };
  if (fd !== undefined) return { kind: "descriptor", fd, path: given };
  if (current.isSocket()) throw unusable(option, given, "it is a socket");
  return { kind: "device", path };
}

/** Resolves links in a path; the target of a link need not exist. A link to a descriptor is not followed further. */
async function followLinks(given: string, option: string): Promise<string> {
  let path = resolve(given);
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await realpath(dirname(path)).catch((error: unknown) => {
      const why = codeOf(error) === "ENOENT" ? `the folder ${dirname(path)} does not exist` : reasonOf(error);
      throw unusable(option, given, why);
    });
    path = join(folder, basename(path));
    if (descriptorIn(path) !== undefined) return path;
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return path;
    path = resolve(folder, target);
  }
  throw unusable(option, given, "its symbolic links form a loop");
}

function unusable(option: string, given: string, why: string): GcUsageError {
  return new GcUsageError("input", `Cannot write to ${option} ${JSON.stringify(given)}: ${why}.`, {
    hint: `Set ${option} to a file in an existing folder, or to - for standard output.`,
  });
}

/**
 * Writes a result to its destination: to a regular file completely or not at all (replace-file.ts), to pipes, devices
 * and descriptors piece by piece.
 *
 * @throws {GcUsageError} lake, if it cannot be written; {ReaderGone} if the reader of a pipe has closed it.
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

/** A destination that cannot seek gets a copy of a temporary file. */
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

/** Polls for a reader: a blocking open would hold a thread that nothing can stop. */
async function openPipe(cli: Cli, { path, fd }: Pipe): Promise<number> {
  for (let looks = 0; ; looks++) {
    try {
      return await openDescriptor(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // An open descriptor needs neither a reader nor a permission, and a socket can only be used this way.
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
        throw isGcUsageError(error) ? error : cannotWrite(path, error);
      }
    },
  };
}
