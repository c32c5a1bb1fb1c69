/** One word, name, text or sign of a statement. Comments and blanks are left out. */
export interface Token {
  /** `word`: keyword or bare name; `name`: in "double" or `back` quotes; `text`: in 'single' ones. */
  readonly kind: "word" | "name" | "text" | "sign";
  /** Lower case and without quotes for words and names; one character for a sign. */
  readonly value: string;
  /** Where it ends in the statement, in UTF-16 units. */
  readonly end: number;
}

// As Trino's grammar has them: a quote is doubled and never escaped, a bracketed comment does not nest.
const TOKEN =
  /--[^\r\n]*|\/\*[\s\S]*?\*\/|\s+|(?<text>'(?:[^']|'')*')|(?<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?<word>[\p{L}_][\p{L}\p{N}_@:]*)|[\s\S]/gu;

/** The statement's tokens, as far as needed to know what kind it is: Athena alone parses it. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const match of sql.matchAll(TOKEN)) {
    const { text, name, word } = match.groups ?? {};
    const end = match.index + match[0].length;
    if (text !== undefined) tokens.push({ kind: "text", value: text.slice(1, -1), end });
    else if (name !== undefined) tokens.push({ kind: "name", value: name.slice(1, -1).toLowerCase(), end });
    else if (word !== undefined) tokens.push({ kind: "word", value: word.toLowerCase(), end });
    else if (match[0].length === 1 && /\S/.test(match[0])) {
      tokens.push({ kind: "sign", value: match[0], end });
    }
  }
  return tokens;
}
