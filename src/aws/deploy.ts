import { randomUUID } from "node:crypto";
import type { CloudFormation, DescribeChangeSetOutput, Stack } from "@aws-sdk/client-cloudformation";
import type { Effects } from "../support/effects.ts";
import { GcUsageError, isGcUsageError, messageOf } from "../support/errors.ts";
import { pollUntil } from "../support/poll.ts";
import type { Aws } from "./aws.ts";
import { type Change, changesOf } from "./changes.ts";
import { eventsSoFar, type Follow, fixFor, follow, pastFailures, reasons } from "./events.ts";
import { checkLakeBucket } from "./lake-buckets.ts";
import { CHANGE_SET, checkOwnStack } from "./own-stack.ts";
import { type DeployInput, leftLake, parametersFor } from "./parameters.ts";
import { describe, type StackSettings, settingsOf } from "./stack.ts";

/** A pending change set: `execute` executes it, `discard` deletes it. */
export interface DeployPlan {
  readonly stack: string;
  readonly stackId: string;
  readonly action: "create" | "update" | "none";
  readonly changes: readonly Change[];
  /** Empty if there is nothing to do. */
  readonly changeSetId: string;
  /** The lake that the stack's tables would no longer read, because a parameter moves them to another bucket or folder. */
  readonly leavesLake: string | undefined;
  /** True if the stack did not exist, and CloudFormation created an empty one to hold the change set. */
  readonly isShell: boolean;
}

type FollowOptions = Pick<Follow, "signal" | "effects">;

