import type { CloudFormation, Stack } from "@aws-sdk/client-cloudformation";
import { GcUsageError, messageOf } from "../support/errors.ts";
import { type Day, parseDay } from "../usage/day.ts";
import type { Aws } from "./aws.ts";

/** The default name of the stack. */
export const DEFAULT_STACK = "gc-usage";

/**
 * The start of the names that CloudFormation creates for a stack's resources. If a name would be too long, CloudFormation
 * shortens the stack's name in it.
 */
export const CERTAIN_START = 24;

/** The settings of a deployed stack: what `--stack NAME` stands for. */
export interface StackSettings {
  readonly stack: string;
  readonly stackId: string;
  /** CloudFormation's status: CREATE_COMPLETE, UPDATE_COMPLETE … */
  readonly status: string;
  readonly region: string;
  /** The lake's URI: `s3://bucket`, or `s3://bucket/prefix`. */
  readonly lake: string;
  readonly lakeBucket: string;
  /** The account that owns the lake's bucket; undefined for a bucket that the stack did not create. */
  readonly lakeBucketOwner: string | undefined;
  /** The KMS key of the buckets; undefined if S3's own keys are used. */
  readonly kmsKeyArn: string | undefined;
  /** The target of the upload in step 5 of the article; ends in `gc_usage_api_source/`. */
  readonly source: string;
  readonly resultsBucket: string;
  readonly database: string;
  readonly workgroup: string;
  readonly crawler: string;
  /** The first day that the table `usage` covers. Athena ignores earlier slices. */
  readonly firstDay: Day;
  /** The organizations' lakes, which are folders of the bucket; empty if the bucket is a single lake. */
  readonly organizations: readonly string[];
  readonly loaderPolicyArn: string;
  readonly readerPolicyArn: string;
  /** All outputs, by their names in the template. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Reads a stack's outputs: one call of DescribeStacks.
 *
 * @throws {GcUsageError} aws, if there is no such stack, gc-usage did not create it, or its creation never completed;
 * credentials, permission or service, for errors of AWS.
 */
export async function stackOutputs(aws: Aws, stack: string): Promise<StackSettings> {
  return settingsOf(await findStack(aws, stack), stack);
}

/** The settings of a described stack. */
export function settingsOf(found: Stack | undefined, stack: string): StackSettings {
  if (found === undefined) throw noStack(stack);
  const outputs: Record<string, string> = {};
  for (const { OutputKey, OutputValue } of found.Outputs ?? []) {
    if (OutputKey !== undefined && OutputValue !== undefined) outputs[OutputKey] = OutputValue;
  }
  const status = found.StackStatus ?? "unknown";
  const need = (key: string): string => {
    const value = outputs[key];
    if (value !== undefined) return value;
    throw new GcUsageError("aws", `The stack ${stack} has no output ${key}; its status is ${status}.`, {
      hint: status.includes("COMPLETE")
        ? "Deploy it again with `gc-usage aws deploy`, or set another stack with --stack."
        : "Check its status in the AWS console, under CloudFormation.",
    });
  };
  return {
    stack,
    stackId: found.StackId ?? "",
    status,
    region: need("Region"),
    lake: need("LakeUri").replace(/\/$/, ""),
    lakeBucket: need("LakeBucket"),
    lakeBucketOwner: outputs["LakeBucketOwner"],
    kmsKeyArn: outputs["KmsKeyArn"],
    source: need("SourceUri"),
    resultsBucket: need("ResultsBucket"),
    database: need("Database"),
    workgroup: need("WorkGroup"),
    crawler: need("Crawler"),
    firstDay: parseDay(need("FirstDay"), `FirstDay of the stack ${stack}`),
    organizations: outputs["Organizations"]?.split(",") ?? [],
    loaderPolicyArn: need("LoaderPolicyArn"),
    readerPolicyArn: need("ReaderPolicyArn"),
    outputs,
  };
}

export function noStack(stack: string): GcUsageError {
  return new GcUsageError("aws", `There is no stack ${stack} in this account and region.`, {
    hint: `Check --stack, --region and --profile, or create it with \`gc-usage aws deploy --stack ${stack}\`.`,
  });
}

/** Finds the stack by name or id; undefined if there is none. */
export async function findStack(aws: Aws, stack: string): Promise<Stack | undefined> {
  return aws.call(`read the stack ${stack}`, async () => describe(await aws.cloudFormation(), stack));
}

export async function describe(cloudFormation: CloudFormation, stack: string): Promise<Stack | undefined> {
  try {
    return (await cloudFormation.describeStacks({ StackName: stack })).Stacks?.[0];
  } catch (error) {
    // CloudFormation has no specific error for it: ValidationError, "Stack with id NAME does not exist".
    if (/does not exist/.test(messageOf(error))) return undefined;
    throw error;
  }
}
