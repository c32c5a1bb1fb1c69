import { codeOf, GcUsageError, isGcUsageError, messageOf } from "./errors.ts";
import { isNetworkError, isUntrusted, isWithoutTls } from "./network-errors.ts";

/** Region, profile and endpoint, like in the AWS CLI; missing values come from the environment and the profile. */
export interface AwsOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  /** Replaces the address of every service, like AWS_ENDPOINT_URL. */
  readonly endpointUrl?: string | undefined;
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
/** Error names that mean that a service is throttling or has an internal problem. */
const BUSY =
  /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown|ServiceUnavailable|Internal(Error|Failure|Server|Service))/;

/** How the SDK reports a response in an unknown format, and Node one that is not even HTTP. */
const NOT_READ = /Deserialization error:|^Parse Error:/;

/**
 * Turns an error of AWS or its SDK into one message with a next step: kind credentials, permission, service (retryable if
 * AWS was busy or unreachable), input or aws. A GcUsageError stays unchanged.
 */
export function awsError(error: unknown, doing: string, options: AwsOptions): Error {
  if (isGcUsageError(error)) return error;
  const thrown: Thrown = {
    error,
    name: error instanceof Error ? error.name : "",
    code: codeOf(error) ?? "",
    status: statusOf(error),
    message: messageOf(error).replace(/\.?\s*$/, "."),
    doing,
  };
  const known =
    wrongClock(thrown) ??
    wrongRegion(thrown) ??
    notSetUp(thrown, options) ??
    notSecured(thrown) ??
    notAnswered(thrown, options) ??
    notAllowed(thrown);
  if (known !== undefined) return known;
  // An error with metadata is a response from AWS; anything else is a bug of ours and stays unchanged.
  if (thrown.status === undefined) return error instanceof Error ? error : new Error(thrown.message);
  return new GcUsageError("aws", `Cannot ${doing}: ${thrown.message}`, {
    cause: error,
    details: { code: thrown.name },
  });
}

interface Thrown {
  readonly error: unknown;
  readonly name: string;
  readonly code: string;
  /** HTTP status of the response, if there was one. */
  readonly status: number | undefined;
  readonly message: string;
  readonly doing: string;
}

function notSetUp({ error: cause, name, code, message, doing }: Thrown, { profile }: AwsOptions) {
  // From the profile, because flags and variables were checked before.
  if (code === "ERR_INVALID_URL" || message.startsWith("Region not accepted")) {
    return new GcUsageError("input", `Cannot ${doing}: ${message}`, {
      hint: "Check region and endpoint_url of the profile, in ~/.aws/config.",
      cause,
    });
  }
  if (message.startsWith("Region is missing")) {
    return new GcUsageError("aws", `Cannot ${doing}: no AWS region is set.`, {
      hint: "Set --aws-region or AWS_REGION, for example to eu-central-1, or set a region in the profile.",
      cause,
    });
  }
  if (!BAD_CREDENTIALS.includes(name)) return undefined;
  const whose = profile === undefined ? "" : ` for the profile ${profile}`;
  const why =
    name === "CredentialsProviderError"
      ? `no usable AWS credentials${whose} were found. ${message}`
      : message;
  return new GcUsageError("credentials", `Cannot ${doing}: ${why}`, {
    hint: "Sign in (`aws sso login` or `aws configure`), name a profile with --aws-profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    cause,
  });
}

/** The SDK corrects a wrong clock itself, from the date of AWS's answer. This is left if that did not help. */
function wrongClock({ error: cause, name, message, doing }: Thrown) {
  const isTooOld = /Signature (expired|not yet current)/i.test(message);
  if (!isTooOld && name !== "RequestTimeTooSkewed" && name !== "RequestExpired") return undefined;
  const theirs = Date.parse(headersOf(cause)["date"] ?? "");
  const minutes = Math.round((Date.now() - theirs) / 60_000);
  const by =
    Number.isNaN(minutes) || minutes === 0
      ? ""
      : `: it is ${Math.abs(minutes)} minutes ${minutes > 0 ? "ahead" : "behind"}`;
  return new GcUsageError("credentials", `Cannot ${doing}: AWS rejected the clock of this machine${by}.`, {
    hint: "Set the clock, for example with `timedatectl set-ntp true`, then run the same command again.",
    cause,
    details: { code: name },
  });
}

