/** A line of a statement with a caret below it, after two newlines, to append to a message. Counted from 1. */
export function excerpt(sql: string, line: number, column: number): string {
  const label = `line ${line}: `;
  const source = sql.split("\n")[line - 1] ?? "";
  return `\n\n${label}${source}\n${" ".repeat(label.length + column - 1)}^`;
}
