import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { codeOf, isUsageError, messageOf, UsageError } from "../support/errors.ts";
import { shellWord } from "../support/quote.ts";

/** A stream that gives the data inside, and says how much it has taken. */
type Opened = Transform & { readonly bytesWritten: number };

/** A form of data that its first bytes give away. */
interface Form {
  readonly name: string;
  readonly magic: readonly (readonly number[])[];
  /** Where the magic bytes stand. */
  readonly at?: number;
  /** Makes a stream that gives the data inside; without it, or where this Node.js has none, people must do it. */
  readonly open?: () => Opened | undefined;
  /** The command that unpacks it, to be followed by the file's name. */
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
    // A frame, and the sixteen kinds of frames that are skipped.
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

/** Enough to know every form by. */
const HEAD = 262;

/** Node.js has it since 22.15 and 23.8. */
function openZstd(): Opened | undefined {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Opened };
  return createZstdDecompress?.();
}

/**
 * The data inside, as it streams by: gzip and zstd are read, in however many members or frames; all else as it is.
 *
 * @param name of the data, for messages.
 * @throws {UsageError} input, for what is compressed in another way, twice, cut short or damaged.
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
    throw new UsageError(
      "input",
      `Cannot read ${name}: inside its ${form.name} data there is ${twice.name} data.`,
      {
        hint: unpack(form, name),
      },
    );
  }
  yield* inner.all;
}

/** What is still in another form cannot be read. */
function refuse(form: Form | undefined, name: string): void {
  if (form === undefined) return;
  const newer = form.open === undefined ? "" : " Node.js 22.15 and later read it as it is.";
  throw new UsageError("input", `Cannot read ${name}: it is ${form.name} data, not JSON or text.`, {
    hint: unpack(form, name) + newer,
  });
}

function unpack({ tool }: Form, name: string): string {
  return `Unpack it first: ${tool} ${name === STDIN ? "FILE" : shellWord(name)}.`;
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
  // Its failure also reaches whoever reads the stream.
  pipeline(counted, stream).catch(() => {});
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (isUsageError(error) || !/^Z(STD)?_/.test(codeOf(error) ?? "")) throw error;
    const isCut = codeOf(error) === "Z_BUF_ERROR";
    const why = isCut ? "its data is cut short" : `its data is damaged (${messageOf(error)})`;
    throw new UsageError("input", `Cannot read ${name}: it is compressed with ${form.name}, and ${why}.`, {
      hint: "Compress or copy it again.",
      cause: error,
    });
  }
  // Node.js ends at the end of a zstd frame, and of gzip data that something else follows, without an error.
  if (stream.bytesWritten < given) {
    throw new UsageError(
      "input",
      `Cannot read ${name}: more follows the first part of its ${form.name} data.`,
      {
        hint: unpack(form, name),
      },
    );
  }
}

/** Reads the first bytes, and gives them back with the rest. */
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

/** Rows that come one by one must not wait for a whole head: what begins as JSON does is no other form. */
function lengthNeeded([first]: Uint8Array): number {
  return first !== undefined && '{[" \t\r\n'.includes(String.fromCharCode(first)) ? 1 : HEAD;
}
