import { UsageError } from "../../support/errors.ts";
import type { Explain } from "../engine.ts";
import { scan, type Token } from "./tokens.ts";

/** What only reads, by the word that it begins with. Everything else could write, or change the catalog. */
const READS = ["select", "values", "show", "describe", "desc"];
const DESCRIBES = ["show", "describe", "desc"];
/** Athena takes no more, in bytes. */
const MAX_BYTES = 262_144;

export interface ReadingStatement {
  /** As Athena takes it: without comments and without the `;` at its end. */
  readonly sql: string;
  /** False for what only describes: SHOW, DESCRIBE, and a plan. */
  readonly scans: boolean;
}

/**
 * Lets through one statement that only reads, or makes its EXPLAIN. Athena itself would run INSERT, CTAS, UNLOAD and DROP
 * for whoever may: this is a guard against accidents, and IAM's reader policy is the one against people.
 *
 * Not left to DuckDB's parser: it knows another dialect, so what it makes of a text is not what Athena would. Athena gets
 * no comments, so it cannot read them in another way than this does.
 *
 * @throws {UsageError} sql, for anything else.
 */
export function readingStatement(sql: string, explain?: Explain): ReadingStatement {
  if (Buffer.byteLength(sql) > MAX_BYTES) {
    throw refused(
      `The statement is longer than the ${MAX_BYTES.toLocaleString("en")} bytes that Athena takes.`,
    );
  }
  const { tokens, sql: plain, isClosed } = scan(sql);
  if (!isClosed) throw refused("The statement has a comment or a quote that does not end.");
  while (isSign(tokens.at(-1), ";")) tokens.pop();
  if (tokens.length === 0) {
    throw new UsageError("sql", "There is no SQL statement.", {
      hint: 'For example gc-usage sql --engine athena "SELECT 1".',
    });
  }
  if (tokens.some((token) => isSign(token, ";"))) throw refused("Only one statement can be run at a time.");
  const verb = verbOf(tokens);
  if (verb === "explain") throw refused("EXPLAIN is not part of a statement here.");
  if (!READS.includes(verb)) {
    const shown = /^[a-z]+$/.test(verb) ? `${verb.toUpperCase()} does not only read, or ` : "The statement ";
    throw refused(`${shown}is not a statement that Athena reads with.`);
  }
  const describes = DESCRIBES.includes(verb);
  // Athena hands these to Hive, which takes a backslash in quotes for an escape.
  if (describes && tokens.some(({ kind, value }) => kind !== "sign" && value.includes("\\"))) {
    throw refused(`${verb.toUpperCase()} takes no backslash here.`);
  }
  const statement = plain.slice(0, tokens.at(-1)?.end);
  if (explain === undefined) return { sql: statement, scans: !describes };
  if (describes) throw refused(`${verb.toUpperCase()} has no plan.`);
  return explain === "plan"
    ? { sql: `EXPLAIN ${statement}`, scans: false }
    : { sql: `EXPLAIN ANALYZE ${statement}`, scans: true };
}

/** The word that says what a statement does, behind parentheses and WITH; "" where there is none. */
function verbOf(tokens: readonly Token[]): string {
  for (let at = 0; ; ) {
    const token = tokens[at];
    if (isSign(token, "(")) at++;
    else if (isWord(token, "with")) at = afterWith(tokens, at + 1);
    else return token?.kind === "word" ? token.value : "";
  }
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
    hint: 'SQL here only reads: one SELECT, WITH, VALUES, SHOW or DESCRIBE. gc-usage sql --explain "SELECT …" shows a plan. For anything else use Athena\'s console.',
  });
}
