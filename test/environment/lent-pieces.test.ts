import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lentLines, lentPieces, linesIn } from "../../src/environment/lent-pieces.ts";
import { workFolder } from "../helpers/folders.ts";

const MIB = 1024 * 1024;

/** The pieces' own copies: each is lent only until the next. */
async function copied(pieces: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const piece of pieces) found.push(Buffer.from(piece));
  return found;
}

it.each([
  ["nothing", ""],
  ["one line", "a\n"],
  ["a line without a newline", "a\nb"],
  ["only a newline", "\n"],
  ["lines that end with a piece", `${"a".repeat(MIB - 2)}\nb\n`],
  ["lines that a piece divides", "abc\n".repeat(MIB)],
  ["a line longer than a piece", `a\n${"b".repeat(3 * MIB)}\nc`],
  ["a piece without a newline at the end", "b".repeat(MIB)],
])("a file with %s is read as it is, and in whole lines", async (_what, text) => {
  const file = join(await workFolder(), "file");
  await writeFile(file, text);
  expect(Buffer.concat(await copied(lentPieces(file))).toString()).toBe(text);
  const lines = await copied(lentLines(file));
  const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  expect(Buffer.concat(lines).equals(Buffer.from(whole))).toBe(true);
  for (const piece of lines) expect(piece.at(-1)).toBe(0x0a);
  const single: string[] = [];
  for await (const line of linesIn(file)) single.push(line);
  expect(single).toEqual(whole.split("\n").slice(0, -1));
});
