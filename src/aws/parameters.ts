import type { CloudFormation, Parameter, Stack } from "@aws-sdk/client-cloudformation";
import { UsageError } from "../support/errors.ts";
import { dayOf, parseDay } from "../usage/day.ts";

export interface DeployInput {
  readonly stack: string;
  /** The template's text. */
  readonly template: string;
  /** Parameters to set. Those of an existing stack that are not named keep their values. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The parameters of a change set. What CloudFormation would take, and the stack then not work with, is refused here.
 *
 * @param stack the stack as it is; undefined for one to be made.
 * @param now milliseconds since 1970.
 * @throws {UsageError} input, naming the parameter.
 */
export async function parametersFor(
  cloudFormation: CloudFormation,
  input: DeployInput,
  stack: Stack | undefined,
  now: number,
): Promise<Parameter[]> {
  checkFirstDay(input.parameters["FirstDay"], now);
  const before = new Map(stack?.Parameters?.map((one) => [one.ParameterKey, one.ParameterValue]));
  checkDatabaseName(input.stack, input.parameters["DatabaseName"] ?? before.get("DatabaseName"));
  const summary = await cloudFormation.getTemplateSummary({ TemplateBody: input.template });
  const known = (summary.Parameters ?? []).flatMap((one) => one.ParameterKey ?? []);
  for (const name of Object.keys(input.parameters)) {
    if (known.includes(name)) continue;
    throw new UsageError("input", `The template has no parameter ${name}.`, {
      hint: `It has ${known.join(", ")}.`,
    });
  }
  return known.flatMap((ParameterKey): Parameter[] => {
    const ParameterValue = input.parameters[ParameterKey];
    if (ParameterValue !== undefined) return [{ ParameterKey, ParameterValue }];
    return before.has(ParameterKey) ? [{ ParameterKey, UsePreviousValue: true }] : [];
  });
}

/** A pattern cannot tell the days that exist, and Athena fails on a range that ends before it begins. */
function checkFirstDay(text: string | undefined, now: number): void {
  if (text === undefined || parseDay(text, "FirstDay") <= dayOf(now)) return;
  throw new UsageError("input", `FirstDay: ${text} is still to come.`, {
    hint: "Use the first day of your data, or an earlier one.",
  });
}

/** The database is named after the stack, and Glue keeps names in lower case: the crawler would not find it. */
function checkDatabaseName(stack: string, name: string | undefined): void {
  if (name || stack === stack.toLowerCase()) return;
  const lower = stack.toLowerCase();
  throw new UsageError(
    "input",
    `--stack: Glue knows no database of the name ${stack}: it keeps no capitals.`,
    {
      hint: `Use --stack ${lower}, or name the database: --parameter DatabaseName=${lower.replaceAll("-", "_")}.`,
    },
  );
}
