import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Env } from "../environment/aws-identity.ts";
import { ENCRYPTION_VARIABLE, OWNER_VARIABLE } from "../environment/s3-demands.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Aws } from "./aws.ts";
import { lakePlace } from "./lake-place.ts";
import type { DeployInput } from "./parameters.ts";
import { describe, findStack, type StackSettings } from "./stack.ts";

/**
 * The nightly run in AWS is a stack of its own, next to the lake's: whoever may deploy the lake need not be allowed to create
 * functions, and the lake's template stays small enough to be sent to CloudFormation directly.
 */

/** Parameters of the schedule's template that users set with `deploy --parameter`. */
const PARAMETERS: readonly string[] = [
  "Schedule",
  "ScheduleTimezone",
  "SecretArn",
  "AlertEmail",
  "StaleAfterDays",
  "FunctionMemory",
  "LogRetentionDays",
  "Architecture",
];
/** Rules of the company that apply to the roles of both stacks. */
const COMMON: readonly string[] = ["PermissionsBoundary", "RolePath"];

/** Lambda's limit for a function's name, which is that of the stack. */
const MAX_NAME = 64;

/** The name of a stack's schedule. @throws {GcUsageError} input, if no function can have it. */
export function scheduleStack(stack: string): string {
  const name = `${stack}-schedule`;
  if (name.length <= MAX_NAME) return name;
  throw new GcUsageError("input", `The name ${name} is too long for a function in AWS Lambda.`, {
    hint: `Use a --stack of at most ${MAX_NAME - "-schedule".length} characters.`,
  });
}

/** Divides the parameters between the main stack and its schedule. */
export function splitParameters(parameters: Readonly<Record<string, string>>): {
  readonly main: Record<string, string>;
  readonly schedule: Record<string, string>;
} {
  const entries = Object.entries(parameters);
  const isOfSchedule = ([name]: [string, string]): boolean => PARAMETERS.includes(name);
  return {
    main: Object.fromEntries(entries.filter((entry) => !isOfSchedule(entry))),
    schedule: Object.fromEntries(entries.filter(isOfSchedule)),
  };
}

/** True if a stack has a schedule. */
export async function hasSchedule(aws: Aws, stack: string): Promise<boolean> {
  const found =
    stack.length + "-schedule".length <= 128 ? await findStack(aws, `${stack}-schedule`) : undefined;
  return found !== undefined && found.StackStatus !== "DELETE_COMPLETE";
}

/**
 * What to deploy as the schedule of a stack.
 *
 * @param code the key of the function's code in the lake's bucket.
 * @param env what the company demands of every call to its buckets.
 * @throws {GcUsageError} refused, for a stack of several organizations: each has credentials of its own.
 */
export async function scheduleInput(
  aws: Aws,
  main: StackSettings,
  parameters: Readonly<Record<string, string>>,
  code: string,
  env: Env,
): Promise<DeployInput> {
  const [first] = main.organizations;
  if (first !== undefined) {
    throw new GcUsageError(
      "refused",
      `The stack ${main.stack} keeps one lake per organization (${main.organizations.join(", ")}), and a schedule syncs only one. Nothing was changed.`,
      { hint: "Deploy one stack for each organization, or sync each lake from a machine: gc-usage schedule" },
    );
  }
  const found = await aws.call(`read the stack ${main.stack}`, async () =>
    describe(await aws.cloudFormation(), main.stack),
  );
  const common = (found?.Parameters ?? []).flatMap(({ ParameterKey = "", ParameterValue = "" }) =>
    COMMON.includes(ParameterKey) && ParameterValue !== "" ? [[ParameterKey, ParameterValue]] : [],
  );
  return {
    stack: scheduleStack(main.stack),
    template: await readFile(new URL("../../infra/schedule.template.yaml", import.meta.url), "utf8"),
    parameters: {
      ...(Object.fromEntries(common) as Record<string, string>),
      ...parameters,
      LakeUri: main.lake,
      LoaderPolicyArn: main.loaderPolicyArn,
      BucketOwner: env[OWNER_VARIABLE] || main.lakeBucketOwner || "",
      S3Encryption: env[ENCRYPTION_VARIABLE] ?? "",
      CodeBucket: main.lakeBucket,
      CodeKey: code,
    },
  };
}

/** Where the function's code is in the lake. Its name follows from its content, so an older version stays for a rollback. */
const CODE_FOLDER = "_gc-usage-code/";

/** Stores the function's code in the lake, unless it is there. @returns its key. */
export async function uploadCode(aws: Aws, main: StackSettings, zip: Uint8Array): Promise<string> {
  const { lakeBucket, lakeBucketOwner, lake } = main;
  // Another program's bucket may allow this stack only its own prefix.
  const { prefix } = lakePlace(lake);
  const key = `${prefix}${CODE_FOLDER}${createHash("sha256").update(zip).digest("hex").slice(0, 32)}.zip`;
  await aws.call(`upload the function's code to s3://${lakeBucket}/${key}`, async () => {
    const s3 = await aws.s3(lakeBucketOwner);
    try {
      await s3.putObject({ Bucket: lakeBucket, Key: key, Body: zip, IfNoneMatch: "*" });
    } catch (error) {
      // The same content is there already.
      if (!(error instanceof Error && error.name === "PreconditionFailed")) throw error;
    }
  });
  return key;
}
