import * as z from "zod";
import { type BoundedRows, type OwnFolder, type Question, questions, questionsIn } from "../index.ts";
import { basisOf, fitted, shortened, VALUE_CHARACTERS } from "./answer.ts";
import { type AnyTool, memberOf, type ToolContext, tool, WINDOW } from "./tool.ts";

const ROWS = z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())) });

const FILTER = z.string().optional().describe("id or part of a name");

/**
 * One of the saved questions: the program's, then those of the user's folder. Without a folder, the contract is always the same.
 *
 * @throws {GcUsageError} input, if a file of the folder is not a question.
 */
export function askTool(folder: OwnFolder | undefined): AnyTool {
  const own = folder === undefined ? [] : questionsIn(folder);
  const all = [...questions(), ...own];
  const hasParams = own.some((question) => ownParams(question).length > 0);
  const input = z.object({
    question: z.enum(all.map(({ name }) => name) as [string, ...string[]]),
    client: FILTER,
    endpoint: FILTER,
    method: z.string().optional(),
    user: FILTER,
    ...WINDOW,
    last: z.string().optional().describe("30d, 12w, 6m"),
    by: z
      .enum(["client", "endpoint", "method", "user", "platform"])
      .optional()
      .describe("for trend and daily-counts"),
    top: z.int().min(1).optional(),
    service: z.enum(["jobs", "legacy"]).optional(),
    params: PARAMS,
  });
  return tool({
    name: "ask",
    description: `Rows that answer a saved question about the usage. Default period: the last 30 days. Questions:\n${[
      ...questions().map(({ name, title }) => `${name}: ${title}`),
      ...own.map(ownText),
    ].join("\n")}`,
    input: hasParams ? input : (input.omit({ params: true }) as unknown as typeof input),
    output: ROWS,
    run: async ({ question, organization, by, top, params: given, ...options }, { lake, limits }, signal) => {
      const member = await memberOf(lake, organization);
      const takes = (name: string) =>
        all.find((one) => one.name === question)?.params.some((param) => param.name === name);
      const params = {
        ...given,
        ...(by === undefined ? {} : { by }),
        ...(top === undefined || !takes("top") ? {} : { top }),
      };
      const asked = { ...options, questions: folder?.path, params, allowPartial: true, signal };
      const prepared = await member.lake.prepare(question, asked);
      const found = await prepared.bounded(boundsOf({ limits }), { signal });
      return answerOf(found, { envelope: prepared.envelope, sql: prepared.sql, limits });
    },
  });
}

const PARAMS = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .optional()
  .describe("values in brackets, to change them");

/** `failing-endpoints (least_requests 100): Failing endpoints`. */
function ownText(question: Question): string {
  const { name, title } = question;
  const values = ownParams(question).map((param) => `${param.name} ${param.default}`);
  return `${name}${values.length === 0 ? "" : ` (${values.join(", ")})`}: ${shortened(title)}`;
}

/** The params that the tool does not name itself. */
function ownParams({ params }: Question): Question["params"] {
  return params.filter(({ name }) => name !== "by" && name !== "top");
}

/** Any other question, as a statement. */
export const sqlTool = tool({
  name: "sql",
  description:
    "Rows of one SELECT (DuckDB's or Athena's dialect) over the tables daily (rows by UTC day), usage (every period) and slices. It cannot change anything. Columns: gc-usage://tables. Filter date, service and \"grouping\" to one value each: rows of several groupings count the same requests.",
  input: z.object({ sql: z.string(), organization: WINDOW.organization }),
  output: ROWS,
  run: async ({ sql, organization }, { lake, limits }, signal) => {
    const from = organization === undefined ? lake : (await memberOf(lake, organization)).lake;
    const statement = await from.statement(sql, { signal });
    const found = await statement.bounded(boundsOf({ limits }));
    const envelope = await statement.describe(found.tables);
    return answerOf(found, { envelope, sql, limits });
  },
});

function boundsOf({ limits }: Pick<ToolContext, "limits">) {
  return {
    rows: limits.rows,
    characters: limits.characters,
    valueCharacters: VALUE_CHARACTERS,
    seconds: limits.seconds,
  };
}

function answerOf(
  { columns, rows, isTruncated, warnings }: BoundedRows,
  {
    envelope,
    sql,
    limits,
  }: Pick<ToolContext, "limits"> & { readonly envelope: Parameters<typeof basisOf>[0]; readonly sql: string },
) {
  const notes = isTruncated
    ? [...warnings, "There is more. Ask for fewer days, a filter, or sums instead of rows."]
    : warnings;
  const answer = {
    columns: columns.map(({ name }) => name),
    rows: rows.map((row) => row.map((value) => (typeof value === "string" ? shortened(value) : value))),
    ...basisOf(envelope, { isTruncated, sql: sql.trim(), notes }),
  };
  return fitted(answer, ["rows"], limits.characters);
}
