import { readdirSync, readFileSync } from "node:fs";
import { UsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { sqlString } from "../support/quote.ts";
import type { Day } from "../usage/day.ts";
import { CANONICAL_GROUPING, type Grouping } from "../usage/grouping.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { type Granularity, periodsBefore, periodsOf, type Span, weekStartOf } from "../usage/period.ts";
import { CANONICAL_SERVICE, type Service } from "../usage/service.ts";
import { parseQuestion, type Question, replaceParameters } from "./heading.ts";

export type { Question } from "./heading.ts";

/** The same folder seen from src/ and from dist/: package.json ships it. */
const FOLDER = new URL("../../src/questions/sql/", import.meta.url);

let loaded: readonly Question[] | undefined;

/** Every question, by name. */
export function list(): readonly Question[] {
  loaded ??= readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => parseQuestion(file.slice(0, -".sql".length), readFileSync(new URL(file, FOLDER), "utf8")));
  return loaded;
}

/** @throws {UsageError} input, naming what was probably meant, for a name that is no question. */
export function get(name: string): Question {
  const question = list().find((one) => one.name === name);
  if (question) return question;
  const words = name.toLowerCase().split(/[^a-z]+/);
  const near = list().filter((one) => one.name.split("-").some((word) => words.includes(word)));
  const hint = near.length > 0 ? `Did you mean ${near.map((one) => one.name).join(" or ")}?` : undefined;
  throw new UsageError("input", `There is no question ${quoted(name)}.`, {
    hint: [hint, "See `gc-usage ask` for all of them."].filter(Boolean).join(" "),
  });
}

/** What a question is asked about. */
export interface QuestionValues extends Span {
  readonly service: Service;
  readonly grouping: Grouping;
  /** Which rows are read: the days unless given. The span must be whole periods of it. */
  readonly granularity?: Granularity;
  /** Whole numbers by the names of the question's params; its own defaults for the rest. */
  readonly params?: Readonly<Record<string, number>>;
}

/**
 * The days that a question reads: the span, and for one that looks back as many days, weeks or months before.
 *
 * @param span whole periods of the granularity.
 */
export function daysRead(question: Question, span: Span, granularity: Granularity = "day"): Span {
  return question.looksBack ? { start: before(span, granularity), end: span.end } : span;
}

/**
 * The question's statement with every value in its place.
 *
 * @throws {UsageError} input, for a param that the question does not take or that is no whole number ≥ 0.
 */
export function bind(question: Question, values: QuestionValues): string {
  return replaceParameters(
    question.sql,
    new Map([
      ["from", dateLiteral(values.start)],
      ["to", dateLiteral(values.end)],
      ["before", dateLiteral(before(values, values.granularity ?? "day"))],
      ...rowsRead(values),
      ...numbers(question, values.params ?? {}),
    ]),
  );
}

/** The metrics that a question's statement reads. */
export function metricsRead({ sql }: Question): Metric[] {
  return METRICS.filter((metric) => new RegExp(`\\b${metric}\\b`).test(sql));
}

/** Rows of one service, granularity and grouping, and the dates of those that are read. */
export interface RowsRead extends Span {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
}

/**
 * The statement that finds rows without some of the metrics, which a sum would leave out: a row for each date that has
 * any, with the date and then for each metric how many rows lack it.
 */
export function rowsLackingSql(rows: RowsRead, metrics: readonly Metric[]): string {
  const lacking = metrics.map((metric) => `count(*) - count(${metric})`);
  return `SELECT CAST(date AS varchar), ${lacking.join(", ")} FROM usage
WHERE granularity = ${sqlString(rows.granularity)} AND service = ${sqlString(rows.service)}
  AND "grouping" = ${sqlString(rows.grouping)} AND date BETWEEN ${dateLiteral(rows.start)} AND ${dateLiteral(rows.end)}
GROUP BY date HAVING ${lacking.join(" + ")} > 0 ORDER BY date`;
}

/**
 * The statement as it stands for ever, for Athena's named queries: the last `days` days by the engine's clock
 * (UTC) up to yesterday, since the current UTC day is never in the data; the canonical service and grouping,
 * or for a question that needs another dimension `grouping`.
 */
export function defaultSql(
  question: Question,
  options: { days?: number; service?: Service; grouping?: Grouping } = {},
): string {
  const days = options.days ?? 30;
  const ago = (count: number): string => `CAST(current_date - interval '${count}' day AS date)`;
  return replaceParameters(
    question.sql,
    new Map([
      ["from", ago(days)],
      ["to", ago(1)],
      ["before", ago(2 * days)],
      ...rowsRead({
        service: options.service ?? CANONICAL_SERVICE,
        grouping: options.grouping ?? CANONICAL_GROUPING,
      }),
      ...numbers(question, {}),
    ]),
  );
}

/** What picks the rows, and what a column that counts or names their dates is called. */
function rowsRead({
  service,
  grouping,
  granularity = "day",
}: Pick<QuestionValues, "service" | "grouping" | "granularity">): [string, string][] {
  return [
    ["service", sqlString(service)],
    ["grouping", sqlString(grouping)],
    ["granularity", sqlString(granularity)],
    ["period", granularity],
    ["periods", `${granularity}s`],
  ];
}

function before(span: Span, granularity: Granularity): Day {
  const count = periodsOf(granularity, span, weekStartOf(span.start)).length;
  return periodsBefore(granularity, span.start, count);
}

function dateLiteral(day: Day): string {
  return `DATE ${sqlString(day)}`;
}

function numbers(question: Question, given: Readonly<Record<string, number>>): [string, string][] {
  for (const name of Object.keys(given)) {
    if (!question.params.some((param) => param.name === name)) {
      const flag = `--${name.replaceAll("_", "-")}`;
      throw new UsageError("input", `The question ${question.name} takes no ${flag}.`, {
        hint: "See `gc-usage ask --json` for what each question takes.",
      });
    }
  }
  return question.params.map((param) => {
    const value = given[param.name] ?? param.default;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new UsageError("input", `${param.name} is ${value}, not a whole number from 0.`);
    }
    return [param.name, String(value)];
  });
}
