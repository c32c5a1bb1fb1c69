import type { CloudFormation, Parameter, Stack } from "@aws-sdk/client-cloudformation";
import { GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { dayOf, parseDay } from "../usage/day.ts";

export interface DeployInput {
  readonly stack: string;
  /** The template's text. */
  readonly template: string;
  /** Parameters to set. Other parameters of an existing stack keep their values. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The parameters of a change set. Rejects values that CloudFormation would accept but the stack could not work with.
 *
 * @param stack the existing stack; undefined for a new one.
 * @param now milliseconds since 1970.
 * @throws {GcUsageError} input, naming the parameter.
 */
export async function parametersFor(
  cloudFormation: CloudFormation,
  input: DeployInput,
  stack: Stack | undefined,
  now: number,
): Promise<Parameter[]> {
  checkFirstDay(input.parameters["FirstDay"], now);
  const before = new Map(
    stack?.Parameters?.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
  );
  checkDatabaseName(input.stack, input.parameters["DatabaseName"] ?? before.get("DatabaseName"));
  const summary = await cloudFormation.getTemplateSummary({ TemplateBody: input.template });
  const known = (summary.Parameters ?? []).flatMap(({ ParameterKey }) => ParameterKey ?? []);
  for (const name of Object.keys(input.parameters)) {
    if (known.includes(name)) continue;
    throw new GcUsageError("input", `Unknown parameter ${name} in --parameter.`, {
      hint: suggesting(name, known, `Use one of: ${known.join(", ")}.`),
    });
  }
  return known.flatMap((ParameterKey): Parameter[] => {
    const ParameterValue = input.parameters[ParameterKey];
    if (ParameterValue !== undefined) return [{ ParameterKey, ParameterValue }];
    return before.has(ParameterKey) ? [{ ParameterKey, UsePreviousValue: true }] : [];
  });
}

/** The template's pattern cannot check whether a day exists, and Athena fails on a range that ends before it starts. */
function checkFirstDay(text: string | undefined, now: number): void {
  if (text === undefined || parseDay(text, "FirstDay") <= dayOf(now)) return;
  throw new GcUsageError("input", `Invalid FirstDay: ${text} is in the future.`, {
    hint: "Use the first day of your data, or an earlier one.",
  });
}

/** The database is named after the stack, but Glue stores names in lower case, so the crawler would not find it. */
function checkDatabaseName(stack: string, name: string | undefined): void {
  if (name || stack === stack.toLowerCase()) return;
  const lower = stack.toLowerCase();
  throw new GcUsageError(
    "input",
    `Invalid --stack: the Glue database would be named ${stack}, but Glue allows only lower case.`,
    {
      hint: `Use --stack ${lower}, or set the database's name: --parameter DatabaseName=${lower.replaceAll("-", "_")}`,
    },
  );
}
