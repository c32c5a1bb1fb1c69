import type { S3Client } from "@aws-sdk/client-s3";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { Env } from "./aws-identity.ts";

export const OWNER_VARIABLE = "GC_USAGE_S3_BUCKET_OWNER";
export const ENCRYPTION_VARIABLE = "GC_USAGE_S3_ENCRYPTION";

/** What a company demands of every call to its buckets. */
export interface S3Demands {
  /** The account that must own the bucket; S3 denies the call otherwise. */
  readonly owner?: string | undefined;
  /** `AES256`, `aws:kms` for the bucket's own key, or the id, ARN or alias of a KMS key. */
  readonly encryption?: string | undefined;
}

/** @throws {GcUsageError} input, for a variable that S3 would reject. */
export function s3Demands(env: Env): S3Demands {
  const owner = env[OWNER_VARIABLE] || undefined;
  const encryption = env[ENCRYPTION_VARIABLE] || undefined;
  if (owner !== undefined && !/^\d{12}$/.test(owner)) {
    throw new GcUsageError("input", `Invalid ${OWNER_VARIABLE}: ${quoted(owner)} (expected an account id).`, {
      hint: "An account id has 12 digits. `aws sts get-caller-identity` prints yours.",
    });
  }
  if (encryption !== undefined && !isEncryption(encryption)) {
    throw new GcUsageError(
      "input",
      `Invalid ${ENCRYPTION_VARIABLE}: ${quoted(encryption)} (expected AES256, aws:kms, or a KMS key).`,
      { hint: "A KMS key is an id, an ARN, or an alias such as alias/usage." },
    );
  }
  return { owner, encryption };
}

function isEncryption(text: string): boolean {
  return /^(?:AES256|aws:kms|arn:[a-z-]+:kms:\S+|alias\/\S+|(?:mrk-)?[0-9a-f-]{32,36})$/.test(text);
}

/** Lets every call of the client meet the demands, including the parts of a multipart upload. */
export function demanding<Client extends S3Client>(client: Client, { owner, encryption }: S3Demands): Client {
  const ofAll = owner === undefined ? {} : { ExpectedBucketOwner: owner };
  const ofWrites = { ...ofAll, ...encryptionOf(encryption) };
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) =>
        next({ ...args, input: { ...args.input, ...moreOf(commandName) } }),
    { step: "initialize", name: "gcUsageDemands" },
  );
  // These two have no bucket, or none that exists.
  const isWithoutOwner = (command: string): boolean => /^(?:ListBuckets|CreateBucket)Command$/.test(command);
  const moreOf = (command: string) => {
    if (isWithoutOwner(command)) return {};
    return /^(?:PutObject|CreateMultipartUpload|CopyObject)Command$/.test(command) ? ofWrites : ofAll;
  };
  return client;
}

function encryptionOf(encryption: string | undefined) {
  if (encryption === undefined) return {};
  if (encryption === "AES256" || encryption === "aws:kms")
    return { ServerSideEncryption: encryption } as const;
  return { ServerSideEncryption: "aws:kms", SSEKMSKeyId: encryption } as const;
}
