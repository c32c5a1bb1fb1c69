import type { CloudFormation, Stack, StackEvent } from "@aws-sdk/client-cloudformation";
import type { Effects } from "../support/effects.ts";
import { type ErrorKind, GcUsageError, isGcUsageError } from "../support/errors.ts";
import { pollUntil } from "../support/poll.ts";
import type { Aws } from "./aws.ts";
import { describe } from "./stack.ts";

/** A step of the creation, update or deletion of a stack. */
export interface Step {
  readonly resource: string;
  /** `AWS::S3::Bucket` … */
  readonly type: string;
  /** CREATE_IN_PROGRESS, CREATE_COMPLETE, CREATE_FAILED, DELETE_SKIPPED … */
  readonly status: string;
  readonly reason: string | undefined;
}

export interface Follow {
  readonly onStep: (step: Step) => void;
  readonly signal: AbortSignal;
  readonly effects: Effects;
}

const POLL_MS = 2_000;
/** How long AWS may be busy or unreachable before `follow` gives up. */
const PATIENCE_MS = 300_000;

/** The ids of the events so far, for `follow` to skip. */
export async function eventsSoFar(cloudFormation: CloudFormation, stackId: string): Promise<Set<string>> {
  const events = await newEvents(cloudFormation, stackId, new Set());
  return new Set(events.map((event) => event.EventId ?? ""));
}

/**
 * Reports each new event, oldest first, until the stack is no longer in progress, and returns the stack. An abort
 * stops only the following, not CloudFormation. Failed calls are retried for a while.
 */
export async function follow(
  aws: Aws,
  stackId: string,
  seen: Set<string>,
  { onStep, signal, effects }: Follow,
): Promise<{ stack: Stack; failed: Step[] }> {
  const cloudFormation = await aws.cloudFormation();
  const failed: Step[] = [];
  let ended = false;
  const look = async (): Promise<Stack | undefined> => {
    // Read the status first: events between the two calls are then reported by the next round.
    const stack = await describe(cloudFormation, stackId);
    for (const event of await newEvents(cloudFormation, stackId, seen)) {
      seen.add(event.EventId ?? "");
      const step = stepOf(event);
      onStep(step);
      const ofStack = event.PhysicalResourceId === stackId;
      // Right after the start, the stack may still have its previous status: only its own event proves the end.
      if (ofStack && !step.status.endsWith("_IN_PROGRESS")) ended = true;
      if (!ofStack && step.status.endsWith("_FAILED")) failed.push(step);
    }
    if (stack === undefined) throw new GcUsageError("aws", "The stack no longer exists.");
    return ended && !stack.StackStatus?.endsWith("_IN_PROGRESS") ? stack : undefined;
  };
  let answered = effects.now();
  const patiently = async (): Promise<Stack | undefined> => {
    try {
      const stack = await aws.call("follow the stack", look);
      answered = effects.now();
      return stack;
    } catch (error) {
      if (!isGcUsageError(error)) throw error;
      if (!error.retryable || effects.now() - answered > PATIENCE_MS)
        throw continuesInAws(error.kind, error.message.replace(/\.$/, ""), error);
      return undefined;
    }
  };
  const interrupted = (): GcUsageError => continuesInAws("interrupted", "Interrupted");
  if (signal.aborted) throw interrupted();
  const stack = await pollUntil(patiently, { effects, signal, pauseMs: POLL_MS }).catch((error: unknown) => {
    throw signal.aborted ? interrupted() : error;
  });
  return { stack, failed };
}

function continuesInAws(kind: ErrorKind, what: string, cause?: GcUsageError): GcUsageError {
  return new GcUsageError(kind, `${what}. CloudFormation continues in AWS.`, {
    hint: "To see its status: gc-usage aws outputs. To cancel it, use the AWS console.",
    ...(cause === undefined ? {} : { cause, details: cause.details }),
  });
}

/**
 * What failed and why, one per line. Omits resources that were only canceled because another one failed, if there are
 * others.
 */
export function reasons(failed: readonly Step[]): string {
  const own = failed.filter((step) => !/cancelled/i.test(step.reason ?? ""));
  return (own.length > 0 ? own : failed)
    .map((step) => `  ${step.resource} (${step.type}): ${step.reason ?? "no reason given"}`)
    .join("\n");
}

/** What to do about a known cause of a failure. */
export function fixFor(failed: readonly Step[]): string | undefined {
  if (failed.some(({ reason = "" }) => /lake ?formation/i.test(reason))) {
    return (
      "Lake Formation controls this account's catalog. A data lake administrator can deploy the stack, or grant your role " +
      `CREATE_DATABASE: aws lakeformation grant-permissions --permissions CREATE_DATABASE --resource '{"Catalog":{}}' ` +
      "--principal DataLakePrincipalIdentifier=ROLE_ARN. Then deploy with --parameter LakeFormation=yes."
    );
  }
  const isTaken = ({ resource, reason = "" }: Step): boolean =>
    resource === "LakeBucket" && /already (?:exists|owned)/i.test(reason);
  return failed.some(isTaken)
    ? "To use a bucket that exists, replace LakeBucketName with --parameter ExistingLakeBucket=NAME. For a new bucket, use another name."
    : undefined;
}

/** The failures that led to the stack's status, from its whole history. */
export async function pastFailures(cloudFormation: CloudFormation, stackId: string): Promise<Step[]> {
  const events = await newEvents(cloudFormation, stackId, new Set());
  return events.filter((event) => event.ResourceStatus?.endsWith("_FAILED")).map(stepOf);
}

async function newEvents(
  cloudFormation: CloudFormation,
  stackId: string,
  seen: ReadonlySet<string>,
): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudFormation.describeStackEvents({ StackName: stackId, NextToken });
    const fresh = (page.StackEvents ?? []).filter((event) => !seen.has(event.EventId ?? ""));
    events.push(...fresh);
    // Newest first: a page with a known event is the last page with new events.
    NextToken = fresh.length === page.StackEvents?.length ? page.NextToken : undefined;
  } while (NextToken !== undefined);
  return events.reverse();
}

function stepOf(event: StackEvent): Step {
  return {
    resource: event.LogicalResourceId ?? "",
    type: event.ResourceType ?? "",
    status: event.ResourceStatus ?? "",
    reason: event.ResourceStatusReason,
  };
}
