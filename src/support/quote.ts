/** Quoting for SQL, in the standard form that both engines read, and for a shell. */

/** `it's` → `'it''s'`. */
export function sqlString(value: string): string {
  if (value.includes("\0")) throw new RangeError("SQL text cannot hold a NUL character");
  return `'${value.replaceAll("'", "''")}'`;
}

/** `a"b` → `"a""b"`. */
export function sqlName(name: string): string {
  if (name.includes("\0")) throw new RangeError("SQL names cannot hold a NUL character");
  return `"${name.replaceAll('"', '""')}"`;
}

/** `a.b` → `a\.b`: a part of a regular expression that matches only this text. */
export function regExpText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** `it's` → `'it'\''s'`; a word that a POSIX shell reads literally stays unchanged. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
