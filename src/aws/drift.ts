import { GcUsageError } from "../support/errors.ts";
import { pollUntil } from "../support/poll.ts";
import type { Aws } from "./aws.ts";
import type { Follow } from "./events.ts";
import { describe, noStack } from "./stack.ts";

const POLL_MS = 2_000;

/** A resource that differs from the template. */
export interface Drifted {
  readonly resource: string;
  readonly type: string;
  readonly physicalId: string;
  /** MODIFIED or DELETED. */
  readonly status: string;
  readonly differences: readonly {
    /** `/PublicAccessBlockConfiguration/BlockPublicAcls` … */
    readonly property: string;
    readonly expected: string;
    readonly actual: string;
  }[];
}

/**
 * Lets CloudFormation compare the stack's resources with the template. Returns an empty list if nobody changed them
 * manually. Ignores types that CloudFormation cannot compare.
 *
 * @throws {GcUsageError} aws, if there is no such stack or the comparison fails; interrupted.
 */
export async function drift(
  aws: Aws,
  stack: string,
  { signal, effects }: Pick<Follow, "signal" | "effects">,
): Promise<Drifted[]> {
  return aws.call(`check the stack ${stack} for drift`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const found = await describe(cloudFormation, stack);
    if (found === undefined) throw noStack(stack);
    const { StackDriftDetectionId } = await cloudFormation.detectStackDrift({ StackName: stack });
    const look = async (): Promise<true | undefined> => {
      const now = await cloudFormation.describeStackDriftDetectionStatus({ StackDriftDetectionId });
      if (now.DetectionStatus === "DETECTION_FAILED") {
        const why = now.DetectionStatusReason ?? "no reason given";
        throw new GcUsageError("aws", `CloudFormation could not compare the stack ${stack}: ${why}`);
      }
      return now.DetectionStatus === "DETECTION_COMPLETE" ? true : undefined;
    };
    await pollUntil(look, { effects, signal, pauseMs: POLL_MS }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new GcUsageError("interrupted", "Interrupted. Nothing was changed.", {
        hint: "To compare again, run the same command again.",
      });
    });
    const drifted: Drifted[] = [];
    let NextToken: string | undefined;
    do {
      const page = await cloudFormation.describeStackResourceDrifts({ StackName: stack, NextToken });
      for (const resource of page.StackResourceDrifts ?? []) {
        const status = resource.StackResourceDriftStatus;
        if (status !== "MODIFIED" && status !== "DELETED") continue;
        drifted.push({
          resource: resource.LogicalResourceId ?? "",
          type: resource.ResourceType ?? "",
          physicalId: resource.PhysicalResourceId ?? "",
          status,
          differences: (resource.PropertyDifferences ?? []).map((difference) => ({
            property: difference.PropertyPath ?? "",
            expected: difference.ExpectedValue ?? "",
            actual: difference.ActualValue ?? "",
          })),
        });
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return drifted;
  });
}
