import { open } from "node:fs/promises";

const PIECE_BYTES = 1024 * 1024;

/** Yields a file's bytes in pieces. Each is lent until the next one: one buffer serves all, because new memory costs more than reading. */
export async function* lentPieces(file: string): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const handle = await open(file);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Like `lentPieces`, but each piece ends with a newline. The last one gets one if it has none. */
export async function* lentLines(file: string): AsyncGenerator<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let held = 0;
  const handle = await open(file);
  try {
    for (;;) {
      // One byte stays free for the last newline.
      if (held >= buffer.length - 1) buffer = Buffer.concat([buffer], 2 * buffer.length);
      const { bytesRead } = await handle.read(buffer, held, buffer.length - 1 - held, null);
      if (bytesRead === 0) break;
      const newline = buffer.subarray(held, held + bytesRead).lastIndexOf(NEWLINE);
      const end = newline === -1 ? 0 : held + newline + 1;
      held += bytesRead;
      if (end === 0) continue;
      yield buffer.subarray(0, end);
      buffer.copyWithin(0, end, held);
      held -= end;
    }
    if (held === 0) return;
    buffer[held] = NEWLINE;
    yield buffer.subarray(0, held + 1);
  } finally {
    await handle.close();
  }
}

/** Yields a UTF-8 file's lines without their newlines, including a last line without one. */
export async function* linesIn(file: string): AsyncGenerator<string> {
  for await (const piece of lentLines(file)) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      yield piece.toString("utf8", start, end);
      start = end + 1;
    }
  }
}

const NEWLINE = 0x0a;
