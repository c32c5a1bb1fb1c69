import { UsageError } from "../../support/errors.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** What only reads, by the word that it begins with. Everything else could write, or change the catalog. */
const READS = ["select", "values", "show", "describe", "desc"];

export interface ReadingStatement {
  /** As Athena takes it: without the `;` at its end. */
  readonly sql: string;
  /** False for what only describes: SHOW, DESCRIBE, EXPLAIN without ANALYZE. */
  readonly scans: boolean;
}

/**
 * Lets through one statement that only reads. Athena itself would run INSERT, CTAS, UNLOAD and DROP for whoever may.
 *
 * Not left to DuckDB's parser: it knows another dialect, so what it makes of a text is not what Athena would.
 *
 * @throws {UsageError} sql, for anything else.
 */
export function readingStatement(sql: string): ReadingStatement {
  const tokens = tokensOf(sql);
  while (isSign(tokens.at(-1), ";")) tokens.pop();
  if (tokens.length === 0) {
    throw new UsageError("sql", "There is no SQL statement.", {
      hint: 'For example gc-usage sql --engine athena "SELECT 1".',
    });
  }
  if (tokens.some((token) => isSign(token, ";"))) throw refused("Only one statement can be run at a time.");
  const verb = verbOf(tokens, 0);
  if (!READS.includes(verb)) {
    const shown = /^[a-z]+$/.test(verb) ? `${verb.toUpperCase()} does not only read, or ` : "The statement ";
    throw refused(`${shown}is not a statement that Athena reads with.`);
  }
  const describes =
    ["show", "describe", "desc"].includes(verb) ||
    (isWord(tokens[0], "explain") && !tokens.some((token) => isWord(token, "analyze")));
  return { sql: sql.slice(0, tokens.at(-1)?.end), scans: !describes };
}

/** The word that says what a statement does, behind parentheses, EXPLAIN and WITH; "" where there is none. */
function verbOf(tokens: readonly Token[], at: number): string {
  const token = tokens[at];
  if (isSign(token, "(")) return verbOf(tokens, at + 1);
  if (token?.kind !== "word") return "";
  if (token.value === "explain") return verbOf(tokens, afterExplain(tokens, at + 1));
  if (token.value === "with") return verbOf(tokens, afterWith(tokens, at + 1));
  return token.value;
}

/** EXPLAIN ANALYZE runs what it explains, so that must read too. */
function afterExplain(tokens: readonly Token[], at: number): number {
  let next = isSign(tokens[at], "(") ? afterGroup(tokens, at) : at;
  while (isWord(tokens[next], "analyze") || isWord(tokens[next], "verbose")) next++;
  return next;
}

/** The place after `a AS (…), b (x) AS (…)`: what follows a group and is neither `,` nor AS. */
function afterWith(tokens: readonly Token[], start: number): number {
  let at = start;
  while (at < tokens.length) {
    if (!isSign(tokens[at], "(")) {
      at++;
      continue;
    }
    at = afterGroup(tokens, at);
    if (!isSign(tokens[at], ",") && !isWord(tokens[at], "as")) return at;
  }
  return at;
}

/** The place after the `)` that closes the `(` at `start`. */
export function afterGroup(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    if (isSign(tokens[at], "(")) depth++;
    if (isSign(tokens[at], ")") && --depth === 0) return at + 1;
  }
  return tokens.length;
}

export function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === "sign" && token.value === sign;
}

export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.value === word;
}

function refused(message: string): UsageError {
  return new UsageError("sql", message, {
    hint: "SQL here only reads: one SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE. For anything else use Athena's console.",
  });
}
