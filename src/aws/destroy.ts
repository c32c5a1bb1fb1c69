import type { ObjectIdentifier, S3 } from "@aws-sdk/client-s3";
import { counted } from "../support/count.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { eventsSoFar, type Follow, follow, reasons } from "./events.ts";
import { checkOwnStack } from "./own-stack.ts";
import { describe, noStack } from "./stack.ts";

/** What a stack contains, as needed to delete it. */
export interface Standing {
  readonly stack: string;
  readonly stackId: string;
  readonly status: string;
  /** The lake's bucket; undefined if the stack never created it. */
  readonly lakeBucket: string | undefined;
  readonly resultsBucket: string | undefined;
  /** A lake's bucket that the stack uses but did not create, and so never deletes. */
  readonly existingLakeBucket: string | undefined;
  /** The logical id and type of all other resources. The buckets and their policies are kept. */
  readonly others: readonly { readonly resource: string; readonly type: string }[];
}

/** What the template keeps when the stack is deleted. */
const KEPT: readonly string[] = ["LakeBucket", "ResultsBucket", "LakeBucketPolicy", "ResultsBucketPolicy"];

/** @throws {GcUsageError} aws, if there is no such stack; refused, if gc-usage did not create it or it is protected. */
export async function standing(aws: Aws, stack: string): Promise<Standing> {
  return aws.call(`read the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const found = await describe(cloudFormation, stack);
    if (found === undefined) throw noStack(stack);
    await checkOwnStack(cloudFormation, found, stack);
    if (found.EnableTerminationProtection) {
      throw new GcUsageError(
        "refused",
        `The stack ${stack} has termination protection. Nothing was deleted.`,
        {
          hint: `To allow it: gc-usage aws deploy --stack ${stack} --no-termination-protection`,
        },
      );
    }
    const { StackResources = [] } = await cloudFormation.describeStackResources({ StackName: stack });
    const there = StackResources.filter(({ ResourceStatus }) => ResourceStatus !== "DELETE_COMPLETE");
    const bucket = (id: string): string | undefined =>
      there.find(({ LogicalResourceId }) => LogicalResourceId === id)?.PhysicalResourceId || undefined;
    return {
      stack,
      stackId: found.StackId ?? stack,
      status: found.StackStatus ?? "",
      lakeBucket: bucket("LakeBucket"),
      resultsBucket: bucket("ResultsBucket"),
      existingLakeBucket:
        found.Parameters?.find(({ ParameterKey }) => ParameterKey === "ExistingLakeBucket")?.ParameterValue ||
        undefined,
      others: there
        .filter(({ LogicalResourceId = "" }) => !KEPT.includes(LogicalResourceId))
        .map(({ LogicalResourceId = "", ResourceType = "" }) => ({
          resource: LogicalResourceId,
          type: ResourceType,
        })),
    };
  });
}

/**
 * Deletes the stack and follows the deletion until it is done. Its buckets are kept, as the template says.
 *
 * @throws {GcUsageError} aws, with the reason of each resource that could not be deleted; interrupted.
 */
export async function deleteStack(aws: Aws, { stack, stackId }: Standing, options: Follow): Promise<void> {
  await aws.call(`delete the stack ${stack}`, async () => {
    const cloudFormation = await aws.cloudFormation();
    const seen = await eventsSoFar(cloudFormation, stackId);
    if (options.signal.aborted) {
      throw new GcUsageError("interrupted", "Interrupted. The stack was not deleted.", { hint: AGAIN });
    }
    await cloudFormation.deleteStack({ StackName: stackId });
    const { stack: found, failed } = await follow(aws, stackId, seen, options);
    if (found.StackStatus === "DELETE_COMPLETE") return;
    const isPolicy = failed.some((step) => step.type === "AWS::IAM::ManagedPolicy");
    const detach = isPolicy
      ? "IAM does not delete an attached policy, so detach it from users and roles first. "
      : "";
    throw new GcUsageError("aws", `The stack ${stack} could not be deleted completely:\n${reasons(failed)}`, {
      hint: `${detach}${AGAIN}`,
      details: { status: found.StackStatus, failed },
    });
  });
}

const AGAIN = "To finish, run the same command again.";

interface DeleteData {
  /** Called with the number of versions deleted so far. */
  readonly onProgress: (bucket: string, deleted: number) => void;
  /** Called for each deleted bucket with the number of versions deleted; undefined if it did not exist any more. */
  readonly onDeleted: (bucket: string, deleted: number | undefined) => void;
  readonly signal: AbortSignal;
}

/**
 * Deletes the stack's buckets with all objects, versions and unfinished uploads. Runs before the stack is deleted,
 * because the stack lists the buckets: if this fails, it can be repeated.
 *
 * @throws {GcUsageError} aws or permission, after trying each bucket; refused, while the stack is being changed;
 * interrupted.
 */
export async function deleteData(
  aws: Aws,
  { stack, stackId, status }: Standing,
  buckets: readonly string[],
  options: DeleteData,
): Promise<void> {
  if (/^(CREATE|UPDATE|ROLLBACK).*_IN_PROGRESS$/.test(status)) {
    throw new GcUsageError(
      "refused",
      `The stack ${stack} is being changed (${status}). Nothing was deleted.`,
      {
        hint: "Wait until that is done, then run the same command again.",
        retryable: true,
      },
    );
  }
  const failed: GcUsageError[] = [];
  for (const bucket of buckets) {
    try {
      options.onDeleted(bucket, await deleteBucket(aws, bucket, stackId.split(":")[4], options));
    } catch (error) {
      if (!isGcUsageError(error) || error.kind === "interrupted") throw error;
      failed.push(error);
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  const what = failed.map((error) => error.message).join("\n");
  throw new GcUsageError(first.kind, `${what}\nThe stack ${stack} was not deleted.`, {
    hint: `Fix the cause. ${AGAIN}`,
    cause: first,
    details: first.details,
  });
}

/** @returns the number of versions deleted; undefined if the bucket does not exist any more. */
async function deleteBucket(
  aws: Aws,
  bucket: string,
  owner: string | undefined,
  { onProgress, signal }: DeleteData,
): Promise<number | undefined> {
  return aws.call(`delete the bucket ${bucket}`, async () => {
    const s3 = await aws.s3(owner);
    let deleted = 0;
    try {
      for (;;) {
        if (signal.aborted) {
          throw new GcUsageError(
            "interrupted",
            `Interrupted after deleting ${counted(deleted, "version")} in ${bucket}.`,
            {
              hint: AGAIN,
            },
          );
        }
        // Always list the first page: the versions of the previous one are deleted by then.
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
      throw new GcUsageError(
        first.Code === "AccessDenied" ? "permission" : "aws",
        `${Errors.length} of ${Objects.length} objects in ${Bucket} could not be deleted, for example ${first.Key ?? ""}: ${first.Message ?? first.Code ?? "no reason given"}.`,
      );
    }
  }
}
