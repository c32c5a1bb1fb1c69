import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { DIMENSIONS, type Dimension, dimensionNamed } from "../usage/grouping.ts";
import { DIMENSION_WORDS, PARAM_TYPES, paramDefault, type QuestionParam } from "./params.ts";

/** A column of a question's answer. */
export interface QuestionColumn {
  /** As in the SQL; `:period` and `:periods` stand for day, week or month. */
  readonly name: string;
  readonly type: ColumnType;
}

const COLUMN_TYPES = ["text", "integer", "double", "date"] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** A parsed `.sql` file: in src/questions/sql, or in a folder of the user's own. */
export interface Question {
  /** The file's name without `.sql`. */
  readonly name: string;
  /** The file, if it is a question of the user's own. */
  readonly file?: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** The dimensions that the rows must be split by. */
  readonly needs: readonly Dimension[];
  readonly params: readonly QuestionParam[];
  /** The columns of the answer, in order; empty if the heading does not declare them. */
  readonly columns: readonly QuestionColumn[];
  /** False if its rows are for programs, so that the stack has no saved query for it. */
  readonly isSaved: boolean;
  /** True if the statement also reads the period before, through `:before`. */
  readonly looksBack: boolean;
  /** The statement with its `:parameters`, without heading and final newline. */
  readonly sql: string;
}

/**
 * Parameters that every question may use without declaring them. `period` and `periods` are parts of column names, and
 * `dates` is a table of the first days of all periods that the lake covers.
 */
const GIVEN = [
  "from",
  "to",
  "before",
  "service",
  "grouping",
  "granularity",
  "period",
  "periods",
  "dates",
] as const;

/** A line of a heading that is read: its text and its number in the file. */
interface Line {
  readonly text: string;
  readonly number: number;
}

/**
 * Parses a question's file: a line of description, `-- key: value` lines (title; needs: dimensions separated by
 * commas; param: name, type, default and description; columns: names and types, separated by commas; saved: no), a blank
 * line, the statement.
 *
 * @param file for errors.
 * @throws {GcUsageError} input, with the file, the line and what is expected, for anything else.
 */
export function parseQuestion(name: string, content: string, file = `${name}.sql`): Question {
  const lines = content.replace(/^\uFEFF/, "").split(/\r?\n/);
  const blank = lines.findIndex((line) => line.trim() === "");
  const headingLines = lines.slice(0, blank === -1 ? lines.length : blank);
  const sql = lines.slice(headingLines.length).join("\n").trim().replace(/\s*;$/, "");
  const place = (number: number) => ({ file, number });
  const [first = "", ...others] = headingLines;
  const description = /^-- (\S.*\.)$/.exec(first.trimEnd())?.[1];
  if (description === undefined)
    throw bad(
      place(1),
      "the first line is not a description",
      "-- What the question answers, in one sentence.",
    );
  let title: string | undefined;
  let needs: Dimension[] = [];
  const params: QuestionParam[] = [];
  let columns: QuestionColumn[] = [];
  let isSaved = true;
  for (const [i, text] of others.entries()) {
    const line = { text, number: i + 2 };
    const [, key, value = ""] = /^-- ([a-z]+): (\S.*)$/.exec(text.trimEnd()) ?? [];
    if (key === "title") title = value;
    else if (key === "needs") needs = value.split(/,\s*/).map((word) => dimension(file, line, word));
    else if (key === "param") params.push(param(file, line, value));
    else if (key === "columns") columns = value.split(/,\s*/).map((text) => column(file, line, text));
    else if (key === "saved" && value === "no") isSaved = false;
    else throw bad({ file, ...line }, `invalid heading line ${quoted(text)}`, HEADING);
  }
  if (title === undefined) throw bad(place(1), "the heading has no title", "-- title: My question");
  const end = headingLines.length + 1;
  if (sql === "") throw bad(place(end), "no statement after the heading and a blank line", "SELECT …");
  checkParameters((why, expected) => bad(place(end), why, expected), sql, params);
  return {
    name,
    title,
    description,
    needs,
    params,
    columns,
    isSaved,
    looksBack: parametersOf(sql).has("before"),
    sql,
  };
}

const PARAM = "-- param: top count 10 Number of rows to show.";
const HEADING = `-- title: My question, or -- needs: client, or ${PARAM} A blank line ends the heading.`;

// Skips text, quoted names and comments, so that a colon in them does not start a parameter.
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|(?<!:):([a-z_]+)/g;

/** Every `:name` of a statement. */
export function parametersOf(sql: string): ReadonlySet<string> {
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

function checkParameters(
  refuse: (why: string, expected: string) => GcUsageError,
  sql: string,
  params: readonly QuestionParam[],
): void {
  const used = parametersOf(sql);
  const given: readonly string[] = GIVEN;
  const known = new Set([
    ...given,
    ...params.flatMap(({ name, type }) => (type === "dimension" ? [name, `${name}_name`] : [name])),
  ]);
  for (const word of used) {
    if (!known.has(word))
      throw refuse(
        `the statement uses :${word} without declaring it`,
        `-- param: ${word} integer 10 What it is.`,
      );
  }
  for (const { name } of params) {
    if (!used.has(name))
      throw refuse(`the heading declares ${name}, but the statement does not use it`, `:${name}`);
    if (given.includes(name) || params.filter((other) => other.name === name).length > 1)
      throw refuse(`the name of the param ${name} is already in use`, "another name");
  }
}

function dimension(file: string, line: Line, word: string): Dimension {
  const known = dimensionNamed(word);
  if (known === undefined)
    throw bad({ file, ...line }, `unknown dimension ${quoted(word)} in needs`, DIMENSIONS.join(", "));
  return known;
}

function param(file: string, line: Line, value: string): QuestionParam {
  const [, name, word, text = "", description] = /^([a-z_]+) ([a-z]+) (\S+) (\S.*\.)$/.exec(value) ?? [];
  const type = PARAM_TYPES.find((known) => known === word);
  const preset = type && paramDefault(type, text);
  if (name === undefined || description === undefined || type === undefined || preset === undefined) {
    throw bad(
      { file, ...line },
      `invalid param ${quoted(value)}`,
      `${PARAM} Types: integer, count (1 or more) and dimension (${DIMENSION_WORDS.join(", ")})`,
    );
  }
  return { name, type, default: preset, description };
}

function column(file: string, line: Line, text: string): QuestionColumn {
  const [, name = "", word] = /^([a-z0-9_:]+) ([a-z]+)$/.exec(text) ?? [];
  const type = COLUMN_TYPES.find((known) => known === word);
  if (type !== undefined) return { name, type };
  throw bad(
    { file, ...line },
    `invalid column ${quoted(text)}`,
    `-- columns: client_id text, requests integer. Types: ${COLUMN_TYPES.join(", ")}`,
  );
}

function bad(
  { file, number }: { file: string; number: number },
  why: string,
  expected: string,
): GcUsageError {
  return new GcUsageError("input", `${file}:${number}: ${why}.`, {
    hint: `Expected: ${expected}\nThe format of question files is described in docs/questions.md.`,
    details: { file, line: number },
  });
}
