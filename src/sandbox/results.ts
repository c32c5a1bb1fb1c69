import { type FileHandle, open } from "node:fs/promises";
import type { Body } from "./http.ts";

/** Integers of 8 bytes each: the offsets of a million rows take 8 MB. */
class NumberList {
  #values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}

const FLUSH_BYTES = 1 << 18;

/** Writes rows to a file, each followed by a comma, and records their offsets. */
export class RowWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #offsets = new NumberList();
  #pending: string[] = [];
  #pendingBytes = 0;
  #bytes = 0;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#offsets.push(0);
  }

  static async create(path: string): Promise<RowWriter> {
    return new RowWriter(path, await open(path, "wx"));
  }

  /** @param row one row as compact JSON. */
  add(row: string): void {
    const length = Buffer.byteLength(row) + 1;
    this.#pending.push(row, ",");
    this.#pendingBytes += length;
    this.#bytes += length;
    this.#offsets.push(this.#bytes);
  }

  /** True when it is time for `flush`. */
  get isFull(): boolean {
    return this.#pendingBytes >= FLUSH_BYTES;
  }

  /** @param order positions of the rows in reading order; default: as written. */
  async finish(order?: Uint32Array): Promise<Results> {
    await this.flush();
    await this.#file.close();
    return new Results(this.#path, this.#offsets, order);
  }

  async abandon(): Promise<void> {
    await this.#file.close();
  }

  async flush(): Promise<void> {
    const text = this.#pending.join("");
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#file.appendFile(text);
  }
}

/**
 * The rows of one answer, in a file. A page has the same bytes each time it is read. The file is open only while it is read,
 * because a sandbox may keep thousands.
 */
export class Results {
  readonly #path: string;
  readonly #offsets: NumberList;
  readonly #order: Uint32Array | undefined;

  constructor(path: string, offsets: NumberList, order: Uint32Array | undefined) {
    this.#path = path;
    this.#offsets = offsets;
    this.#order = order;
  }

  get rows(): number {
    return this.#offsets.length - 1;
  }

  /** The JSON text of rows `from` to `to` (exclusive), joined with commas, between `before` and `after`. */
  body(before: string, from: number, to: number, after: string): Body {
    const head = Buffer.from(before);
    const tail = Buffer.from(after);
    const spans = this.#spans(from, Math.min(to, this.rows));
    const rowBytes = spans.reduce((sum, span) => sum + span.end - span.start, 0);
    const path = this.#path;
    return {
      length: head.length + tail.length + Math.max(0, rowBytes + spans.length - 1),
      async *chunks() {
        yield head;
        if (spans.length > 0) yield* readSpans(path, spans);
        yield tail;
      },
    };
  }

  /** The position of rows in the file, without their last comma: a single span if they are in the file's order. */
  #spans(from: number, to: number): ByteSpan[] {
    if (from >= to) return [];
    const order = this.#order;
    if (order === undefined) return [{ start: this.#offsets.at(from), end: this.#offsets.at(to) - 1 }];
    return Array.from(order.subarray(from, to), (row) => ({
      start: this.#offsets.at(row),
      end: this.#offsets.at(row + 1) - 1,
    }));
  }
}

interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

const COMMA = Buffer.from(",");

async function* readSpans(path: string, spans: readonly ByteSpan[]): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    for (const [i, { start, end }] of spans.entries()) {
      if (i > 0) yield COMMA;
      for (let at = start; at < end; at += FLUSH_BYTES) {
        const chunk = Buffer.allocUnsafe(Math.min(FLUSH_BYTES, end - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        if (bytesRead !== chunk.length) throw new Error(`${path} is shorter than when it was written`);
        yield chunk;
      }
    }
  } finally {
    await file.close();
  }
}
