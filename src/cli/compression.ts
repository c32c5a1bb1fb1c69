import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { codeOf, GcUsageError, isGcUsageError, messageOf } from "../support/errors.ts";
import { shellWord } from "../support/quote.ts";

/** A decompressing stream that counts the bytes it has consumed. */
type Opened = Transform & { readonly bytesWritten: number };

/** A format that can be recognized by its first bytes. */
interface Form {
  readonly name: string;
  readonly magic: readonly (readonly number[])[];
  /** Offset of the magic bytes. */
  readonly at?: number;
  /** Creates the decompressing stream. If it is missing, or this Node.js cannot do it, people must unpack the data. */
  readonly open?: () => Opened | undefined;
  /** The command that unpacks it, without the file's name. */
  readonly tool: string;
}

const bytes = (text: string): number[] => [...Buffer.from(text, "latin1")];

/** Source of the magic bytes: https://www.iana.org/assignments/media-types and each format's own specification. */
const FORMS: readonly Form[] = [
  {
    name: "gzip",
    magic: [[0x1f, 0x8b]],
    open: () => zlib.createGunzip({ chunkSize: 256 * 1024 }),
    tool: "gzip -d",
  },
  {
    name: "zstd",
    // A frame, and the sixteen kinds of skippable frames.
    magic: [[0x28, 0xb5, 0x2f, 0xfd], ...Array.from({ length: 16 }, (_, i) => [0x50 + i, 0x2a, 0x4d, 0x18])],
    open: openZstd,
    tool: "zstd -d",
  },
  { name: "bzip2", magic: [bytes("BZh")], tool: "bzip2 -d" },
  { name: "xz", magic: [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]], tool: "xz -d" },
  { name: "lz4", magic: [[0x04, 0x22, 0x4d, 0x18]], tool: "lz4 -d" },
  { name: "lzip", magic: [bytes("LZIP")], tool: "lzip -d" },
  { name: "compress", magic: [[0x1f, 0x9d]], tool: "gzip -d" },
  { name: "snappy", magic: [[0xff, 0x06, 0x00, 0x00, ...bytes("sNaPpY")]], tool: "snzip -d" },
  {
    name: "zlib (deflate)",
    magic: [0x01, 0x5e, 0x9c, 0xda].map((level) => [0x78, level]),
    tool: "pigz -dz",
  },
  {
    name: "zip",
    magic: [
      [...bytes("PK"), 3, 4],
      [...bytes("PK"), 5, 6],
      [...bytes("PK"), 7, 8],
    ],
    tool: "unzip",
  },
  { name: "7-Zip", magic: [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]], tool: "7z x" },
  { name: "tar", magic: [bytes("ustar")], at: 257, tool: "tar -xf" },
];

/** The name of standard input in messages. */
export const STDIN = "standard input";

/** Enough bytes to recognize every format. */
const HEAD = 262;

/** Available since Node.js 22.15 and 23.8. */
function openZstd(): Opened | undefined {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Opened };
  return createZstdDecompress?.();
}

/**
 * Decompresses a stream: gzip and zstd, with any number of members or frames. Other data passes unchanged.
 *
 * @param name name of the data in messages.
 * @throws {GcUsageError} input, if the data uses another compression, is compressed twice, truncated or damaged.
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(source);
  const form = formOf(head);
  const stream = form?.open?.();
  if (form === undefined || stream === undefined) {
    refuse(form, name);
    yield* all;
    return;
  }
  const inner = await peek(through(all, stream, form, name));
  const twice = formOf(inner.head);
  if (twice !== undefined) {
    throw new GcUsageError(
      "input",
      `Cannot read ${name}: its ${form.name} data contains ${twice.name} data.`,
      {
        hint: unpack(form, name),
      },
    );
  }
  yield* inner.all;
}

/** Rejects formats that this program cannot read. */
function refuse(form: Form | undefined, name: string): void {
  if (form === undefined) return;
  const newer = form.open === undefined ? "" : "Node.js 22.15 and later can read it directly. ";
  throw new GcUsageError("input", `Cannot read ${name}: it is ${form.name} data, not JSON or text.`, {
    hint: newer + unpack(form, name),
  });
}

function unpack({ tool }: Form, name: string): string {
  return `Unpack it first: ${tool} ${name === STDIN ? "FILE" : shellWord(name)}`;
}

function formOf(head: Uint8Array): Form | undefined {
  return FORMS.find(({ magic, at = 0 }) =>
    magic.some((magic) => magic.every((byte, i) => head[at + i] === byte)),
  );
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  stream: Opened,
  form: Form,
  name: string,
): AsyncGenerator<Uint8Array> {
  let given = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      given += chunk.length;
      yield chunk;
    }
  }
  // The reader of the stream gets this failure too.
  pipeline(counted, stream).catch(() => {});
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (isGcUsageError(error) || !/^Z(STD)?_/.test(codeOf(error) ?? "")) throw error;
    const isCut = codeOf(error) === "Z_BUF_ERROR";
    const why = isCut ? "its data is truncated" : `its data is damaged (${messageOf(error)})`;
    throw new GcUsageError("input", `Cannot read ${name}: it is compressed with ${form.name}, but ${why}.`, {
      hint: "Compress it again, or copy it again from its source.",
      cause: error,
    });
  }
  // Node.js stops without an error after a zstd frame, and after gzip data that is followed by something else.
  if (stream.bytesWritten < given) {
    throw new GcUsageError("input", `Cannot read ${name}: other data follows its ${form.name} data.`, {
      hint: unpack(form, name),
    });
  }
}

/** Reads the first bytes, and returns them and the whole stream. */
async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Uint8Array = Buffer.alloc(0);
  let done = false;
  while (!done && head.length < lengthNeeded(head)) {
    const next = await iterator.next();
    if (next.done) done = true;
    else head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      if (!done) yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.(undefined);
    }
  }
  return { head, all: all() };
}

/** Rows that arrive one at a time must not wait for a whole head: data that starts like JSON is not compressed. */
function lengthNeeded([first]: Uint8Array): number {
  return first !== undefined && '{[" \t\r\n'.includes(String.fromCharCode(first)) ? 1 : HEAD;
}
