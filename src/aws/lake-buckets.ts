import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { CERTAIN_START } from "./stack.ts";

/**
 * The lake's buckets in this region that earlier stacks of this name have left, by the form of CloudFormation's names for buckets. Empty
 * without the permission to list the account's buckets.
 */
export async function keptBuckets(aws: Aws, stack: string): Promise<string[]> {
  const Prefix = stack.toLowerCase().slice(0, CERTAIN_START);
  const form = stack.length > CERTAIN_START ? "-lakebucket-" : `${Prefix}-lakebucket-`;
  try {
    return await aws.call("list the account's buckets", async () => {
      const s3 = await aws.s3();
      const region = await s3.config.region();
      const { Buckets = [] } = await s3.listBuckets({ Prefix });
      return Buckets.flatMap(({ Name = "", BucketRegion = region }) =>
        Name.startsWith(Prefix) && Name.includes(form) && BucketRegion === region ? [Name] : [],
      );
    });
  } catch (error) {
    if (isGcUsageError(error) && error.kind === "permission") return [];
    throw error;
  }
}

/**
 * CloudFormation would create a stack over a bucket that does not exist.
 *
 * @throws {GcUsageError} input, if there is no such bucket. Without the permission to look, nothing is checked.
 */
export async function checkLakeBucket(aws: Aws, bucket: string): Promise<void> {
  await aws.call(`find the bucket ${bucket}`, async () => {
    const s3 = await aws.s3();
    try {
      await s3.headBucket({ Bucket: bucket });
    } catch (error) {
      if (!(error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchBucket"))) return;
      throw new GcUsageError("input", `Invalid ExistingLakeBucket: there is no bucket ${bucket}.`, {
        hint: "Check its name, or omit the parameter to let the stack create a bucket.",
        cause: error,
      });
    }
  });
}
