import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { camelCase } from "../src/library/row-objects.ts";
import type { ColumnType, QuestionColumn } from "../src/questions/heading.ts";
import { list } from "../src/questions/questions.ts";

/** Writes src/library/question-rows.ts, the types of the rows of each question, from the questions' headings. */

const TYPES: Readonly<Record<ColumnType, string>> = {
  text: "string | null",
  integer: "number | null",
  double: "number | null",
  date: "string | null",
};

/** `limited_:periods` is a column of its own for days, weeks and months. */
function members({ name, type }: QuestionColumn): string[] {
  if (!name.includes(":")) return [`    readonly ${camelCase(name)}: ${TYPES[type]};`];
  return ["day", "week", "month"].map((period) => {
    const column = name.replace(":periods", `${period}s`).replace(":period", period);
    return `    readonly ${camelCase(column)}?: ${TYPES[type]};`;
  });
}

/** What is added to the rows that name a client or a user. */
function names(columns: readonly QuestionColumn[]): string[] {
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  return [
    ...(has("user_id") ? ["    readonly userName: string | null;"] : []),
    ...(has("user_id") || has("client_id")
      ? ["    /** If there are labels. */\n    readonly owner?: string | null;"]
      : []),
  ];
}

export function questionRows(): string {
  const rows = list().map(
    ({ name, description, columns }) =>
      `  /** ${description} */\n  readonly ${name.includes("-") ? JSON.stringify(name) : name}: {\n${[...columns.flatMap(members), ...names(columns)].join("\n")}\n  };`,
  );
  return `// Written by \`npm run docs\` from the headings in src/questions/sql.

/**
 * The rows of each question's answer. Figures are whole numbers, except for percentages (\`…Pct\`, with two decimals). Dates
 * are UTC days, \`2026-11-01\`. Columns for weeks and months exist only in answers by week or month. Null: not known.
 */
export interface QuestionRows {
${rows.join("\n")}
}

/** The names of the questions that ship with the program. */
export type QuestionName = keyof QuestionRows;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("../src/library/question-rows.ts", import.meta.url), questionRows());
}