/**
 * Plans a deployment with a change set. Nothing has changed when it returns, and nothing is left behind if it throws.
 *
 * @throws {GcUsageError} input, for invalid parameters; refused, for a stack that gc-usage did not create; aws, for a
 * stack that cannot be changed in its state, with a hint, or if CloudFormation rejects the change set; interrupted.
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
    const Parameters = await parametersFor(cloudFormation, input, isNew ? undefined : stack, effects.now());
    const { ExistingLakeBucket } = input.parameters;
    if (ExistingLakeBucket) await checkLakeBucket(aws, ExistingLakeBucket);
    const made = await cloudFormation.createChangeSet({
      StackName: input.stack,
      ChangeSetName: `${CHANGE_SET}${randomUUID()}`,
      ChangeSetType: isNew ? "CREATE" : "UPDATE",
      TemplateBody: input.template,
      Parameters,
      Capabilities: ["CAPABILITY_IAM"],
      ...tagsFor(input, stack),
      ...(input.roleArn === undefined ? {} : { RoleARN: input.roleArn }),
    });
    const pending: DeployPlan = {
      stack: input.stack,
      stackId: made.StackId ?? "",
      action: isNew ? "create" : "update",
      changes: [],
      changeSetId: made.Id ?? "",
      leavesLake: isNew ? undefined : leftLake(stack, input.parameters),
      isShell: stack === undefined,
    };
    return orDiscard(aws, pending, effects, `plan the stack ${input.stack}`, async () => {
      const ready = await changeSetReady(cloudFormation, pending.changeSetId, { signal, effects });
      if (ready !== undefined) return { ...pending, changes: await changesOf(cloudFormation, ready) };
      await discard(aws, pending, effects);
      return { ...pending, action: "none", changeSetId: "" };
    });
  });
}

/** CloudFormation replaces all tags of a stack, or keeps them if none are given. */
function tagsFor({ tags = {} }: DeployInput, stack: Stack | undefined) {
  if (Object.keys(tags).length === 0) return {};
  const all = new Map((stack?.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
  for (const [key, value] of Object.entries(tags)) all.set(key, value);
  return { Tags: [...all].map(([Key, Value]) => ({ Key, Value })) };
}

/** Protects the stack from deletion, or ends the protection. */
export async function setProtection(aws: Aws, stack: string, isProtected: boolean): Promise<void> {
  await aws.call(`set the termination protection of the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    await cloudFormation.updateTerminationProtection({
      StackName: stack,
      EnableTerminationProtection: isProtected,
    });
  });
}

const POLL_MS = 1_000;
const DISCARD_TRIES = 60;

/** Deletes the change set, and the empty stack that CloudFormation created to hold it. */
export async function discard(aws: Aws, made: DeployPlan, effects: Effects): Promise<void> {
  await aws.call("delete the change set", async () => {
    const cloudFormation = await aws.cloudFormation();
    let tries = 0;
    const remove = async (): Promise<true | undefined> => {
      try {
        await cloudFormation.deleteChangeSet({ ChangeSetName: made.changeSetId });
        return true;
      } catch (error) {
        // CloudFormation does not delete a change set that it is still creating.
        const isBusy = error instanceof Error && error.name === "InvalidChangeSetStatusException";
        if (!isBusy || ++tries === DISCARD_TRIES) throw error;
        return undefined;
      }
    };
    await pollUntil(remove, { effects, pauseMs: POLL_MS });
    // Check again: this must never delete a stack that has resources.
    if (made.isShell && (await describe(cloudFormation, made.stackId))?.StackStatus === "REVIEW_IN_PROGRESS")
      await cloudFormation.deleteStack({ StackName: made.stackId });
  });
}

/** Runs a step of a plan. If it fails, discards the plan, or reports what is left behind. */
async function orDiscard<T>(
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
      if (!isGcUsageError(error)) throw error;
      const { kind, message, hint = "", details } = error;
      const left = made.isShell
        ? ` To delete the empty stack that holds it: gc-usage aws destroy --stack ${made.stack}`
        : "";
      throw new GcUsageError(kind, `${message}\nThe change set could not be deleted. ${messageOf(why)}`, {
        hint: `${hint}${left}`.trim(),
        details,
        cause: error,
      });
    });
    throw error;
  }
}

/** Executes a plan of the main stack, and returns its settings. */
export async function execute(aws: Aws, made: DeployPlan, options: Follow): Promise<StackSettings> {
  return settingsOf(await executePlan(aws, made, options), made.stack);
}

/**
 * Executes a plan and follows it until it is done. A plan that cannot be executed is discarded.
 *
 * @throws {GcUsageError} aws, with each failed resource's reason; interrupted, while CloudFormation continues.
 */
export async function executePlan(aws: Aws, made: DeployPlan, options: Follow): Promise<Stack> {
  const doing = `deploy the stack ${made.stack}`;
  return aws.call(doing, async () => {
    const seen = await orDiscard(aws, made, options.effects, doing, async () => {
      const cloudFormation = await aws.cloudFormation();
      const before = await eventsSoFar(cloudFormation, made.stackId);
      checkNotInterrupted(options.signal);
      await cloudFormation.executeChangeSet({ ChangeSetName: made.changeSetId });
      return before;
    });
    const { stack, failed } = await follow(aws, made.stackId, seen, options);
    const status = stack.StackStatus ?? "";
    if (status === "CREATE_COMPLETE" || status === "UPDATE_COMPLETE") return stack;
    const why = failed.length > 0 ? `:\n${reasons(failed)}` : ".";
    throw new GcUsageError("aws", `Deploying the stack ${made.stack} failed (${status})${why}`, {
      hint: `${fixFor(failed) ?? "Fix the cause."} ${nextStep(made, status)}`,
      details: { status, failed },
    });
  });
}

function nextStep({ stack, action }: DeployPlan, status: string): string {
  if (action === "create")
    return `Delete what is left with \`gc-usage aws destroy --stack ${stack}\`, then deploy again.`;
  return status === STUCK ? unstick(stack) : "The stack is unchanged. Then deploy again.";
}

/** An update failed, and so did its rollback. */
const STUCK = "UPDATE_ROLLBACK_FAILED";

function unstick(stack: string): string {
  return `The stack is stuck between two versions. Run \`aws cloudformation continue-update-rollback --stack-name ${stack}\`, then deploy again.`;
}

/** Rejects a stack in a state that allows no change set, with a hint how to fix it. */
async function checkReady(cloudFormation: CloudFormation, found: Stack, stack: string): Promise<void> {
  const status = found.StackStatus ?? "";
  if (status === "REVIEW_IN_PROGRESS") return;
  const id = found.StackId ?? stack;
  if (status.endsWith("_IN_PROGRESS")) {
    throw new GcUsageError("aws", `The stack ${stack} is already being changed (${status}).`, {
      hint: "Wait until that is done, then deploy again.",
      retryable: true,
    });
  }
  if (["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"].includes(status)) {
    const what = status === "DELETE_FAILED" ? "could not be deleted" : "could not be created";
    const past = await pastFailures(cloudFormation, id);
    throw new GcUsageError(
      "aws",
      `The stack ${stack} ${what} earlier and cannot be used (${status}).\n${reasons(past)}`,
      {
        hint: `${fixFor(past) ?? "Fix the cause."} Delete the stack with \`gc-usage aws destroy --stack ${stack}\`, then deploy again.`,
        details: { status },
      },
    );
  }
  if (status === STUCK) {
    throw new GcUsageError("aws", `The stack ${stack} cannot be changed (${status}).`, {
      hint: unstick(stack),
      details: { status },
    });
  }
}

/** Waits until the change set can be executed. Returns undefined if it would change nothing. */
async function changeSetReady(
  cloudFormation: CloudFormation,
  changeSetId: string,
  { signal, effects }: FollowOptions,
): Promise<DescribeChangeSetOutput | undefined> {
  const look = async (): Promise<{ ready: DescribeChangeSetOutput | undefined } | undefined> => {
    checkNotInterrupted(signal);
    const now = await cloudFormation.describeChangeSet({ ChangeSetName: changeSetId });
    if (now.Status === "CREATE_COMPLETE") return { ready: now };
    if (now.Status !== "FAILED") return undefined;
    const reason = now.StatusReason ?? "no reason given";
    // The two texts of CloudFormation for an empty change set.
    if (/didn't contain changes|no updates are to be performed/i.test(reason)) return { ready: undefined };
    throw await refusal(cloudFormation, changeSetId, reason);
  };
  const { ready } = await pollUntil(look, { effects, signal, pauseMs: POLL_MS }).catch((error: unknown) => {
    checkNotInterrupted(signal);
    throw error;
  });
  return ready;
}

/** Why there is no plan. For CloudFormation's early validation, the reason contains only the name of the check. */
async function refusal(
  cloudFormation: CloudFormation,
  changeSetId: string,
  reason: string,
): Promise<GcUsageError> {
  // Without permission to read these events, or in an AWS without them, the reason is still reported.
  const events = reason.includes("EarlyValidation")
    ? await cloudFormation.describeEvents({ ChangeSetName: changeSetId }).catch(() => undefined)
    : undefined;
  const found = (events?.OperationEvents ?? [])
    .filter((event) => event.EventType === "VALIDATION_ERROR")
    .map((event) => `  ${event.LogicalResourceId} (${event.ResourceType}): ${event.ValidationStatusReason}`);
  return new GcUsageError("aws", [`CloudFormation rejected the template: ${reason}`, ...found].join("\n"), {
    hint: reason.includes("ResourceExistenceCheck")
      ? "A resource with that name already exists. Nothing was changed. Use another --stack, or set other names with --parameter."
      : "Nothing was changed. Fix the cause, then deploy again.",
  });
}

function checkNotInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new GcUsageError("interrupted", "Interrupted. Nothing was changed.");
}
