import { DIMENSIONS, type Dimension } from "../usage/grouping.ts";

/** A number that a question takes beside its period: `:top`, `:min_requests`. */
export interface QuestionParam {
  /** As in the SQL, after the colon: lower case, words joined with `_`. */
  readonly name: string;
  readonly default: number;
  /** One sentence. */
  readonly description: string;
}

/** A `.sql` file of src/questions/sql, read. */
export interface Question {
  /** The file's name without `.sql`. */
  readonly name: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** The dimensions that the rows must be split by. */
  readonly needs: readonly Dimension[];
  readonly params: readonly QuestionParam[];
  /** True where the statement looks at the period before too, through `:before`. */
  readonly looksBack: boolean;
  /** The statement with its `:parameters`, no heading, no final newline. */
  readonly sql: string;
}

/** What every question may use without declaring it. `period` and `periods` are words for a column's name. */
const GIVEN = ["from", "to", "before", "service", "grouping", "granularity", "period", "periods"];

/**
 * Reads a question's file: a line of description, then `-- key: value` lines (title; needs: dimensions joined
 * by commas; param: name integer default description), a blank line, the statement.
 *
 * @throws {Error} for a heading that is not exactly so: a question ships with the program, so it is a defect.
 */
export function parseQuestion(name: string, text: string): Question {
  const [heading = "", ...rest] = text.split("\n\n");
  const sql = rest.join("\n\n").trim();
  const [first = "", ...lines] = heading.split("\n");
  const description = /^-- (\S.*\.)$/.exec(first)?.[1];
  if (description === undefined) throw bad(name, "begins with no `-- Description.`");
  let title: string | undefined;
  let needs: Dimension[] = [];
  const params: QuestionParam[] = [];
  for (const line of lines) {
    const [, key, value = ""] = /^-- ([a-z]+): (\S.*)$/.exec(line) ?? [];
    if (key === "title") title = value;
    else if (key === "needs") needs = value.split(", ").map((word) => dimension(name, word));
    else if (key === "param") params.push(param(name, value));
    else throw bad(name, `has a heading line that is none: ${line}`);
  }
  if (title === undefined) throw bad(name, "has no title");
  if (sql === "") throw bad(name, "has no statement after the heading and a blank line");
  checkParameters(name, sql, params);
  return { name, title, description, needs, params, looksBack: parametersOf(sql).has("before"), sql };
}

// Text, quoted names and comments are stepped over, so that a colon in them is no parameter.
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|:([a-z_]+)/g;

/** Every `:name` of a statement. */
function parametersOf(sql: string): ReadonlySet<string> {
  return new Set([...sql.matchAll(TOKEN)].flatMap((match) => match[1] ?? []));
}

/** Puts `values` (SQL text) in the place of each `:name`. */
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
  const declared = params.map((one) => one.name);
  for (const one of used) {
    if (!GIVEN.includes(one) && !declared.includes(one)) throw bad(name, `uses :${one}, undeclared`);
  }
  for (const one of declared) if (!used.has(one)) throw bad(name, `declares ${one} and does not use it`);
}

function dimension(name: string, word: string): Dimension {
  const known = DIMENSIONS.find((one) => one === word);
  if (known === undefined) throw bad(name, `needs ${word}, which is no dimension`);
  return known;
}

function param(name: string, value: string): QuestionParam {
  const [, param, number, description] = /^([a-z_]+) integer (\d+) (\S.*\.)$/.exec(value) ?? [];
  if (param === undefined || description === undefined) throw bad(name, `has a bad param: ${value}`);
  return { name: param, default: Number(number), description };
}

function bad(name: string, why: string): Error {
  return new Error(`The question ${name}.sql ${why}.`);
}
