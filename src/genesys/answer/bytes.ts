/** A growing byte buffer. */
export class Bytes {
  #buffer: Buffer;
  length = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    this.#buffer.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.length);
    this.length += to - from;
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = byte;
  }

  clear(): void {
    this.length = 0;
  }

  /** Drops everything before `start` by moving to a new buffer; arrays returned earlier stay valid, because a stream may hold them. */
  keepFrom(start: number): void {
    const rest = this.#buffer.subarray(start, this.length);
    if (start > 0) {
      const size = Math.max(rest.length * 2, Math.min(this.#buffer.length, 1024 * 1024));
      this.#buffer = Buffer.allocUnsafe(size);
      this.#buffer.set(rest, 0);
    }
    this.length = rest.length;
  }

  /** Drops everything before `start` in place: arrays returned earlier change. */
  shift(start: number): void {
    if (start > 0) this.#buffer.copyWithin(0, start, this.length);
    this.length -= start;
  }

  at(index: number): number | undefined {
    return index < 0 || index >= this.length ? undefined : this.#buffer[index];
  }

  endsWith(bytes: Uint8Array): boolean {
    const from = this.length - bytes.length;
    return from >= 0 && this.#buffer.compare(bytes, 0, bytes.length, from, this.length) === 0;
  }

  slice(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  text(from: number): string {
    return this.#buffer.toString("utf8", from, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + count));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}
