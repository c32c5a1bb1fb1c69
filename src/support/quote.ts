/** SQL quoting, in one place. Both engines read the standard's forms. */

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
