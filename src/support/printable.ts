const MAX_SHOWN = 60;

/**
 * A value of unexpected type or content, for a message: text and numbers as JSON, shortened if long; for lists and objects
 * only their type. Characters that could control a terminal or change the text direction are escaped.
 */
export function quoted(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(typeof value === "string" ? cut(value) : value) ?? typeof value;
  return text.replaceAll(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

/** Foreign text for a terminal: control sequences are replaced; line breaks, tabs and colors stay. */
export function printable(text: string): string {
  const acting = /(?![\t\n])(?:\p{Cc}(?:\[[\d;]{1,8}m)?|[\u202a-\u202e\u2066-\u2069])/gu;
  return text.replaceAll(acting, (found) => (found.startsWith("\u001b[") ? found : "\ufffd"));
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
