import { readdirSync, readFileSync } from "node:fs";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean, meant } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { sqlString } from "../support/quote.ts";
import type { Day } from "../usage/day.ts";
import { CANONICAL_GROUPING, type Grouping } from "../usage/grouping.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { type Granularity, periodsBefore, periodsOf, type Span, weekStartOf } from "../usage/period.ts";
import { CANONICAL_SERVICE, type Service } from "../usage/service.ts";
import { parseQuestion, type Question, replaceParameters } from "./heading.ts";
import { checkNames, getOwn, type OwnFolder, ownNames } from "./own-questions.ts";
import { type ParamValues, paramsSql } from "./params.ts";

export type { Question } from "./heading.ts";
export type { ParamValues } from "./params.ts";

/** The path is the same from src/ and from dist/. package.json ships the folder. */
const FOLDER = new URL("../../src/questions/sql/", import.meta.url);

let loaded: readonly Question[] | undefined;

/** Every question of the program, by name. */
export function list(): readonly Question[] {
  loaded ??= readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => parseQuestion(file.slice(0, -".sql".length), readFileSync(new URL(file, FOLDER), "utf8")));
  return loaded;
}

/**
 * A question of the program, or one in the folder of the user's own.
 *
 * @throws {GcUsageError} input, for an unknown name, with suggestions; for a file that is not a question.
 */
export function get(name: string, folder?: OwnFolder): Question {
  const builtIn = list().find((candidate) => candidate.name === name);
  const own = folder && getOwn(folder, name);
  if (builtIn && own) throw shadows(own);
  const question = builtIn ?? own;
  if (question) return question;
  const words = name.toLowerCase().split(/[^a-z]+/);
  const known = [...list().map((candidate) => candidate.name), ...(folder ? ownNames(folder) : [])];
  const alike = known.filter((candidate) => candidate.split("-").some((word) => words.includes(word)));
  const hint = didYouMean(name, known) ?? (alike.length > 0 ? meant(alike) : undefined);
  throw new GcUsageError("input", `Unknown question ${quoted(name)}.`, {
    hint: [hint, "To list the questions: gc-usage ask"].filter(Boolean).join(" "),
  });
}

/**
 * The questions of a folder, by name.
 *
 * @throws {GcUsageError} input, if a file is not a question or has the name of one of the program's.
 */
export function listOwn(folder: OwnFolder): readonly Question[] {
  checkNames(folder);
  const own = ownNames(folder).flatMap((name) => getOwn(folder, name) ?? []);
  const shadowing = own.find(({ name }) => list().some((question) => question.name === name));
  if (shadowing) throw shadows(shadowing);
  return own;
}

function shadows({ name, file = "" }: Question): GcUsageError {
  return new GcUsageError("input", `${file} has the name of a built-in question, ${name}.`, {
    hint: "Rename the file.",
  });
}

/** The rows and values of a question. */
export interface QuestionValues extends Span {
  readonly service: Service;
  readonly grouping: Grouping;
  /** The rows to read (default: day). The span must consist of whole periods. */
  readonly granularity?: Granularity;
  readonly params?: ParamValues;
  /** The first days of the span's periods that the lake covers (default: of all periods), for `:dates`. */
  readonly dates?: readonly Day[];
}

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
 * @throws {GcUsageError} input, for an unknown or invalid param.
 */
export function bind(question: Question, values: QuestionValues): string {
  return replaceParameters(
    question.sql,
    new Map([
      ["from", dateLiteral(values.start)],
      ["to", dateLiteral(values.end)],
      ["before", dateLiteral(before(values, values.granularity ?? "day"))],
      ["dates", datesTable(values)],
      ...rowsRead(values),
      ...paramsSql(question.name, question.params, values.params ?? {}),
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
      ["dates", lastDates(days)],
      ...rowsRead({
        service: options.service ?? CANONICAL_SERVICE,
        grouping: options.grouping ?? CANONICAL_GROUPING,
      }),
      ...paramsSql(question.name, question.params, {}),
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

/** A table of one column. VALUES needs at least one row. */
function datesTable({ start, end, granularity = "day", dates }: QuestionValues): string {
  const days = dates ?? periodsOf(granularity, { start, end }, weekStartOf(start)).map(({ date }) => date);
  if (days.length === 0) return "(SELECT CAST(NULL AS date) AS day WHERE false)";
  return `(VALUES ${days.map((day) => `(${dateLiteral(day)})`).join(", ")})`;
}

/** The same for the days up to yesterday, by the engine's clock. */
function lastDates(count: number): string {
  const numbers = Array.from({ length: count }, (_, i) => `(${count - i})`).join(", ");
  return `(SELECT CAST(current_date - n * interval '1' day AS date) FROM (VALUES ${numbers}) AS numbers (n))`;
}
