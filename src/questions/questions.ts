import { readdirSync, readFileSync } from "node:fs";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { sqlString } from "../support/quote.ts";
import type { Day } from "../usage/day.ts";
import { CANONICAL_GROUPING, type Grouping } from "../usage/grouping.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { type Granularity, periodsBefore, periodsOf, type Span, weekStartOf } from "../usage/period.ts";
import { CANONICAL_SERVICE, type Service } from "../usage/service.ts";
import { parseQuestion, type Question, replaceParameters } from "./heading.ts";

export type { Question } from "./heading.ts";

/** The path is the same from src/ and from dist/. package.json ships the folder. */
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

/** @throws {GcUsageError} input, for an unknown name, with suggestions. */
export function get(name: string): Question {
  const question = list().find((candidate) => candidate.name === name);
  if (question) return question;
  const words = name.toLowerCase().split(/[^a-z]+/);
  const near = list().filter((candidate) => candidate.name.split("-").some((word) => words.includes(word)));
  const hint =
    near.length > 0 ? `Did you mean ${near.map((candidate) => candidate.name).join(" or ")}?` : undefined;
  throw new GcUsageError("input", `Unknown question ${quoted(name)}.`, {
    hint: [hint, "To list the questions: gc-usage ask"].filter(Boolean).join(" "),
  });
}

/** The rows and values of a question. */
export interface QuestionValues extends Span {
  readonly service: Service;
  readonly grouping: Grouping;
  /** The rows to read (default: day). The span must consist of whole periods. */
  readonly granularity?: Granularity;
  /** Whole numbers by the names of the question's params. Others have their defaults. */
  readonly params?: ParamValues;
}

/** Values by the names of a question's params. Omitted and undefined ones have their defaults. */
export type ParamValues = Readonly<Record<string, number | undefined>>;

/**
 * The days that a question reads: the span and, if it looks back, as many days, weeks or months before it.
 *
 * @param span whole periods of the granularity.
 */
export function daysRead(question: Question, span: Span, granularity: Granularity = "day"): Span {
  return question.looksBack ? { start: before(span, granularity), end: span.end } : span;
}

/**
 * The question's statement with all parameters replaced.
 *
 * @throws {GcUsageError} input, for an unknown param, or a value that is not a whole number ≥ 0.
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

/** The service, granularity, grouping and dates of the rows that are read. */
export interface RowsRead extends Span {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
}

/**
 * A statement that finds rows without some of the metrics, which a sum would ignore. Returns a row for each affected
 * date, with the date and, for each metric, the number of rows without it.
 */
export function rowsLackingSql(rows: RowsRead, metrics: readonly Metric[]): string {
  const missing = metrics.map((metric) => `count(*) - count(${metric})`);
  return `SELECT CAST(date AS varchar), ${missing.join(", ")} FROM usage
WHERE ${rowsWhere(rows)}
GROUP BY date HAVING ${missing.join(" + ")} > 0 ORDER BY date`;
}

/** The condition that selects these rows of `usage`. */
export function rowsWhere(rows: RowsRead): string {
  return `granularity = ${sqlString(rows.granularity)} AND service = ${sqlString(rows.service)}
  AND "grouping" = ${sqlString(rows.grouping)} AND date BETWEEN ${dateLiteral(rows.start)} AND ${dateLiteral(rows.end)}`;
}

/**
 * The statement for Athena's named queries. It reads the last `days` days up to yesterday by the engine's clock
 * (UTC), because the current UTC day is never in the data. It uses the canonical service and grouping, or `grouping`
 * for a question that needs another dimension.
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

/** The values that select rows, and the names of columns that count or contain their dates. */
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

function numbers(question: Question, given: ParamValues): [string, string][] {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !question.params.some((param) => param.name === name)) {
      const flag = `--${name.replaceAll("_", "-")}`;
      throw new GcUsageError("input", `The question ${question.name} does not accept ${flag}.`, {
        hint: "To list the options of each question: gc-usage ask",
      });
    }
  }
  return question.params.map((param) => {
    const value = given[param.name] ?? param.default;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new GcUsageError(
        "input",
        `Invalid ${param.name}: ${value} (expected a whole number, 0 or more).`,
      );
    }
    return [param.name, String(value)];
  });
}
