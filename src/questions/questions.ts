import { readdirSync, readFileSync } from "node:fs";
import { UsageError } from "../support/errors.ts";
import { sqlString } from "../support/quote.ts";
import { shown } from "../support/shown.ts";
import { addDays, type Day, daysBetween } from "../usage/day.ts";
import { CANONICAL_GROUPING, type Grouping } from "../usage/grouping.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Span } from "../usage/period.ts";
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
  throw new UsageError("input", `There is no question ${shown(name)}.`, {
    hint: [hint, "See `gc-usage ask` for all of them."].filter(Boolean).join(" "),
  });
}

/** What a question is asked about. */
export interface QuestionValues extends Span {
  readonly service: Service;
  readonly grouping: Grouping;
  /** Whole numbers by the names of the question's params; its own defaults for the rest. */
  readonly params?: Readonly<Record<string, number>>;
}

/** The days that a question reads: the period, and for one that looks back the period of equal length before. */
export function daysRead(question: Question, span: Span): Span {
  return question.looksBack ? { start: before(span), end: span.end } : span;
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
      ["before", dateLiteral(before(values))],
      ["service", sqlString(values.service)],
      ["grouping", sqlString(values.grouping)],
      ...numbers(question, values.params ?? {}),
    ]),
  );
}

/**
 * The statement that tells the days on which the lake lacks a metric that the question reads: they were loaded from an
 * answer that had been asked for others alone, and a sum passes over them without a word.
 */
export function daysLackingSql(
  question: Question,
  values: QuestionValues,
): { metrics: Metric[]; sql: string } {
  const metrics = METRICS.filter((metric) => new RegExp(`\\b${metric}\\b`).test(question.sql));
  const { start, end } = daysRead(question, values);
  return {
    metrics,
    sql: `SELECT CAST(date AS varchar) FROM usage
WHERE granularity = 'day' AND service = ${sqlString(values.service)} AND "grouping" = ${sqlString(values.grouping)}
  AND date BETWEEN ${dateLiteral(start)} AND ${dateLiteral(end)}
  AND (${metrics.map((metric) => `${metric} IS NULL`).join(" OR ") || "false"})
GROUP BY date ORDER BY date`,
  };
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
      ["service", sqlString(options.service ?? CANONICAL_SERVICE)],
      ["grouping", sqlString(options.grouping ?? CANONICAL_GROUPING)],
      ...numbers(question, {}),
    ]),
  );
}

function before(span: Span): Day {
  return addDays(span.start, -(daysBetween(span.start, span.end) + 1));
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
