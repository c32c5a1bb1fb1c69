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
  /** Tags to add to those of the stack, and so to its resources. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** The role with which CloudFormation creates the resources; default: the caller, or the stack's earlier one. */
  readonly roleArn?: string | undefined;
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
  checkOneBucket(input.parameters);
  const before = new Map(
    stack?.Parameters?.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
  );
  checkRulesApply((name) => input.parameters[name] ?? before.get(name));
  const summary = await cloudFormation.getTemplateSummary({ TemplateBody: input.template });
  const known = (summary.Parameters ?? []).flatMap(({ ParameterKey }) => ParameterKey ?? []);
  if (known.includes("DatabaseName"))
    checkDatabaseName(input.stack, input.parameters["DatabaseName"] ?? before.get("DatabaseName"));
  for (const name of Object.keys(input.parameters)) {
    if (known.includes(name)) continue;
    throw new GcUsageError("input", `Unknown parameter ${name} in --parameter.`, {
      hint: suggesting(name, known, `Use one of: ${known.join(", ")}.`),
    });
  }
  return known.flatMap((ParameterKey): Parameter[] => {
    const ParameterValue = written(ParameterKey, input.parameters[ParameterKey]);
    if (ParameterValue !== undefined) return [{ ParameterKey, ParameterValue }];
    return before.has(ParameterKey) ? [{ ParameterKey, UsePreviousValue: true }] : [];
  });
}

/** The template needs the slash at the end, to put the prefix before a folder. */
function written(name: string, value: string | undefined): string | undefined {
  return name === "LakePrefix" && value
    ? value.replace(/^\/+|\/*$/g, (_slashes, at: number) => (at === 0 ? "" : "/"))
    : value;
}

/** The lake of an existing stack, if the parameters let its tables read another bucket or folder. */
export function leftLake(stack: Stack, given: DeployInput["parameters"]): string | undefined {
  const before = (name: string): string =>
    stack.Parameters?.find(({ ParameterKey }) => ParameterKey === name)?.ParameterValue ?? "";
  const moves = ["ExistingLakeBucket", "LakePrefix"].some(
    (name) => given[name] !== undefined && written(name, given[name]) !== before(name),
  );
  return moves ? stack.Outputs?.find(({ OutputKey }) => OutputKey === "LakeUri")?.OutputValue : undefined;
}

function checkOneBucket({
  LakeBucketName: named,
  ExistingLakeBucket: existing,
}: DeployInput["parameters"]): void {
  if (!named || !existing) return;
  throw new GcUsageError("input", "LakeBucketName and ExistingLakeBucket cannot be combined.", {
    hint: "LakeBucketName is the name of a new bucket. ExistingLakeBucket is a bucket that already exists.",
  });
}

/** The stack does not change the policy of a bucket that it did not create, so a rule for it would silently have no effect. */
function checkRulesApply(valueOf: (name: string) => string | undefined): void {
  const existing = valueOf("ExistingLakeBucket");
  const rule = ["VpcEndpoints", "ReaderAccounts"].find((name) => valueOf(name));
  if (!existing || rule === undefined) return;
  throw new GcUsageError("input", `${rule} has no effect on ExistingLakeBucket (${existing}).`, {
    hint: `The stack does not change that bucket's policy. Write the rule into it yourself, and set --parameter ${rule}= to deploy.`,
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