/** The region that an answer of S3 names, if the request was for a bucket in another one. */
export function regionNamedBy(error: unknown): string | undefined {
  const name = error instanceof Error ? error.name : "";
  const status = statusOf(error);
  if (
    status !== 301 &&
    name !== "AuthorizationHeaderMalformed" &&
    !(status === 400 && name !== "InvalidRequest")
  )
    return undefined;
  const text = messageOf(error);
  const named =
    headersOf(error)["x-amz-bucket-region"] ??
    textIn(error, "Region") ??
    /expecting '([a-z0-9-]+)'/.exec(text)?.[1] ??
    // Whatever the partition's domain: amazonaws.com, amazonaws.com.cn …
    /\bs3[.-](?:fips[.-])?(?:dualstack\.)?([a-z]{2,}(?:-[a-z]+)+-\d+)\./.exec(
      textIn(error, "Endpoint") ?? "",
    )?.[1];
  return named !== undefined && /^[a-z0-9-]{1,40}$/.test(named) ? named : undefined;
}

function wrongRegion({ error: cause, name, status, doing }: Thrown) {
  if (status !== 301 && name !== "AuthorizationHeaderMalformed") return undefined;
  const region = regionNamedBy(cause);
  return new GcUsageError("aws", `Cannot ${doing}: the bucket is in ${region ?? "another AWS region"}.`, {
    hint: `Set --aws-region${region === undefined ? " or AWS_REGION to the bucket's region" : ` ${region}`}.`,
    cause,
    details: { code: name },
  });
}

function headersOf(error: unknown): Readonly<Record<string, string | undefined>> {
  const response = fieldOf(error, "$response");
  return (fieldOf(response, "headers") ?? {}) as Readonly<Record<string, string | undefined>>;
}

function textIn(error: unknown, field: string): string | undefined {
  const value = fieldOf(error, field);
  return typeof value === "string" ? value : undefined;
}

function fieldOf(from: unknown, field: string): unknown {
  return typeof from === "object" && from !== null ? Reflect.get(from, field) : undefined;
}

function notSecured({ error: cause, code, message, doing }: Thrown) {
  if (isWithoutTls(code)) {
    return new GcUsageError("service", `Cannot ${doing}: no TLS connection could be made (${code}).`, {
      hint: "Check AWS_ENDPOINT_URL: a server without TLS needs http://HOST. Otherwise a proxy may be in between.",
      cause,
    });
  }
  if (!isUntrusted(code)) return undefined;
  return new GcUsageError("service", `Cannot ${doing}: the server's certificate is not trusted. ${message}`, {
    hint: "If a proxy inspects TLS, set AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS to the path of its certificate. Otherwise check AWS_ENDPOINT_URL.",
    cause,
  });
}

function notAnswered(
  { error: cause, name, code, status, message, doing }: Thrown,
  { endpointUrl }: AwsOptions,
) {
  const details = { code: name };
  if (BUSY.test(name) || status === 429 || (status !== undefined && status >= 500 && status !== 501)) {
    // For a response in an unknown format, the SDK's message is long and unhelpful.
    const why = NOT_READ.test(message) ? `HTTP ${status}.` : message;
    return new GcUsageError("service", `Cannot ${doing}: AWS is temporarily unavailable. ${why}`, {
      hint: "Run the same command again in a few minutes.",
      cause,
      retryable: true,
      details,
    });
  }
  if (NOT_READ.test(message)) {
    const where = endpointUrl ? ` at ${endpointUrl}` : "";
    const http = status === undefined ? "" : ` (HTTP ${status})`;
    return new GcUsageError("service", `Cannot ${doing}: the response${where} is not from AWS${http}.`, {
      hint: "Check --endpoint-url and AWS_ENDPOINT_URL, and whether a proxy is in between.",
      cause,
    });
  }
  if (!isNetworkError(code) && !isNetworkError(name)) return undefined;
  return new GcUsageError("service", `Cannot ${doing}: AWS is unreachable. ${message}`, {
    hint: "Check the network, the region and AWS_ENDPOINT_URL.",
    cause,
    retryable: true,
  });
}

function notAllowed({ error: cause, name, status, message, doing }: Thrown) {
  if (!name.startsWith("AccessDenied") && name !== "UnauthorizedOperation" && status !== 403)
    return undefined;
  // The answer to a HEAD request has no body, so the SDK knows only the status.
  if (/^(UnknownError|Unknown|Forbidden|403)\.$/.test(message)) {
    return new GcUsageError(
      "permission",
      `Cannot ${doing}: AWS denied access and gave no reason (HTTP 403).`,
      {
        hint: "Check that your role has s3:GetObject there, and s3:ListBucket: without it, S3 also denies the lookup of an object that does not exist. docs/aws.md lists the permissions of each command.",
        cause,
        details: { code: name },
      },
    );
  }
  return new GcUsageError("permission", `Cannot ${doing}: AWS denied access. ${message}`, {
    hint: "Ask the administrator of the AWS account for that permission. docs/aws.md lists the permissions of each command.",
    cause,
    details: { code: name },
  });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata } = error;
  if (typeof $metadata !== "object" || $metadata === null || !("httpStatusCode" in $metadata))
    return undefined;
  return typeof $metadata.httpStatusCode === "number" ? $metadata.httpStatusCode : undefined;
}
