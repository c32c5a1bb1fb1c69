import { codeOf, isUsageError, messageOf, UsageError } from "./errors.ts";

/** Where and as whom, as the AWS CLI takes it; what is left out comes from the environment and the profile. */
export interface AwsOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  /** Replaces the address of every service, as AWS_ENDPOINT_URL does. */
  readonly endpointUrl?: string | undefined;
}

/** What every client of the AWS SDK is made with. */
export function awsClientConfig(
  { profile, region, endpointUrl }: AwsOptions,
  env: Readonly<Record<string, string | undefined>>,
) {
  // The AWS CLI reads AWS_DEFAULT_REGION, the SDK only AWS_REGION: people have either.
  const where = region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  return {
    ...(where ? { region: where } : {}),
    ...(profile === undefined ? {} : { profile }),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
    customUserAgent: "gc-usage",
  };
}

const BAD_CREDENTIALS: readonly string[] = [
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "TokenProviderError",
  "UnrecognizedClientException",
];
const NOT_REACHED: readonly string[] = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "ENOTFOUND",
  "ETIMEDOUT",
  "TimeoutError",
];

/**
 * What AWS or its SDK threw, as one message and what to do next: kind credentials, permission, service (retryable) or
 * aws. A UsageError stays what it is.
 */
export function awsError(error: unknown, doing: string, options: AwsOptions): Error {
  if (isUsageError(error)) return error;
  const name = error instanceof Error ? error.name : "";
  const message = messageOf(error).replace(/\.?\s*$/, ".");
  const cause = error;
  if (message.startsWith("Region is missing")) {
    return new UsageError("aws", `Cannot ${doing}: no AWS region is set.`, {
      hint: "Set AWS_REGION, to eu-central-1 say, or a region in the profile.",
      cause,
    });
  }
  if (BAD_CREDENTIALS.includes(name)) {
    const whose = options.profile === undefined ? "" : ` of the profile ${options.profile}`;
    const why =
      name === "CredentialsProviderError"
        ? `no usable AWS credentials${whose} were found. ${message}`
        : message;
    return new UsageError("credentials", `Cannot ${doing}: ${why}`, {
      hint: "Sign in (`aws sso login` or `aws configure`), name a profile with AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
      cause,
    });
  }
  const details = { code: name };
  if (name.startsWith("AccessDenied") || name === "UnauthorizedOperation" || statusOf(error) === 403) {
    return new UsageError("permission", `Cannot ${doing}: AWS refuses it. ${message}`, {
      hint: "Ask whoever manages the AWS account for that action; docs/aws.md lists what each command needs.",
      cause,
      details,
    });
  }
  const code = codeOf(error) ?? "";
  if (NOT_REACHED.includes(code) || NOT_REACHED.includes(name)) {
    const hint = "Check the network, the region and AWS_ENDPOINT_URL.";
    return new UsageError("service", `Cannot ${doing}: AWS was not reached. ${message}`, {
      hint,
      cause,
      retryable: true,
    });
  }
  // Whatever has metadata was answered by AWS; the rest is a defect of ours and stays what it is.
  if (statusOf(error) === undefined) return error instanceof Error ? error : new Error(message);
  return new UsageError("aws", `Cannot ${doing}: ${message}`, { cause, details });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata } = error;
  if (typeof $metadata !== "object" || $metadata === null || !("httpStatusCode" in $metadata))
    return undefined;
  return typeof $metadata.httpStatusCode === "number" ? $metadata.httpStatusCode : undefined;
}
