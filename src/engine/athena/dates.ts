import { afterGroup, isSign, isWord } from "./guard.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** The tables whose partitions are days. Athena looks for each of them in S3. */
export const BY_DAY: readonly string[] = ["usage", "daily"];
const OTHER_CLAUSES =
  "select values table with using group order having limit offset window union intersect except".split(" ");
/** Functions with a FROM between their arguments. */
const WITH_FROM = ["extract", "trim", "substring"];

/** The clause of a token: tables are in `from`, conditions that select rows in `where` and `on`. */
type Clause = "from" | "where" | "on" | "other";

/** A table that a statement names. */
export interface Named {
  /** The last part of the name, in lower case. */
  readonly name: string;
  /** True if WITH defined the name before, so it is not a table of the catalog. */
  readonly isBound: boolean;
  /** True if the name includes a schema: `genesysclouddb.usage`. */
  readonly isQualified: boolean;
}

/**
 * True if a statement names `usage` or `daily` and does not filter by `date`: Athena then calls S3 for every day of
 * the table's range. This checks only the words, so a filter on another table's `date` also counts.
 */
export function readsEveryDay(sql: string): boolean {
  const tokens = tokensOf(sql);
  const clauses = clausesOf(tokens);
  const readsDays = namesIn(tokens, clauses).some(({ name, isBound }) => !isBound && BY_DAY.includes(name));
  return readsDays && !tokens.some((_, i) => picksRows(clauses[i]) && isDateColumn(tokens, i));
}

/** The tables that a statement names, once for each mention. */
export function tablesOf(sql: string): Named[] {
  const tokens = tokensOf(sql);
  return namesIn(tokens, clausesOf(tokens));
}

function namesIn(tokens: readonly Token[], clauses: readonly Clause[]): Named[] {
  const bound = new Map<string, number>();
  const named: Named[] = [];
  for (const [i, token] of tokens.entries()) {
    if (!isName(token)) continue;
    const end = endOfDefinition(tokens, i);
    if (end !== undefined) bound.set(token.value, end);
    else if (clauses[i] === "from" && isTable(tokens, i)) {
      // Within its own definition, the name still refers to the catalog.
      const isQualified = isSign(tokens[i - 1], ".");
      const isBound = !isQualified && i >= (bound.get(token.value) ?? tokens.length);
      named.push({ name: token.value, isBound, isQualified });
    }
  }
  return named;
}

/** The end of a definition `name AS (…)` or `name (columns) AS (…)` in a WITH; undefined for anything else. */
function endOfDefinition(tokens: readonly Token[], i: number): number | undefined {
  const before = tokens[i - 1];
  if (![isWord(before, "with"), isWord(before, "recursive"), isSign(before, ",")].some(Boolean))
    return undefined;
  const at = isSign(tokens[i + 1], "(") ? afterGroup(tokens, i + 1) : i + 1;
  return isWord(tokens[at], "as") && isSign(tokens[at + 1], "(") ? afterGroup(tokens, at + 1) : undefined;
}

/** True for the last part of a name in the position of a table, not of an alias or function. */
function isTable(tokens: readonly Token[], i: number): boolean {
  if (isSign(tokens[i + 1], ".") || isSign(tokens[i + 1], "(")) return false;
  let first = i;
  while (isSign(tokens[first - 1], ".") && isName(tokens[first - 2])) first -= 2;
  return beginsTable(tokens[first - 1]);
}

function beginsTable(before: Token | undefined): boolean {
  return isWord(before, "from") || isWord(before, "join") || isSign(before, ",") || isSign(before, "(");
}

function clausesOf(tokens: readonly Token[]): Clause[] {
  const levels: { clause: Clause; hasFrom: boolean }[] = [{ clause: "other", hasFrom: false }];
  return tokens.map((token, i) => {
    const level = levels.at(-1) ?? { clause: "other", hasFrom: false };
    const before = tokens[i - 1];
    if (isSign(token, "(")) {
      const hasFrom = before?.kind === "word" && WITH_FROM.includes(before.value);
      levels.push({ clause: clauseWithin(level.clause, before), hasFrom });
    } else if (isSign(token, ")")) {
      if (levels.length > 1) levels.pop();
    } else if (isSign(token, ",")) {
      if (level.clause === "on") level.clause = "from";
    } else if (isWord(token, "on")) level.clause = "on";
    else if (isWord(token, "join")) level.clause = "from";
    else if (isWord(token, "from")) {
      // IS DISTINCT FROM compares.
      if (!level.hasFrom && !isWord(before, "distinct")) level.clause = "from";
    } else if (isWord(token, "where")) {
      // sum(x) FILTER (WHERE date > …) selects rows that are already read.
      level.clause = isSign(before, "(") && isWord(tokens[i - 2], "filter") ? "other" : "where";
    } else if (token.kind === "word" && OTHER_CLAUSES.includes(token.value)) level.clause = "other";
    return level.clause;
  });
}

/** Parentheses belong to the clause around them. Those after a table do not contain tables. */
function clauseWithin(clause: Clause, before: Token | undefined): Clause {
  if (clause === "from") return beginsTable(before) ? "from" : "other";
  return clause === "on" ? "where" : clause;
}

function picksRows(clause: Clause | undefined): boolean {
  return clause === "where" || clause === "on";
}

/** True for `date` as a compared column: not DATE '2026-11-01', date(x), CAST(x AS date) or date IS NOT NULL. */
function isDateColumn(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i];
  const next = tokens[i + 1];
  if (token?.value !== "date" || !isName(token)) return false;
  if (isWord(next, "is") && isWord(tokens[i + 2], "not") && isWord(tokens[i + 3], "null")) return false;
  if (token.kind === "name") return true;
  return next?.kind !== "text" && !isSign(next, "(") && !isWord(tokens[i - 1], "as");
}

function isName(token: Token | undefined): boolean {
  return token?.kind === "word" || token?.kind === "name";
}
