import type { CloudFormation, Stack, StackEvent } from "@aws-sdk/client-cloudformation";
import type { Effects } from "../support/effects.ts";
import { type ErrorKind, isUsageError, UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { describe } from "./stack.ts";

/** A step of a stack's making, changing or deletion. */
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
/** For so long AWS may be busy or out of reach, again and again, before the following ends. */
const PATIENCE_MS = 300_000;

/** The ids of the events so far: what `follow` leaves out. */
export async function eventsSoFar(cloudFormation: CloudFormation, stackId: string): Promise<Set<string>> {
  const events = await newEvents(cloudFormation, stackId, new Set());
  return new Set(events.map((event) => event.EventId ?? ""));
}

/**
 * Tells each new event, oldest first, until the stack rests, and returns how it rests then. An abort ends the
 * following and not what CloudFormation does; nor do answers that fail, which are waited out for a while.
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
    // The status first: events that come between the two calls are then told by the next round at the latest.
    const stack = await describe(cloudFormation, stackId);
    for (const event of await newEvents(cloudFormation, stackId, seen)) {
      seen.add(event.EventId ?? "");
      const step = stepOf(event);
      onStep(step);
      const ofStack = event.PhysicalResourceId === stackId;
      // Right after the start the stack may still show how it rested before: only its own event is proof.
      if (ofStack && !step.status.endsWith("_IN_PROGRESS")) ended = true;
      if (!ofStack && step.status.endsWith("_FAILED")) failed.push(step);
    }
    if (stack === undefined) throw new UsageError("aws", "The stack is gone.");
    return ended && !stack.StackStatus?.endsWith("_IN_PROGRESS") ? stack : undefined;
  };
  for (let answered = effects.now(); ; ) {
    if (signal.aborted) throw goesOn("interrupted", "Interrupted");
    try {
      const stack = await aws.call("follow the stack", look);
      if (stack !== undefined) return { stack, failed };
      answered = effects.now();
    } catch (error) {
      if (!isUsageError(error)) throw error;
      if (!error.retryable || effects.now() - answered > PATIENCE_MS)
        throw goesOn(error.kind, error.message.replace(/\.$/, ""), error);
    }
    await effects.sleep(POLL_MS, signal).catch(() => {});
  }
}

function goesOn(kind: ErrorKind, what: string, cause?: UsageError): UsageError {
  return new UsageError(kind, `${what}: CloudFormation goes on by itself.`, {
    hint: "`gc-usage aws outputs` tells when it is done; the AWS console can cancel it.",
    ...(cause === undefined ? {} : { cause, details: cause.details }),
  });
}

/** What failed and why, a line each; what was only given up after another failed is left out where it can be. */
export function reasons(failed: readonly Step[]): string {
  const own = failed.filter((step) => !/cancelled/i.test(step.reason ?? ""));
  return (own.length > 0 ? own : failed)
    .map((step) => `  ${step.resource} (${step.type}): ${step.reason ?? "no reason given"}`)
    .join("\n");
}

/** The reasons for which the stack is where it is, from its whole history. */
export async function pastReasons(cloudFormation: CloudFormation, stackId: string): Promise<string> {
  const events = await newEvents(cloudFormation, stackId, new Set());
  const failed = events.filter((event) => event.ResourceStatus?.endsWith("_FAILED"));
  return reasons(failed.map(stepOf));
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
    // Newest first: a page with a known event is the last that has news.
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
