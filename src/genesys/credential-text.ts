const BLANKS: Readonly<Record<string, string>> = {
  "\n": "a line break",
  "\r": "a line break",
  "\t": "a tab",
};

/**
 * Checks that an access token, a client id or a secret consists of visible ASCII characters. Text copied from a page or a
 * chat may contain others that nobody sees.
 *
 * @returns completes "the access token": `has an invisible character (U+200B) at position 12`, without the text itself;
 *   undefined if the text may be valid.
 */
export function faultInCredential(text: string): string | undefined {
  const chars = Array.from(text);
  const at = chars.findIndex((char) => !/^[\x21-\x7e]$/.test(char));
  const char = chars[at];
  if (char === undefined) return undefined;
  const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  const kind =
    BLANKS[char] ??
    (/\p{Z}/u.test(char)
      ? "a space"
      : /[\p{C}\p{M}]/u.test(char)
        ? "an invisible character"
        : "a character that is not ASCII");
  return `has ${kind} (${code}) at position ${at + 1}`;
}
