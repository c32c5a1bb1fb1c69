import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import type { Dimension } from "../usage/grouping.ts";
import { FILTERS, type FilterName } from "./filter-columns.ts";

/**
 * The types of a question's params. `integer`: a whole number, 0 or more. `count`: a whole number, 1 or more.
 * `dimension`: what rows are split by, as a word of `FilterName`; the statement has its column as `:name`, and the
 * column of its names as `:name_name`.
 */
export const PARAM_TYPES = ["integer", "count", "dimension"] as const;

/** A value that a question takes in addition to its period: `:top`, `:by`. */
export interface QuestionParam {
  /** As in the SQL, after the colon: lower case, words joined with `_`. */
  readonly name: string;
  readonly type: (typeof PARAM_TYPES)[number];
  readonly default: number | FilterName;
  /** One sentence. */
  readonly description: string;
}

/** Values by the names of a question's params, as numbers, words or text. Undefined ones have their defaults. */
export type ParamValues = Readonly<Record<string, number | string | undefined>>;

/** The words of a param of type `dimension`. */
export const DIMENSION_WORDS: readonly FilterName[] = FILTERS.map(({ name }) => name);

const MOST = 999_999_999;

/** `min_requests` → `--min-requests`. */
export function flagOf({ name }: Pick<QuestionParam, "name">): string {
  return `--${name.replaceAll("_", "-")}`;
}

/**
 * The value of a param.
 *
 * @throws {GcUsageError} input, with what is expected.
 */
export function paramValue(param: QuestionParam, values: ParamValues): number | FilterName {
  const given = values[param.name];
  if (given === undefined) return param.default;
  const value = tryValue(param, given);
  if (value !== undefined) return value;
  const shown = typeof given === "string" ? quoted(given) : given;
  const hint = param.type === "dimension" ? didYouMean(String(given), DIMENSION_WORDS) : undefined;
  throw new GcUsageError(
    "input",
    `Invalid ${flagOf(param)}: ${shown} (expected ${expected(param)}).`,
    hint === undefined ? {} : { hint },
  );
}

function tryValue({ type }: QuestionParam, given: number | string): number | FilterName | undefined {
  if (type === "dimension") return wordOf(String(given).trim().toLowerCase());
  const value = typeof given === "string" && !/^\d{1,9}$/.test(given) ? Number.NaN : Number(given);
  return Number.isInteger(value) && value >= leastOf(type) && value <= MOST ? value : undefined;
}

/** Groupings call an endpoint `uri`, so that word is also understood. */
function wordOf(text: string): FilterName | undefined {
  return FILTERS.find(({ name, dimension }) => name === text || dimension === text)?.name;
}

function leastOf(type: QuestionParam["type"]): number {
  return type === "count" ? 1 : 0;
}

function expected({ type }: QuestionParam): string {
  if (type !== "dimension") return `a whole number from ${leastOf(type)} to ${MOST}`;
  return `${DIMENSION_WORDS.slice(0, -1).join(", ")} or ${DIMENSION_WORDS.at(-1) ?? ""}`;
}

/** The default in a heading; undefined if it does not have the type. */
export function paramDefault(type: QuestionParam["type"], text: string): number | FilterName | undefined {
  return tryValue({ name: "", type, default: 0, description: "" }, text);
}

/** The dimension that the rows of an answer are split by in addition to periods, if a param names one. */
export function splitBy(params: readonly QuestionParam[], values: ParamValues): FilterName | undefined {
  const param = params.find(({ type }) => type === "dimension");
  const value = param && paramValue(param, values);
  return DIMENSION_WORDS.find((word) => word === value);
}

/** The dimensions that params of type `dimension` name. */
export function dimensionsOfParams(params: readonly QuestionParam[], values: ParamValues): Dimension[] {
  return params.flatMap((param) => {
    const value = param.type === "dimension" ? paramValue(param, values) : undefined;
    return FILTERS.find(({ name }) => name === value)?.dimension ?? [];
  });
}

/**
 * The SQL of every param, by its name in the statement.
 *
 * @throws {GcUsageError} input, for a value without a param, or one that has not the param's type.
 */
export function paramsSql(
  question: string,
  params: readonly QuestionParam[],
  values: ParamValues,
): [string, string][] {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && !params.some((param) => param.name === name)) {
      throw new GcUsageError("input", `The question ${question} does not accept ${flagOf({ name })}.`, {
        hint: "To list the options of each question: gc-usage ask",
      });
    }
  }
  return params.flatMap((param): [string, string][] => {
    const value = paramValue(param, values);
    if (typeof value === "number") return [[param.name, String(value)]];
    const columns = FILTERS.find(({ name }) => name === value);
    return [
      [param.name, columns?.column ?? ""],
      [`${param.name}_name`, columns?.label ?? "CAST(NULL AS varchar)"],
    ];
  });
}
