import type { WriteStream } from "node:tty";

/** Assumed size of a terminal that does not report one. */
const USUAL = { columns: 80, rows: 24 };

/**
 * Ensures that a terminal has a size. 0 columns or rows, as set by `stty cols 0` and some serial consoles, mean an
 * unknown size: then COLUMNS and LINES decide, else 80 by 24. Help, tables and the progress line use this size.
 */
export function settleSize(
  stream: Pick<WriteStream, "isTTY" | "columns" | "rows">,
  env: NodeJS.ProcessEnv,
): void {
  if (!stream.isTTY) return;
  if (!(stream.columns > 0)) stream.columns = sizeNamed(env["COLUMNS"]) ?? USUAL.columns;
  if (!(stream.rows > 0)) stream.rows = sizeNamed(env["LINES"]) ?? USUAL.rows;
}

function sizeNamed(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
}

/**
 * Prepares data for a terminal: control characters, and marks that change the text direction, are written as escapes,
 * which mean the same in JSON. Newlines and tabs stay. So do color codes in text that this program painted.
 */
export function forTerminal(text: string, { painted }: { painted: boolean }): string {
  return text.replaceAll(ACTING, (found) => {
    if (found === "\r\n" || (painted && found.startsWith(ESCAPE) && found.length > 1)) return found;
    return found.replaceAll(UNSEEN, escaped);
  });
}

const ESCAPE = "\u001b";
const ACTING =
  /\r\n|(?![\t\n])(?:\p{Cc}(?:\[[\d;]{1,8}m)?|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069])/gu;
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
