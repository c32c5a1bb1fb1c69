/** Yields a UTF-8 byte stream in pieces that end with a newline; the last one gets one if it has none. */
async function* wholeLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes =
      rest.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(10) + 1;
    if (end > 0) yield bytes.subarray(0, end);
    rest = bytes.subarray(end);
  }
  if (rest.length > 0) yield Buffer.concat([rest, Buffer.from("\n")]);
}

/** Yields the lines of a UTF-8 byte stream without their newlines, including a last line without one. */
export async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const bytes of wholeLines(stream)) {
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      yield bytes.toString("utf8", start, end);
      start = end + 1;
    }
  }
}
