import type { CloudFormation, Stack } from "@aws-sdk/client-cloudformation";
import { GcUsageError } from "../support/errors.ts";

/** Start of the template's Description. CloudFormation stores it with the stack, even if the deployment failed. */
const MARK = "gc-usage:";

/** Prefix of the names of gc-usage's change sets. */
export const CHANGE_SET = "gc-usage-";

/**
 * A stack belongs to gc-usage if its template's description says so. A stack that was only planned has no template
 * yet: it belongs to gc-usage unless another program's change set is pending.
 *
 * @throws {GcUsageError} refused, for a stack that gc-usage did not create.
 */
export async function checkOwnStack(
  cloudFormation: CloudFormation,
  found: Stack,
  stack: string,
): Promise<void> {
  if (found.Description?.startsWith(MARK)) return;
  const isPlanned = found.StackStatus === "REVIEW_IN_PROGRESS";
  if (isPlanned && !(await hasOthersChangeSet(cloudFormation, found.StackId ?? stack))) return;
  throw new GcUsageError(
    "refused",
    `The stack ${stack} was not created by gc-usage${isPlanned ? ": it has a pending change set of another program" : ""}. Nothing was changed.`,
    { hint: "Check the name, or set another one with --stack." },
  );
}

async function hasOthersChangeSet(cloudFormation: CloudFormation, stackId: string): Promise<boolean> {
  let NextToken: string | undefined;
  do {
    const page = await cloudFormation.listChangeSets({ StackName: stackId, NextToken });
    if (page.Summaries?.some(({ ChangeSetName }) => !ChangeSetName?.startsWith(CHANGE_SET))) return true;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return false;
}
