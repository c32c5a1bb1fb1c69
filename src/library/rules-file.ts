import { stringify } from "yaml";
import * as z from "zod";
import { DEFAULT_RULES, RULE, RULES, type Rule } from "../insight/rules.ts";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { readText } from "./read-text.ts";
import { parseYaml } from "./yaml-text.ts";

/**
 * The rules of a YAML or JSON file, together with the built-in ones that it does not replace.
 *
 * @throws {GcUsageError} input, for a file that cannot be read or is invalid, with the place and what is expected.
 */
export async function readRules(file: string): Promise<Rule[]> {
  const hint = "Check the path. `gc-usage check --print-rules` prints the built-in rules, to start from.";
  return parseRules(await readText(file, `the rules ${file}`, hint), file);
}

/** @param name of the file, for errors. */
export function parseRules(text: string, name: string): Rule[] {
  const content = parseYaml(text, name);
  const parsed = RULES.safeParse(content ?? {});
  if (!parsed.success) throw invalid(parsed.error, content, name);
  const { rules, defaults } = parsed.data;
  const ids = rules.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) {
    throw new GcUsageError("input", `${name} has two rules with the id ${twice}.`, {
      hint: "Rename one of them.",
    });
  }
  const all = [...rules, ...(defaults ? DEFAULT_RULES.filter(({ id }) => !ids.includes(id)) : [])];
  if (all.length > 0) return all;
  // Without rules, every check would report that all is well.
  throw new GcUsageError("input", `${name} has no rules, and turns off the built-in ones.`, {
    hint: "Add a rule, or remove `defaults: false`. `gc-usage check --print-rules` prints the built-in rules.",
  });
}

/** The rules as the text of a file. */
export function rulesText(rules: readonly Rule[]): string {
  return stringify({ rules });
}

/** The JSON Schema of a rules file, for editors. */
export function rulesSchema(): unknown {
  return z.toJSONSchema(RULES, { io: "input" });
}

/** The first problem, in words. */
function invalid(error: z.ZodError, value: unknown, name: string): GcUsageError {
  const [issue] = error.issues;
  if (!issue) return new GcUsageError("input", `${name} is not valid.`);
  const at = issue.path
    .map((part) => (typeof part === "number" ? `[${part + 1}]` : `.${String(part)}`))
    .join("");
  const place = at === "" ? name : `${name}, at ${at.replace(/^\./, "")}${ruleName(issue.path, value)}`;
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return new GcUsageError("input", `${place}: unknown field ${quoted(key)}.`, {
      hint: didYouMean(key, FIELDS) ?? "`gc-usage check --print-schema` prints the fields of each rule.",
    });
  }
  const given = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    value,
  );
  if (issue.code === "invalid_union" && issue.path.at(-1) === "kind" && given === undefined) {
    return new GcUsageError("input", `${place}: the kind of the rule is missing.`, {
      hint: `Kinds: ${KINDS.join(", ")}.`,
    });
  }
  if (issue.code === "invalid_union" && issue.path.at(-1) === "kind") {
    return new GcUsageError("input", `${place}: unknown kind of rule ${quoted(given)}.`, {
      hint: `${didYouMean(String(given), KINDS) ?? ""} Kinds: ${KINDS.join(", ")}.`.trim(),
    });
  }
  const why = issue.message.replace(/^Invalid input: /, "").replace(/^Too (small|big): /, "");
  // JSON has no text for an infinite number.
  const shown = typeof given === "number" ? String(given) : quoted(given);
  const problem = given === undefined ? "a value is missing" : `invalid value ${shown}`;
  return new GcUsageError("input", `${place}: ${problem} (${why}).`, {
    hint: "`gc-usage check --print-schema` prints the fields of each rule.",
  });
}

/** The id of the rule at a path: easier to find than its number, which counts from 1. */
function ruleName([, index]: readonly PropertyKey[], value: unknown): string {
  const rules = (value as { rules?: unknown } | null)?.rules;
  const rule: unknown = Array.isArray(rules) && typeof index === "number" ? rules[index] : undefined;
  const id = (rule as { id?: unknown } | null | undefined)?.id;
  return typeof id === "string" ? ` (id ${quoted(id)})` : "";
}

const KINDS = RULE.options.map((option) => option.shape.kind.value);
const FIELDS = [
  ...Object.keys(RULES.shape),
  ...RULE.options.flatMap((option) => Object.keys(option.shape)),
  "count",
  "percent",
  "requests",
  "times",
  "days",
  "weeks",
  "absentDays",
];
