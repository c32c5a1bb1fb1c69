import { DIMENSIONS, type Dimension } from "../usage/grouping.ts";

/** A number that a question takes in addition to its period: `:top`, `:min_requests`. */
export interface QuestionParam {
  /** As in the SQL, after the colon: lower case, words joined with `_`. */
  readonly name: string;
  readonly default: number;
  /** One sentence. */
  readonly description: string;
}

/** A parsed `.sql` file of src/questions/sql. */
export interface Question {
  /** The file's name without `.sql`. */
  readonly name: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** The dimensions that the rows must be split by. */
  readonly needs: readonly Dimension[];
  readonly params: readonly QuestionParam[];
  /** True if the statement also reads the period before, through `:before`. */
  readonly looksBack: boolean;
  /** The statement with its `:parameters`, without heading and final newline. */
  readonly sql: string;
}

/** Parameters that every question may use without declaring them. `period` and `periods` are parts of column names. */
const GIVEN = ["from", "to", "before", "service", "grouping", "granularity", "period", "periods"];

/**
 * Parses a question's file: a line of description, `-- key: value` lines (title; needs: dimensions separated by
 * commas; param: name integer default description), a blank line, the statement.
 *
 * @throws {Error} for any other heading. Questions ship with the program, so this is a bug.
 */
export function parseQuestion(name: string, text: string): Question {
  const [heading = "", ...rest] = text.split("\n\n");
  const sql = rest.join("\n\n").trim();
  const [first = "", ...lines] = heading.split("\n");
  const description = /^-- (\S.*\.)$/.exec(first)?.[1];
  if (description === undefined) throw bad(name, "does not start with `-- Description.`");
  let title: string | undefined;
  let needs: Dimension[] = [];
  const params: QuestionParam[] = [];
  for (const line of lines) {
    const [, key, value = ""] = /^-- ([a-z]+): (\S.*)$/.exec(line) ?? [];
    if (key === "title") title = value;
    else if (key === "needs") needs = value.split(", ").map((word) => dimension(name, word));
    else if (key === "param") params.push(param(name, value));
    else throw bad(name, `has an invalid heading line: ${line}`);
  }
  if (title === undefined) throw bad(name, "has no title");
  if (sql === "") throw bad(name, "has no statement after the heading and a blank line");
  checkParameters(name, sql, params);
  return { name, title, description, needs, params, looksBack: parametersOf(sql).has("before"), sql };
}

// Skips text, quoted names and comments, so that a colon in them does not start a parameter.
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|:([a-z_]+)/g;

/** Every `:name` of a statement. */
function parametersOf(sql: string): ReadonlySet<string> {
  return new Set([...sql.matchAll(TOKEN)].flatMap((match) => match[1] ?? []));
}

/** Replaces each `:name` with its value (SQL text). */
export function replaceParameters(sql: string, values: ReadonlyMap<string, string>): string {
  return sql.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token;
    const value = values.get(name);
    if (value === undefined) throw new Error(`The parameter :${name} has no value.`);
    return value;
  });
}

function checkParameters(name: string, sql: string, params: readonly QuestionParam[]): void {
  const used = parametersOf(sql);
  const declared = params.map((param) => param.name);
  for (const word of used) {
    if (!GIVEN.includes(word) && !declared.includes(word))
      throw bad(name, `uses :${word} without declaring it`);
  }
  for (const word of declared) if (!used.has(word)) throw bad(name, `declares ${word} but does not use it`);
}

function dimension(name: string, word: string): Dimension {
  const known = DIMENSIONS.find((dimension) => dimension === word);
  if (known === undefined) throw bad(name, `needs the unknown dimension ${word}`);
  return known;
}

function param(name: string, value: string): QuestionParam {
  const [, param, number, description] = /^([a-z_]+) integer (\d+) (\S.*\.)$/.exec(value) ?? [];
  if (param === undefined || description === undefined) throw bad(name, `has an invalid param: ${value}`);
  return { name: param, default: Number(number), description };
}

function bad(name: string, why: string): Error {
  return new Error(`The question ${name}.sql ${why}.`);
}
