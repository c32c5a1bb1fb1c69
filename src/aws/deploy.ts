import { randomUUID } from "node:crypto";
import type { CloudFormation, DescribeChangeSetOutput, Stack } from "@aws-sdk/client-cloudformation";
import type { Effects } from "../support/effects.ts";
import { isUsageError, messageOf, UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { eventsSoFar, type Follow, follow, pastReasons, reasons } from "./events.ts";
import { CHANGE_SET, checkOwnStack } from "./own-stack.ts";
import { type DeployInput, parametersFor } from "./parameters.ts";
import { describe, type StackSettings, settingsOf } from "./stack.ts";

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

/** A change set that waits: `execute` executes it, `discard` takes it back. */
export interface DeployPlan {
  readonly stack: string;
  readonly stackId: string;
  readonly action: "create" | "update" | "none";
  readonly changes: readonly Change[];
  /** Empty where there is nothing to do. */
  readonly changeSetId: string;
  /** True where there was no such stack, and CloudFormation made an empty one to hold the change set. */
  readonly isShell: boolean;
}

type FollowOptions = Pick<Follow, "signal" | "effects">;

/**
 * Asks CloudFormation what deploying would change. Nothing has changed yet when it returns, and nothing is left where it
 * throws.
 *
 * @throws {UsageError} input, for parameters that cannot be; refused, for a stack that is not ours; aws, for one that
 * cannot be changed as it stands, with what to do, or where CloudFormation refuses the change set; interrupted.
 */
export async function plan(
  aws: Aws,
  input: DeployInput,
  { signal, effects }: FollowOptions,
): Promise<DeployPlan> {
  return aws.call(`plan the stack ${input.stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const stack = await describe(cloudFormation, input.stack);
    if (stack !== undefined) {
      await checkOwnStack(cloudFormation, stack, input.stack);
      await checkReady(cloudFormation, stack, input.stack);
    }
    const isNew = stack === undefined || stack.StackStatus === "REVIEW_IN_PROGRESS";
    const made = await cloudFormation.createChangeSet({
      StackName: input.stack,
      ChangeSetName: `${CHANGE_SET}${randomUUID()}`,
      ChangeSetType: isNew ? "CREATE" : "UPDATE",
      TemplateBody: input.template,
      Parameters: await parametersFor(cloudFormation, input, isNew ? undefined : stack, effects.now()),
      Capabilities: ["CAPABILITY_IAM"],
    });
    const pending: DeployPlan = {
      stack: input.stack,
      stackId: made.StackId ?? "",
      action: isNew ? "create" : "update",
      changes: [],
      changeSetId: made.Id ?? "",
      isShell: stack === undefined,
    };
    return orTakeBack(aws, pending, effects, `plan the stack ${input.stack}`, async () => {
      const ready = await changeSetReady(cloudFormation, pending.changeSetId, { signal, effects });
      if (ready !== undefined) return { ...pending, changes: await changesOf(cloudFormation, ready) };
      await discard(aws, pending, effects);
      return { ...pending, action: "none", changeSetId: "" };
    });
  });
}

const DISCARD_TRIES = 60;

/** Takes a plan back: the change set, and the empty stack that CloudFormation made to hold it. */
export async function discard(aws: Aws, made: DeployPlan, effects: Effects): Promise<void> {
  await aws.call("take the change set back", async () => {
    const cloudFormation = await aws.cloudFormation();
    for (let tries = 1; ; tries++) {
      try {
        await cloudFormation.deleteChangeSet({ ChangeSetName: made.changeSetId });
        break;
      } catch (error) {
        // CloudFormation does not let go of one that it is still working out.
        const isBusy = error instanceof Error && error.name === "InvalidChangeSetStatusException";
        if (!isBusy || tries === DISCARD_TRIES) throw error;
        await effects.sleep(1_000);
      }
    }
    // Asked again: a stack with anything in it is never deleted here.
    if (made.isShell && (await describe(cloudFormation, made.stackId))?.StackStatus === "REVIEW_IN_PROGRESS")
      await cloudFormation.deleteStack({ StackName: made.stackId });
  });
}

/** A step of a plan; where it fails, the plan is taken back, or what is left of it is told. */
async function orTakeBack<T>(
  aws: Aws,
  made: DeployPlan,
  effects: Effects,
  doing: string,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await aws.call(doing, step);
  } catch (error) {
    await discard(aws, made, effects).catch((why: unknown) => {
      if (!isUsageError(error)) throw error;
      const { kind, message, hint = "", details } = error;
      const left = made.isShell
        ? ` An empty stack with it is left: remove it with \`gc-usage aws destroy --stack ${made.stack}\`.`
        : "";
      throw new UsageError(kind, `${message}\nThe change set is left behind. ${messageOf(why)}`, {
        hint: `${hint}${left}`.trim(),
        details,
        cause: error,
      });
    });
    throw error;
  }
}

