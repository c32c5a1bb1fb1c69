import { GcUsageError } from "../../support/errors.ts";
import type { Explain } from "../engine.ts";
import { scan, type Token } from "./tokens.ts";

/** The first words of statements that only read. Everything else could write, or change the catalog. */
const READS = ["select", "values", "show", "describe", "desc"];
const DESCRIBES = ["show", "describe", "desc"];
/** Athena's limit, in bytes. */
const MAX_BYTES = 262_144;

export interface ReadingStatement {
  /** As sent to Athena: without comments and without the `;` at its end. */
  readonly sql: string;
  /** False for statements that only describe: SHOW, DESCRIBE, and plans. */
  readonly scans: boolean;
}

/**
 * Accepts one statement that only reads, or returns its EXPLAIN. Athena itself would run INSERT, CTAS, UNLOAD and
 * DROP for users with the permissions. This is a guard against accidents; the reader policy in IAM is the guard
 * against people.
 *
 * DuckDB's parser is not used here: its dialect differs, so it may understand a text in another way than Athena does.
 * Athena gets no comments, so it cannot interpret them differently either.
 *
 * @throws {GcUsageError} sql, for anything else.
 */
export function readingStatement(sql: string, explain?: Explain): ReadingStatement {
  if (Buffer.byteLength(sql) > MAX_BYTES) {
    throw refused(`The statement is longer than Athena's limit of ${MAX_BYTES.toLocaleString("en")} bytes.`);
  }
  const { tokens, sql: plain, isClosed } = scan(sql);
  if (!isClosed) throw refused("The statement has a comment or quote that is not closed.");
  while (isSign(tokens.at(-1), ";")) tokens.pop();
  if (tokens.length === 0) {
    throw new GcUsageError("sql", "There is no SQL statement.", {
      hint: 'For example: gc-usage sql --engine athena "SELECT 1"',
    });
  }
  if (tokens.some((token) => isSign(token, ";"))) throw refused("Only one statement can be run at a time.");
  const verb = verbOf(tokens);
  if (verb === "explain") throw refused("EXPLAIN is not accepted in a statement.");
  if (!READS.includes(verb)) {
    const shown = /^[a-z]+$/.test(verb) ? `${verb.toUpperCase()} is` : "This kind of statement is";
    throw refused(`${shown} not accepted, because only statements that read can be run.`);
  }
  const describes = DESCRIBES.includes(verb);
  // Athena passes these to Hive, which treats a backslash in quotes as an escape.
  if (describes && tokens.some(({ kind, value }) => kind !== "sign" && value.includes("\\"))) {
    throw refused(`${verb.toUpperCase()} does not accept a backslash here.`);
  }
  const statement = plain.slice(0, tokens.at(-1)?.end);
  if (explain === undefined) return { sql: statement, scans: !describes };
  if (describes) throw refused(`${verb.toUpperCase()} has no plan.`);
  return explain === "plan"
    ? { sql: `EXPLAIN ${statement}`, scans: false }
    : { sql: `EXPLAIN ANALYZE ${statement}`, scans: true };
}

/** The word that defines what a statement does, after parentheses and WITH; "" if there is none. */
function verbOf(tokens: readonly Token[]): string {
  for (let at = 0; ; ) {
    const token = tokens[at];
    if (isSign(token, "(")) at++;
    else if (isWord(token, "with")) at = afterWith(tokens, at + 1);
    else return token?.kind === "word" ? token.value : "";
  }
}

/** The position after `a AS (…), b (x) AS (…)`: after a group that is followed by neither `,` nor AS. */
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

/** The position after the `)` that closes the `(` at `start`. */
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

function refused(message: string): GcUsageError {
  return new GcUsageError("sql", message, {
    hint: 'Use one SELECT, WITH, VALUES, SHOW or DESCRIBE. To show a plan: gc-usage sql --explain "SELECT …". For anything else, use the Athena console.',
  });
}
