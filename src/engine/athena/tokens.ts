/** One word, name, text or sign of a statement. Comments and whitespace are omitted. */
export interface Token {
  /** `word`: keyword or bare name; `name`: in "double" or `back` quotes; `text`: in 'single' ones. */
  readonly kind: "word" | "name" | "text" | "sign";
  /** Lower case and without quotes for words and names; one character for a sign. */
  readonly value: string;
  /** Where it ends in the statement, in UTF-16 units. */
  readonly end: number;
}

// Follows Trino's grammar: quotes are doubled, not escaped, and bracketed comments do not nest. An unclosed token
// extends to the statement's end, so that no text is scanned twice.
const TOKEN =
  /(?<comment>--[^\r\n]*|\/\*(?:[\s\S]*?\*\/|(?<open>[\s\S]*)))|\s+|(?<text>'[^']*(?:''[^']*)*(?:'|(?<openText>$)))|(?<name>"[^"]*(?:""[^"]*)*(?:"|(?<openName>$))|`[^`]*(?:``[^`]*)*(?:`|(?<openTick>$)))|(?<word>[\p{L}_][\p{L}\p{N}_@:]*)|[\s\S]/gu;

/** A statement, scanned only as far as needed to know its kind. Only Athena parses it. */
export interface Scanned {
  readonly tokens: Token[];
  /** The statement with its comments replaced by spaces, so that they cannot be interpreted differently. */
  readonly sql: string;
  /** False if a comment or quote is not closed. */
  readonly isClosed: boolean;
}

export function scan(sql: string): Scanned {
  const tokens: Token[] = [];
  let plain = "";
  let isClosed = true;
  for (const match of sql.matchAll(TOKEN)) {
    const { comment, open, text, openText, name, openName, openTick, word } = match.groups ?? {};
    if ([open, openText, openName, openTick].some((rest) => rest !== undefined)) isClosed = false;
    plain += comment === undefined ? match[0] : comment.replace(/[^\r\n]/g, " ");
    const end = match.index + match[0].length;
    if (text !== undefined) tokens.push({ kind: "text", value: text.slice(1, -1), end });
    else if (name !== undefined) tokens.push({ kind: "name", value: name.slice(1, -1).toLowerCase(), end });
    else if (word !== undefined) tokens.push({ kind: "word", value: word.toLowerCase(), end });
    else if (match[0].length === 1 && /\S/.test(match[0])) {
      tokens.push({ kind: "sign", value: match[0], end });
    }
  }
  return { tokens, sql: plain, isClosed };
}

export function tokensOf(sql: string): Token[] {
  return scan(sql).tokens;
}
