import { UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import type { Follow } from "./events.ts";
import { describe, noStack } from "./stack.ts";

/** A resource that is no longer what the template made. */
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
 * Has CloudFormation compare the stack's resources with the template: empty where nobody changed them by hand. Types
 * that CloudFormation cannot compare are not looked at.
 *
 * @throws {UsageError} aws, for no such stack, or where the comparison fails; interrupted.
 */
export async function drift(
  aws: Aws,
  stack: string,
  { signal, effects }: Pick<Follow, "signal" | "effects">,
): Promise<Drifted[]> {
  return aws.call(`look for drift in the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const found = await describe(cloudFormation, stack);
    if (found === undefined) throw noStack(stack);
    const { StackDriftDetectionId } = await cloudFormation.detectStackDrift({ StackName: stack });
    for (;;) {
      const now = await cloudFormation.describeStackDriftDetectionStatus({ StackDriftDetectionId });
      if (now.DetectionStatus === "DETECTION_FAILED") {
        const why = now.DetectionStatusReason ?? "no reason given";
        throw new UsageError("aws", `CloudFormation could not compare the stack ${stack}: ${why}`);
      }
      if (now.DetectionStatus === "DETECTION_COMPLETE") break;
      await effects.sleep(2_000, signal).catch(() => {
        throw new UsageError("interrupted", "Interrupted: nothing was changed.", {
          hint: "Run the same command again to compare anew.",
        });
      });
    }
    const drifted: Drifted[] = [];
    let NextToken: string | undefined;
    do {
      const page = await cloudFormation.describeStackResourceDrifts({ StackName: stack, NextToken });
      for (const one of page.StackResourceDrifts ?? []) {
        if (one.StackResourceDriftStatus !== "MODIFIED" && one.StackResourceDriftStatus !== "DELETED")
          continue;
        drifted.push({
          resource: one.LogicalResourceId ?? "",
          type: one.ResourceType ?? "",
          physicalId: one.PhysicalResourceId ?? "",
          status: one.StackResourceDriftStatus,
          differences: (one.PropertyDifferences ?? []).map((difference) => ({
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
