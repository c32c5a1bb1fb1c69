import { createRequire } from "node:module";

/** Texts in terminal cells. Wide characters, such as CJK and emoji, take two. */

/**
 * Control characters, marks that change the text direction, lone surrogates, and spaces that nobody would see: at an
 * end, next to another space, or of no width. A backslash is escaped only where it could be read as an escape.
 */
const UNSEEN =
  /[\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff]|^\p{Zs}|\p{Zs}$|(?<=\p{Zs})\p{Zs}|\\(?=[nrt\\\p{Cc}]|u[\da-f]{4})/gu;

/** A text as it is shown in a line of a terminal. Different texts are shown differently. */
export function visible(text: string): string {
  if (text === "-") return String.raw`\u002d`; // A dash is shown for NULL.
  return text.replace(UNSEEN, (char) => {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" }[char];
    return short ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Width in terminal cells. Most texts are plain ASCII; measuring others is slow. */
export function cells(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  stringWidth ??= loadStringWidth();
  return stringWidth(text);
}

type StringWidth = typeof import("string-width").default;

let stringWidth: StringWidth | undefined;

/** Loaded on demand: compiling its emoji expressions takes 40 ms, and most tables are plain ASCII. */
function loadStringWidth(): StringWidth {
  return (createRequire(import.meta.url)("string-width") as typeof import("string-width")).default;
}

const graphemes = new Intl.Segmenter();

function partsOf(text: string): string[] {
  return [...graphemes.segment(text)].map((part) => part.segment);
}

/** Shortens text to at most `width` cells by replacing its middle with `…`. */
export function shorten(text: string, width: number): string {
  if (cells(text) <= width) return text;
  const parts = partsOf(text);
  const head = take(parts, Math.ceil((width - 1) / 2)).join("");
  const tail = take(parts.reverse(), width - 1 - cells(head));
  return `${head}…${tail.reverse().join("")}`;
}

/** The beginning of a text, in at most `width` cells including the `…`. */
export function beginning(text: string, width: number): string {
  return cells(text) <= width ? text : `${take(partsOf(text), width - 1).join("")}…`;
}

function take(parts: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += cells(part);
    if (used > width) break;
    taken.push(part);
  }
  return taken;
}

/**
 * Breaks text into lines of at most `widest` cells, or 4 if that is less: after a space, which is dropped, or after a slash, or
 * else anywhere. A line that continues a word or path is indented by one cell, so that no two texts look the same.
 */
export function wrap(text: string, widest: number): string[] {
  const width = Math.max(widest, 4);
  const lines: string[] = [];
  let indent = "";
  let rest = text;
  while (cells(indent + rest) > width) {
    const end = breakAt(rest, width - indent.length);
    lines.push(indent + rest.slice(0, end).replace(/ $/, ""));
    indent = rest[end - 1] === " " ? "" : " ";
    rest = rest.slice(end);
  }
  return [...lines, indent + rest];
}

/** Where to end a line: the number of characters of `text` that it takes. */
function breakAt(text: string, width: number): number {
  const parts = partsOf(text);
  const fitting = take(parts, width);
  const room = fitting.join("").length || (parts[0]?.length ?? 1);
  // The space that ends a line needs no room.
  if (text[room] === " ") return room + 1;
  const line = text.slice(0, room);
  const end = Math.max(line.lastIndexOf(" "), line.lastIndexOf("/")) + 1;
  return end > room / 3 ? end : room;
}
