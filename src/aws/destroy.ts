import type { ObjectIdentifier, S3 } from "@aws-sdk/client-s3";
import { UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { eventsSoFar, type Follow, follow, reasons } from "./events.ts";
import { describe, noStack } from "./stack.ts";

/** What a stack has made, as far as its destruction matters. */
export interface Standing {
  readonly stack: string;
  readonly stackId: string;
  readonly status: string;
  /** The lake's bucket; undefined where the stack never got so far. */
  readonly lakeBucket: string | undefined;
  readonly resultsBucket: string | undefined;
  /** Every other resource: its logical id and type. */
  readonly others: readonly { readonly resource: string; readonly type: string }[];
}

/** @throws {UsageError} aws, for no such stack. */
export async function standing(aws: Aws, stack: string): Promise<Standing> {
  return aws.call(`read the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const found = await describe(cloudFormation, stack);
    if (found === undefined) throw noStack(stack);
    const { StackResources = [] } = await cloudFormation.describeStackResources({ StackName: stack });
    const there = StackResources.filter((one) => one.ResourceStatus !== "DELETE_COMPLETE");
    const bucket = (id: string): string | undefined =>
      there.find((one) => one.LogicalResourceId === id)?.PhysicalResourceId || undefined;
    return {
      stack,
      stackId: found.StackId ?? stack,
      status: found.StackStatus ?? "",
      lakeBucket: bucket("LakeBucket"),
      resultsBucket: bucket("ResultsBucket"),
      others: there
        .filter((one) => one.ResourceType !== undefined && !one.ResourceType.startsWith("AWS::S3::"))
        .map((one) => ({ resource: one.LogicalResourceId ?? "", type: one.ResourceType ?? "" })),
    };
  });
}

/**
 * Deletes the stack and follows it to its end. The buckets stay, as the template says.
 *
 * @throws {UsageError} aws, with the reason of each resource that could not be deleted.
 */
export async function deleteStack(aws: Aws, { stack, stackId }: Standing, options: Follow): Promise<void> {
  await aws.call(`delete the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const seen = await eventsSoFar(cloudFormation, stackId);
    await cloudFormation.deleteStack({ StackName: stackId });
    const { stack: found, failed } = await follow(cloudFormation, stackId, seen, options);
    if (found.StackStatus === "DELETE_COMPLETE") return;
    throw new UsageError("aws", `The stack ${stack} could not be deleted whole:\n${reasons(failed)}`, {
      hint: "Mend the cause and run the same command again. No data was touched.",
      details: { status: found.StackStatus, failed },
    });
  });
}

/**
 * Deletes a bucket with every object, every version of it, and every unfinished upload.
 *
 * @param onProgress called with the number of versions deleted so far.
 */
export async function deleteBucket(
  aws: Aws,
  bucket: string,
  { onProgress, signal }: { onProgress: (deleted: number) => void; signal: AbortSignal },
): Promise<number> {
  return aws.call(`delete the bucket ${bucket}`, async () => {
    const s3 = await aws.s3();
    let deleted = 0;
    for (;;) {
      if (signal.aborted) {
        const hint = `Finish it with \`aws s3 rb --force s3://${bucket}\`, or keep what is left.`;
        throw new UsageError("interrupted", `Interrupted: ${deleted} versions of ${bucket} are deleted.`, {
          hint,
        });
      }
      // Always the first page: what it lists is gone when it is asked for again.
      const page = await s3.listObjectVersions({ Bucket: bucket });
      const versions = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      if (versions.length === 0) break;
      await deleteVersions(
        s3,
        bucket,
        versions.map(({ Key = "", VersionId }) => ({ Key, VersionId })),
      );
      deleted += versions.length;
      onProgress(deleted);
    }
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket: bucket });
    for (const { Key, UploadId } of Uploads) await s3.abortMultipartUpload({ Bucket: bucket, Key, UploadId });
    await s3.deleteBucket({ Bucket: bucket });
    return deleted;
  });
}

async function deleteVersions(s3: S3, Bucket: string, Objects: ObjectIdentifier[]): Promise<void> {
  for (let i = 0; i < Objects.length; i += 1000) {
    const { Errors = [] } = await s3.deleteObjects({
      Bucket,
      Delete: { Objects: Objects.slice(i, i + 1000), Quiet: true },
    });
    const [first] = Errors;
    if (first !== undefined) {
      throw new UsageError(
        "aws",
        `${first.Key ?? ""} in ${Bucket} could not be deleted: ${first.Message ?? ""}.`,
      );
    }
  }
}
