import type { CloudFormation, DescribeChangeSetOutput } from "@aws-sdk/client-cloudformation";

/** One resource that a deployment would change. */
export interface Change {
  readonly action: string;
  readonly resource: string;
  readonly type: string;
  /** The existing bucket, table …; undefined for a new resource. */
  readonly physicalId: string | undefined;
  /** True if the resource is replaced by a new one. */
  readonly replaced: boolean;
}

const DATA_TYPES: readonly string[] = ["AWS::S3::Bucket", "AWS::Glue::Database", "AWS::Glue::Table"];

/** True if the change takes data out of sight: a bucket, database or table that is replaced or removed. */
export function holdsData({ action, replaced, type }: Change): boolean {
  return (replaced || action === "Remove") && DATA_TYPES.includes(type);
}

/** All changes of a change set, from its first page on. */
export async function changesOf(
  cloudFormation: CloudFormation,
  first: DescribeChangeSetOutput,
): Promise<Change[]> {
  const changes: Change[] = [];
  for (let page = first; ; ) {
    for (const { ResourceChange: change } of page.Changes ?? []) {
      if (change === undefined) continue;
      changes.push({
        action: change.Action ?? "",
        resource: change.LogicalResourceId ?? "",
        type: change.ResourceType ?? "",
        physicalId: change.PhysicalResourceId,
        replaced: change.Replacement === "True" || change.Replacement === "Conditional",
      });
    }
    if (page.NextToken === undefined) return changes;
    page = await cloudFormation.describeChangeSet({
      ChangeSetName: first.ChangeSetId,
      NextToken: page.NextToken,
    });
  }
}
