import { open, write } from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";

/** The number of the descriptor of this process that a path names. */
export function descriptorIn(path: string): number | undefined {
  const [, ofProcess, number] = /^\/(?:dev|proc\/(\d+|self)(?:\/task\/\d+)?)\/fd\/(\d+)$/.exec(path) ?? [];
  if (ofProcess !== undefined && ofProcess !== "self" && Number(ofProcess) !== process.pid) return undefined;
  if (number !== undefined) return Number(number);
  const named = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].indexOf(path);
  return named === -1 ? undefined : named;
}

/** Opens a file as a bare descriptor, which no handle of Node's closes early. */
export function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

/**
 * Writes all of the data. On a nearly full disk one write may store only part of it, and only its count shows that.
 * Node's file streams, including `process.stdout`, lose the rest without an error.
 */
export async function writeAll(fd: number, data: string | Uint8Array, position?: number): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    done += await writeSome(fd, bytes, done, at);
  }
}

function writeSome(fd: number, bytes: Uint8Array, offset: number, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, bytes.length - offset, position, (error, written) =>
      error ? reject(error) : resolve(written),
    );
  });
}

/** Writes to a pipe or socket without blocking, so that a reader that has stopped reading can be abandoned. */
export class PipeWriter {
  readonly #socket: Socket;

  constructor(fd: number, signal: AbortSignal) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    // Each write reports its own failure.
    this.#socket.on("error", () => {});
    addAbortSignal(signal, this.#socket);
  }

  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.end(() => this.#socket.destroy()).once("close", () => resolve());
    });
  }
}
