import { codeOf, isUsageError, messageOf, UsageError } from "./errors.ts";

/** Where and as whom, as the AWS CLI takes it; what is left out comes from the environment and the profile. */
export interface AwsOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  /** Replaces the address of every service, as AWS_ENDPOINT_URL does. */
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
/** The names by which the services ask for fewer calls, or own that they are at fault. */
const BUSY =
  /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown|ServiceUnavailable|Internal(Error|Failure|Server|Service))/;
const NOT_REACHED: readonly string[] = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "TimeoutError",
];

/** How the SDK says that an answer is not in the service's form, and Node that it is not even HTTP. */
const NOT_READ = /Deserialization error:|^Parse Error:/;
/** OpenSSL's names for what is wrong with a certificate, and Node's own. */
const NOT_TRUSTED = /^(CERT_|DEPTH_ZERO_SELF_SIGNED|ERR_TLS_CERT|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY))/;
const NO_TLS = /^(EPROTO$|ERR_SSL_)/;

/**
 * What AWS or its SDK threw, as one message and what to do next: kind credentials, permission, service (retryable where
 * AWS was busy or not reached), input or aws. A UsageError stays what it is.
 */
export function awsError(error: unknown, doing: string, options: AwsOptions): Error {
  if (isUsageError(error)) return error;
  const thrown: Thrown = {
    error,
    name: error instanceof Error ? error.name : "",
    code: codeOf(error) ?? "",
    status: statusOf(error),
    message: messageOf(error).replace(/\.?\s*$/, "."),
    doing,
  };
  const known =
    notSetUp(thrown, options) ?? notSecured(thrown) ?? notAnswered(thrown, options) ?? notAllowed(thrown);
  if (known !== undefined) return known;
  // Whatever has metadata was answered by AWS; the rest is a defect of ours and stays what it is.
  if (thrown.status === undefined) return error instanceof Error ? error : new Error(thrown.message);
  return new UsageError("aws", `Cannot ${doing}: ${thrown.message}`, {
    cause: error,
    details: { code: thrown.name },
  });
}

interface Thrown {
  readonly error: unknown;
  readonly name: string;
  readonly code: string;
  /** HTTP status of the answer, where there was one. */
  readonly status: number | undefined;
  readonly message: string;
  readonly doing: string;
}

function notSetUp({ error: cause, name, code, message, doing }: Thrown, { profile }: AwsOptions) {
  // Of the profile: flags and variables are checked beforehand.
  if (code === "ERR_INVALID_URL" || message.startsWith("Region not accepted")) {
    return new UsageError("input", `Cannot ${doing}: ${message}`, {
      hint: "Check region and endpoint_url of the profile, in ~/.aws/config.",
      cause,
    });
  }
  if (message.startsWith("Region is missing")) {
    return new UsageError("aws", `Cannot ${doing}: no AWS region is set.`, {
      hint: "Set AWS_REGION, to eu-central-1 say, or a region in the profile.",
      cause,
    });
  }
  if (!BAD_CREDENTIALS.includes(name)) return undefined;
  const whose = profile === undefined ? "" : ` of the profile ${profile}`;
  const why =
    name === "CredentialsProviderError"
      ? `no usable AWS credentials${whose} were found. ${message}`
      : message;
  return new UsageError("credentials", `Cannot ${doing}: ${why}`, {
    hint: "Sign in (`aws sso login` or `aws configure`), name a profile with AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    cause,
  });
}

function notSecured({ error: cause, code, message, doing }: Thrown) {
  if (NO_TLS.test(code)) {
    return new UsageError("service", `Cannot ${doing}: no TLS connection could be made (${code}).`, {
      hint: "Check AWS_ENDPOINT_URL: a server without TLS is written as http://HOST. Else a proxy may stand between.",
      cause,
    });
  }
  if (!NOT_TRUSTED.test(code)) return undefined;
  return new UsageError("service", `Cannot ${doing}: the server's certificate is not trusted. ${message}`, {
    hint: "If a proxy inspects TLS, set AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS to the file of its certificate. Otherwise check AWS_ENDPOINT_URL.",
    cause,
  });
}

function notAnswered(
  { error: cause, name, code, status, message, doing }: Thrown,
  { endpointUrl }: AwsOptions,
) {
  const details = { code: name };
  if (BUSY.test(name) || status === 429 || (status !== undefined && status >= 500 && status !== 501)) {
    // What is not in AWS's form the SDK describes at length, and says nothing.
    const why = NOT_READ.test(message) ? `HTTP ${status}.` : message;
    return new UsageError("service", `Cannot ${doing}: AWS cannot answer just now. ${why}`, {
      hint: "Run the same command again in a while.",
      cause,
      retryable: true,
      details,
    });
  }
  if (NOT_READ.test(message)) {
    const where = endpointUrl ? ` at ${endpointUrl}` : "";
    const http = status === undefined ? "" : ` (HTTP ${status})`;
    return new UsageError("service", `Cannot ${doing}: what answers${where} is not AWS${http}.`, {
      hint: "Check --endpoint-url and AWS_ENDPOINT_URL, and whether a proxy stands between.",
      cause,
    });
  }
  if (!NOT_REACHED.includes(code) && !NOT_REACHED.includes(name)) return undefined;
  return new UsageError("service", `Cannot ${doing}: AWS was not reached. ${message}`, {
    hint: "Check the network, the region and AWS_ENDPOINT_URL.",
    cause,
    retryable: true,
  });
}

function notAllowed({ error: cause, name, status, message, doing }: Thrown) {
  if (!name.startsWith("AccessDenied") && name !== "UnauthorizedOperation" && status !== 403)
    return undefined;
  return new UsageError("permission", `Cannot ${doing}: AWS refuses it. ${message}`, {
    hint: "Ask whoever manages the AWS account for that action; docs/aws.md lists what each command needs.",
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