/**
 * Executes a plan and follows it to its end. A plan that cannot be executed is taken back.
 *
 * @throws {UsageError} aws, with each failed resource's reason; interrupted, while CloudFormation goes on.
 */
export async function execute(aws: Aws, made: DeployPlan, options: Follow): Promise<StackSettings> {
  const doing = `deploy the stack ${made.stack}`;
  return aws.call(doing, async () => {
    const seen = await orTakeBack(aws, made, options.effects, doing, async () => {
      const cloudFormation = await aws.cloudFormation();
      const before = await eventsSoFar(cloudFormation, made.stackId);
      checkGoingOn(options.signal);
      await cloudFormation.executeChangeSet({ ChangeSetName: made.changeSetId });
      return before;
    });
    const { stack, failed } = await follow(aws, made.stackId, seen, options);
    const status = stack.StackStatus ?? "";
    if (status === "CREATE_COMPLETE" || status === "UPDATE_COMPLETE") return settingsOf(stack, made.stack);
    const why = failed.length > 0 ? `:\n${reasons(failed)}` : ".";
    throw new UsageError("aws", `Deploying the stack ${made.stack} failed (${status})${why}`, {
      hint: `Mend the cause. ${wayOn(made, status)}`,
      details: { status, failed },
    });
  });
}

function wayOn({ stack, action }: DeployPlan, status: string): string {
  if (action === "create")
    return `Remove what is left with \`gc-usage aws destroy --stack ${stack}\`, and deploy again.`;
  return status === STUCK ? unstick(stack) : "The stack is as it was before: deploy again.";
}

/** An update failed, and so did going back. */
const STUCK = "UPDATE_ROLLBACK_FAILED";

function unstick(stack: string): string {
  return `The stack is stuck between two versions: run \`aws cloudformation continue-update-rollback --stack-name ${stack}\`, and deploy again.`;
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
  if (status === STUCK) {
    throw new UsageError("aws", `The stack ${stack} cannot be changed (${status}).`, {
      hint: unstick(stack),
      details: { status },
    });
  }
}

/** The change set once it can be executed; undefined where it would change nothing. */
async function changeSetReady(
  cloudFormation: CloudFormation,
  changeSetId: string,
  { signal, effects }: FollowOptions,
): Promise<DescribeChangeSetOutput | undefined> {
  for (;;) {
    checkGoingOn(signal);
    const now = await cloudFormation.describeChangeSet({ ChangeSetName: changeSetId });
    if (now.Status === "CREATE_COMPLETE") return now;
    if (now.Status === "FAILED") {
      const reason = now.StatusReason ?? "no reason given";
      // CloudFormation's two ways to say it.
      if (/didn't contain changes|no updates are to be performed/i.test(reason)) return undefined;
      throw await refusal(cloudFormation, changeSetId, reason);
    }
    await effects.sleep(1_000, signal).catch(() => {});
  }
}

/** Why there is no plan. Of the checks that CloudFormation makes beforehand the reason names only the check. */
async function refusal(
  cloudFormation: CloudFormation,
  changeSetId: string,
  reason: string,
): Promise<UsageError> {
  // Whoever may not read these events, or an AWS without them, still gets the reason.
  const events = reason.includes("EarlyValidation")
    ? await cloudFormation.describeEvents({ ChangeSetName: changeSetId }).catch(() => undefined)
    : undefined;
  const found = (events?.OperationEvents ?? [])
    .filter((one) => one.EventType === "VALIDATION_ERROR")
    .map((one) => `  ${one.LogicalResourceId} (${one.ResourceType}): ${one.ValidationStatusReason}`);
  return new UsageError("aws", [`CloudFormation refuses the template: ${reason}`, ...found].join("\n"), {
    hint: reason.includes("ResourceExistenceCheck")
      ? "Something of that name is there already. Use another --stack, or other names by --parameter. Nothing was changed."
      : "Mend the cause and deploy again. Nothing was changed.",
  });
}

function checkGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new UsageError("interrupted", "Interrupted. Nothing was changed.");
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
