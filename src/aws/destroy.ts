import type { ObjectIdentifier, S3 } from "@aws-sdk/client-s3";
import { isUsageError, UsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { eventsSoFar, type Follow, follow, reasons } from "./events.ts";
import { checkOwnStack } from "./own-stack.ts";
import { describe, noStack } from "./stack.ts";

/** What a stack has made, as far as its destruction matters. */
export interface Standing {
  readonly stack: string;
  readonly stackId: string;
  readonly status: string;
  /** The lake's bucket; undefined where the stack never got so far. */
  readonly lakeBucket: string | undefined;
  readonly resultsBucket: string | undefined;
  /** Every resource but these and their policies, which stay: its logical id and type. */
  readonly others: readonly { readonly resource: string; readonly type: string }[];
}

/** What the template keeps when the stack goes. */
const KEPT: readonly string[] = ["LakeBucket", "ResultsBucket", "LakeBucketPolicy", "ResultsBucketPolicy"];

/** @throws {UsageError} aws, for no such stack; refused, for one that is not ours or is protected. */
export async function standing(aws: Aws, stack: string): Promise<Standing> {
  return aws.call(`read the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const found = await describe(cloudFormation, stack);
    if (found === undefined) throw noStack(stack);
    await checkOwnStack(cloudFormation, found, stack);
    if (found.EnableTerminationProtection) {
      throw new UsageError("refused", `The stack ${stack} is protected. Nothing was deleted.`, {
        hint: `Take the protection off with \`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${stack}\` if you mean it.`,
      });
    }
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
        .filter((one) => !KEPT.includes(one.LogicalResourceId ?? ""))
        .map((one) => ({ resource: one.LogicalResourceId ?? "", type: one.ResourceType ?? "" })),
    };
  });
}

/**
 * Deletes the stack and follows it to its end. Its buckets stay, as the template says.
 *
 * @throws {UsageError} aws, with the reason of each resource that could not be deleted; interrupted.
 */
export async function deleteStack(aws: Aws, { stack, stackId }: Standing, options: Follow): Promise<void> {
  await aws.call(`delete the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const seen = await eventsSoFar(cloudFormation, stackId);
    if (options.signal.aborted) {
      throw new UsageError("interrupted", "Interrupted: the stack stays.", { hint: AGAIN });
    }
    await cloudFormation.deleteStack({ StackName: stackId });
    const { stack: found, failed } = await follow(aws, stackId, seen, options);
    if (found.StackStatus === "DELETE_COMPLETE") return;
    const isPolicy = failed.some((step) => step.type === "AWS::IAM::ManagedPolicy");
    const detach = isPolicy
      ? "IAM keeps a policy that is attached: detach it from people and roles first. "
      : "";
    throw new UsageError("aws", `The stack ${stack} could not be deleted whole:\n${reasons(failed)}`, {
      hint: `${detach}${AGAIN}`,
      details: { status: found.StackStatus, failed },
    });
  });
}

const AGAIN = "Run the same command again to finish it.";

interface DeleteData {
  /** Called with the number of versions deleted so far. */
  readonly onProgress: (bucket: string, deleted: number) => void;
  /** Called for each bucket that is gone, with the number of versions deleted; undefined where it was gone before. */
  readonly onDeleted: (bucket: string, deleted: number | undefined) => void;
  readonly signal: AbortSignal;
}

/**
 * Deletes the stack's buckets with every object, every version of it, and every unfinished upload. The stack, which
 * knows them, must still be there: where this fails, the same can be done again.
 *
 * @throws {UsageError} aws or permission, once each bucket was tried; refused, while the stack is being changed; interrupted.
 */
export async function deleteData(
  aws: Aws,
  { stack, status }: Standing,
  buckets: readonly string[],
  options: DeleteData,
): Promise<void> {
  if (/^(CREATE|UPDATE|ROLLBACK).*_IN_PROGRESS$/.test(status)) {
    throw new UsageError("refused", `The stack ${stack} is being changed (${status}). Nothing was deleted.`, {
      hint: "Wait until that is done.",
      retryable: true,
    });
  }
  const failed: UsageError[] = [];
  for (const bucket of buckets) {
    try {
      options.onDeleted(bucket, await deleteBucket(aws, bucket, options));
    } catch (error) {
      if (!isUsageError(error) || error.kind === "interrupted") throw error;
      failed.push(error);
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  const what = failed.map((error) => error.message).join("\n");
  throw new UsageError(first.kind, `${what}\nThe stack ${stack} stays.`, {
    hint: `Mend the cause. ${AGAIN}`,
    cause: first,
    details: first.details,
  });
}

/** @returns the number of versions deleted; undefined where there is no such bucket any more. */
async function deleteBucket(
  aws: Aws,
  bucket: string,
  { onProgress, signal }: DeleteData,
): Promise<number | undefined> {
  return aws.call(`delete the bucket ${bucket}`, async () => {
    const s3 = await aws.s3();
    let deleted = 0;
    try {
      for (;;) {
        if (signal.aborted) {
          throw new UsageError("interrupted", `Interrupted: ${deleted} versions of ${bucket} are deleted.`, {
            hint: AGAIN,
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
        onProgress(bucket, deleted);
      }
      await abortUploads(s3, bucket);
      await s3.deleteBucket({ Bucket: bucket });
      return deleted;
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchBucket") return undefined;
      throw error;
    }
  });
}

async function abortUploads(s3: S3, Bucket: string): Promise<void> {
  for (;;) {
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket });
    if (Uploads.length === 0) return;
    for (const { Key, UploadId } of Uploads) await s3.abortMultipartUpload({ Bucket, Key, UploadId });
  }
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
        first.Code === "AccessDenied" ? "permission" : "aws",
        `${Errors.length} of ${Objects.length} objects in ${Bucket} could not be deleted, ${first.Key ?? ""} among them: ${first.Message ?? first.Code ?? "no reason given"}.`,
      );
    }
  }
}
