const MAX_SHOWN = 60;

/**
 * A value of unexpected type or content, for a message: text and numbers as JSON, shortened if long; for lists and objects
 * only their type. Characters that could control a terminal or change the text direction are escaped.
 */
export function quoted(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(typeof value === "string" ? cut(value) : value) ?? typeof value;
  return text.replaceAll(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

/** Foreign text for a terminal: control sequences are replaced; line breaks, tabs and colors stay. */
export function printable(text: string): string {
  const acting = /(?![\t\n])(?:\p{Cc}(?:\[[\d;]{1,8}m)?|[\u202a-\u202e\u2066-\u2069])/gu;
  return text.replaceAll(acting, (found) => (found.startsWith("\u001b[") ? found : "\ufffd"));
}

const MAX_NAME = 80;
/** Made for the first long name: it takes longer than the rest of a short command. */
let graphemes: Intl.Segmenter | undefined;

/**
 * A foreign name for a sentence: on one line, without what could control a terminal or turn the direction of text around it, and
 * shortened if long. No receiver takes a message of any length.
 */
export function nameInText(name: string): string {
  const line = printable(name.replaceAll(/\s+/g, " ").trim()).replaceAll(
    /\p{Cc}(?:\[[\d;]{1,8}m)?/gu,
    "\ufffd",
  );
  if (line.length <= MAX_NAME) return line;
  graphemes ??= new Intl.Segmenter();
  const characters = Array.from(graphemes.segment(line), ({ segment }) => segment);
  // A character can have any number of combining marks.
  const fitting = characters
    .slice(0, MAX_NAME - 1)
    .join("")
    .slice(0, 4 * MAX_NAME);
  return characters.length <= MAX_NAME && line.length <= 4 * MAX_NAME ? line : `${fitting}…`;
}

/** Foreign text for a document: nothing that controls a terminal or changes the direction of the text around it. */
export function inert(text: string): string {
  return text.replaceAll(/(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
