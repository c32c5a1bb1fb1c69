import type { CloudFormation, Stack } from "@aws-sdk/client-cloudformation";
import { UsageError } from "../support/errors.ts";

/** How the template's Description begins. CloudFormation keeps it with the stack, also where that failed. */
const MARK = "gc-usage:";

/** How the names of our change sets begin. */
export const CHANGE_SET = "gc-usage-";

/**
 * A stack is ours by its template's description. One that was only planned has no template yet: it is ours unless
 * somebody else's change set waits on it.
 *
 * @throws {UsageError} refused, for a stack of somebody else's.
 */
export async function checkOwnStack(
  cloudFormation: CloudFormation,
  found: Stack,
  stack: string,
): Promise<void> {
  if (found.Description?.startsWith(MARK)) return;
  const isPlanned = found.StackStatus === "REVIEW_IN_PROGRESS";
  if (isPlanned && !(await hasOthersChangeSet(cloudFormation, found.StackId ?? stack))) return;
  throw new UsageError(
    "refused",
    `The stack ${stack} was not made by gc-usage${isPlanned ? ": another's change set waits on it" : ""}. Nothing was changed.`,
    { hint: "Check the name, or use another with --stack." },
  );
}

async function hasOthersChangeSet(cloudFormation: CloudFormation, stackId: string): Promise<boolean> {
  let NextToken: string | undefined;
  do {
    const page = await cloudFormation.listChangeSets({ StackName: stackId, NextToken });
    if (page.Summaries?.some((one) => !one.ChangeSetName?.startsWith(CHANGE_SET))) return true;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return false;
}
