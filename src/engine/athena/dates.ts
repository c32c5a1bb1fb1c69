import { afterGroup, isSign, isWord } from "./guard.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** The tables whose partitions are days, each of them looked for in S3. */
export const BY_DAY: readonly string[] = ["usage", "daily"];
const OTHER_CLAUSES =
  "select values table with using group order having limit offset window union intersect except".split(" ");
/** Functions that have a FROM between their arguments. */
const WITH_FROM = ["extract", "trim", "substring"];

/** What a token is part of: tables stand in `from`, what picks rows in `where` and `on`. */
type Clause = "from" | "where" | "on" | "other";

/** A table as a statement names it. */
export interface Named {
  /** The last part of its name, in lower case. */
  readonly name: string;
  /** True for what WITH has defined before: no table of the catalog. */
  readonly isBound: boolean;
}

/**
 * True where a statement names `usage` or `daily` and nowhere filters by `date`: Athena then asks S3 for every day of
 * the table's range. By the words alone, so a statement may pass that filters another table's `date`.
 */
export function readsEveryDay(sql: string): boolean {
  const tokens = tokensOf(sql);
  const clauses = clausesOf(tokens);
  const readsDays = namesIn(tokens, clauses).some(({ name, isBound }) => !isBound && BY_DAY.includes(name));
  return readsDays && !tokens.some((_, i) => picksRows(clauses[i]) && isDateColumn(tokens, i));
}

/** The tables that a statement names, one as often as it does. */
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
      // Within its own definition the name is still the catalog's.
      const isBound = !isSign(tokens[i - 1], ".") && i >= (bound.get(token.value) ?? tokens.length);
      named.push({ name: token.value, isBound });
    }
  }
  return named;
}

/** Where what `name AS (…)` or `name (columns) AS (…)` of a WITH defines ends; undefined for anything else. */
function endOfDefinition(tokens: readonly Token[], i: number): number | undefined {
  const before = tokens[i - 1];
  if (![isWord(before, "with"), isWord(before, "recursive"), isSign(before, ",")].some(Boolean))
    return undefined;
  const at = isSign(tokens[i + 1], "(") ? afterGroup(tokens, i + 1) : i + 1;
  return isWord(tokens[at], "as") && isSign(tokens[at + 1], "(") ? afterGroup(tokens, at + 1) : undefined;
}

/** The last part of a name that stands where a table does: not its alias, and no function. */
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
      // sum(x) FILTER (WHERE date > …) picks rows that are already read.
      level.clause = isSign(before, "(") && isWord(tokens[i - 2], "filter") ? "other" : "where";
    } else if (token.kind === "word" && OTHER_CLAUSES.includes(token.value)) level.clause = "other";
    return level.clause;
  });
}

/** What stands between parentheses belongs to what is around them; those behind a table hold no tables. */
function clauseWithin(clause: Clause, before: Token | undefined): Clause {
  if (clause === "from") return beginsTable(before) ? "from" : "other";
  return clause === "on" ? "where" : clause;
}

function picksRows(clause: Clause | undefined): boolean {
  return clause === "where" || clause === "on";
}

/** `date` as a column that is compared: not DATE '2026-11-01', date(x), CAST(x AS date) or date IS NOT NULL. */
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
