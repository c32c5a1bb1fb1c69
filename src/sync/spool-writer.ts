import type { FileHandle } from "node:fs/promises";

/**
 * Appends to a spool in large pieces: a page arrives in several small ones, and each write costs as much as hundreds of rows. One
 * buffer serves all pages, because new memory costs more than copying.
 */
export class SpoolWriter {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafeSlow(512 * 1024);
  #held = 0;
  /** The file's length. */
  #length: number;

  /** @param file is closed with this. */
  constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.#length = length;
  }

  /** Copies the bytes. */
  async add(bytes: Uint8Array): Promise<void> {
    if (this.#held + bytes.length > this.#buffer.length) await this.flush();
    if (bytes.length > this.#buffer.length) return await this.#append(bytes);
    this.#buffer.set(bytes, this.#held);
    this.#held += bytes.length;
  }

  async flush(): Promise<void> {
    if (this.#held === 0) return;
    const held = this.#buffer.subarray(0, this.#held);
    this.#held = 0;
    await this.#append(held);
  }

  /** Drops what follows the first `length` bytes. */
  async restart(length: number): Promise<void> {
    this.#held = 0;
    if (this.#length === length) return;
    await this.#file.truncate(length);
    this.#length = length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length;
    await this.#file.appendFile(bytes);
  }
}
