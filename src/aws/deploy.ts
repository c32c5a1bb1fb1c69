import { randomUUID } from "node:crypto";
import type {
  CloudFormation,
  DescribeChangeSetOutput,
  Parameter,
  Stack,
} from "@aws-sdk/client-cloudformation";
import { type Effects, realEffects } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { eventsSoFar, type Follow, follow, pastReasons, reasons } from "./events.ts";
import { describe, type StackSettings, settingsOf } from "./stack.ts";

export interface DeployInput {
  readonly stack: string;
  /** The template's text. */
  readonly template: string;
  /** Parameters to set. Those of an existing stack that are not named keep their values. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One resource that deploying would touch. */
export interface Change {
  readonly action: string;
  readonly resource: string;
  readonly type: string;
  /** The bucket, table … as it is now; undefined for one to be made. */
  readonly physicalId: string | undefined;
  /** True where the resource is made anew and the old one let go. */
  readonly replaced: boolean;
}

/** A change set that waits: `carryOut` executes it, `discard` takes it back. */
export interface Plan {
  readonly stack: string;
  readonly stackId: string;
  readonly action: "create" | "update" | "none";
  readonly changes: readonly Change[];
  /** Empty where there is nothing to do. */
  readonly changeSetId: string;
}

/**
 * Asks CloudFormation what deploying would change. Nothing has changed yet when it returns.
 *
 * @throws {UsageError} input, for a parameter that the template does not have; aws, for a stack that cannot be changed
 * as it stands, with what to do, or where CloudFormation refuses the change set.
 */
export async function plan(aws: Aws, input: DeployInput, effects: Effects = realEffects): Promise<Plan> {
  return aws.call(`plan the stack ${input.stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const stack = await describe(cloudFormation, input.stack);
    if (stack !== undefined) await checkReady(cloudFormation, stack, input.stack);
    const isNew = stack === undefined || stack.StackStatus === "REVIEW_IN_PROGRESS";
    const made = await cloudFormation.createChangeSet({
      StackName: input.stack,
      ChangeSetName: `gc-usage-${randomUUID()}`,
      ChangeSetType: isNew ? "CREATE" : "UPDATE",
      TemplateBody: input.template,
      Parameters: await parametersFor(cloudFormation, input, isNew ? undefined : stack),
      Capabilities: ["CAPABILITY_IAM"],
    });
    const changeSetId = made.Id ?? "";
    const base = { stack: input.stack, stackId: made.StackId ?? "", changeSetId };
    const ready = await changeSetReady(cloudFormation, changeSetId, effects);
    if (ready !== undefined) {
      return {
        ...base,
        action: isNew ? "create" : "update",
        changes: await changesOf(cloudFormation, ready),
      };
    }
    await cloudFormation.deleteChangeSet({ ChangeSetName: changeSetId });
    return { ...base, action: "none", changes: [], changeSetId: "" };
  });
}

/** Takes a plan back: the change set, and the empty stack that CloudFormation made to hold it. */
export async function discard(aws: Aws, { stackId, changeSetId, action }: Plan): Promise<void> {
  if (action === "none") return;
  await aws.call("take the change set back", async () => {
    const cloudFormation = await aws.cloudFormation();
    await cloudFormation.deleteChangeSet({ ChangeSetName: changeSetId });
    if (action === "create") await cloudFormation.deleteStack({ StackName: stackId });
  });
}

/**
 * Executes a plan and follows it to its end.
 *
 * @throws {UsageError} aws, with each failed resource's reason; interrupted, while CloudFormation goes on.
 */
export async function carryOut(aws: Aws, made: Plan, options: Follow): Promise<StackSettings> {
  return aws.call(`deploy the stack ${made.stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const seen = await eventsSoFar(cloudFormation, made.stackId);
    await cloudFormation.executeChangeSet({ ChangeSetName: made.changeSetId });
    const { stack, failed } = await follow(cloudFormation, made.stackId, seen, options);
    const status = stack.StackStatus ?? "";
    if (status === "CREATE_COMPLETE" || status === "UPDATE_COMPLETE") return settingsOf(stack, made.stack);
    const why = failed.length > 0 ? `:\n${reasons(failed)}` : ".";
    throw new UsageError("aws", `Deploying the stack ${made.stack} failed (${status})${why}`, {
      hint:
        made.action === "create"
          ? `Mend the cause, remove what is left with \`gc-usage aws destroy --stack ${made.stack} --yes\`, and deploy again.`
          : "The stack is as it was before. Mend the cause and deploy again.",
      details: { status, failed },
    });
  });
}

/** Where a stack stands that no change set can be made for, and the way out. */
async function checkReady(cloudFormation: CloudFormation, found: Stack, stack: string): Promise<void> {
  const status = found.StackStatus ?? "";
  if (status === "REVIEW_IN_PROGRESS") return;
  const id = found.StackId ?? stack;
  if (status.endsWith("_IN_PROGRESS")) {
    throw new UsageError("aws", `The stack ${stack} is being changed already (${status}).`, {
      hint: "Wait until that is done, and deploy again.",
      retryable: true,
    });
  }
  if (["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"].includes(status)) {
    const what = status === "DELETE_FAILED" ? "could not be deleted" : "could not be made";
    const why = await pastReasons(cloudFormation, id);
    throw new UsageError(
      "aws",
      `The stack ${stack} ${what} before and is of no use now (${status}).\n${why}`,
      {
        hint: `Mend the cause, remove it with \`gc-usage aws destroy --stack ${stack}\`, and deploy again.`,
        details: { status },
      },
    );
  }
  if (status === "UPDATE_ROLLBACK_FAILED") {
    throw new UsageError("aws", `The stack ${stack} is stuck between two versions (${status}).`, {
      hint: `Run \`aws cloudformation continue-update-rollback --stack-name ${stack}\`, and deploy again.`,
      details: { status },
    });
  }
}

async function parametersFor(
  cloudFormation: CloudFormation,
  input: DeployInput,
  stack: Stack | undefined,
): Promise<Parameter[]> {
  const summary = await cloudFormation.getTemplateSummary({ TemplateBody: input.template });
  const known = (summary.Parameters ?? []).flatMap((one) => one.ParameterKey ?? []);
  for (const name of Object.keys(input.parameters)) {
    if (known.includes(name)) continue;
    throw new UsageError("input", `The template has no parameter ${name}.`, {
      hint: `It has ${known.join(", ")}.`,
    });
  }
  const before = new Set(stack?.Parameters?.map((one) => one.ParameterKey));
  return known.flatMap((ParameterKey): Parameter[] => {
    const ParameterValue = input.parameters[ParameterKey];
    if (ParameterValue !== undefined) return [{ ParameterKey, ParameterValue }];
    return before.has(ParameterKey) ? [{ ParameterKey, UsePreviousValue: true }] : [];
  });
}

/** The change set once it can be executed; undefined where it would change nothing. */
async function changeSetReady(
  cloudFormation: CloudFormation,
  changeSetId: string,
  effects: Effects,
): Promise<DescribeChangeSetOutput | undefined> {
  for (;;) {
    const now = await cloudFormation.describeChangeSet({ ChangeSetName: changeSetId });
    if (now.Status === "CREATE_COMPLETE") return now;
    if (now.Status === "FAILED") {
      const reason = now.StatusReason ?? "no reason given";
      // CloudFormation's two ways to say it.
      if (/didn't contain changes|no updates are to be performed/i.test(reason)) return undefined;
      throw new UsageError("aws", `CloudFormation refuses the template: ${reason}`);
    }
    await effects.sleep(1_000);
  }
}

async function changesOf(cloudFormation: CloudFormation, first: DescribeChangeSetOutput): Promise<Change[]> {
  const changes: Change[] = [];
  for (let page = first; ; ) {
    for (const { ResourceChange: one } of page.Changes ?? []) {
      if (one === undefined) continue;
      changes.push({
        action: one.Action ?? "",
        resource: one.LogicalResourceId ?? "",
        type: one.ResourceType ?? "",
        physicalId: one.PhysicalResourceId,
        replaced: one.Replacement === "True" || one.Replacement === "Conditional",
      });
    }
    if (page.NextToken === undefined) return changes;
    page = await cloudFormation.describeChangeSet({
      ChangeSetName: first.ChangeSetId,
      NextToken: page.NextToken,
    });
  }
}
