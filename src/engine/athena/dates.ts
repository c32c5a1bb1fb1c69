import { isSign, isWord } from "./guard.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** The tables whose partitions are days, each of them looked for in S3. */
const BY_DAY = ["usage", "daily"];
const FILTERS = ["where", "on"];
const OTHER_CLAUSES =
  "select from join using group order having limit offset window union intersect except".split(" ");

/**
 * True where a statement names `usage` or `daily` and nowhere filters by `date`: Athena then asks S3 for every day of
 * the table's range. By the words alone, so a statement may pass that filters another table's `date`.
 */
export function readsEveryDay(sql: string): boolean {
  const tokens = tokensOf(sql);
  return namesTable(tokens) && !filtersByDate(tokens);
}

function namesTable(tokens: readonly Token[]): boolean {
  return tokens.some((token, i) => {
    if ((token.kind !== "word" && token.kind !== "name") || !BY_DAY.includes(token.value)) return false;
    const before = tokens[i - 1];
    return [isWord(before, "from"), isWord(before, "join"), isSign(before, "."), isSign(before, ",")].some(
      Boolean,
    );
  });
}

function filtersByDate(tokens: readonly Token[]): boolean {
  const filtering = [false];
  for (const [i, token] of tokens.entries()) {
    const top = filtering.length - 1;
    if (isSign(token, "(")) filtering.push(filtering[top] ?? false);
    else if (isSign(token, ")")) filtering.length = Math.max(top, 1);
    else if (token.kind === "word" && FILTERS.includes(token.value)) {
      // sum(x) FILTER (WHERE date > …) picks rows that are already read.
      filtering[top] = !(isSign(tokens[i - 1], "(") && isWord(tokens[i - 2], "filter"));
    } else if (token.kind === "word" && OTHER_CLAUSES.includes(token.value)) filtering[top] = false;
    else if (filtering[top] && isDateColumn(tokens, i)) return true;
  }
  return false;
}

/** `date` as a column: not DATE '2026-11-01', not CAST(x AS date). */
function isDateColumn(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i];
  if (token?.value !== "date") return false;
  if (token.kind === "name") return true;
  return token.kind === "word" && tokens[i + 1]?.kind !== "text" && !isWord(tokens[i - 1], "as");
}
