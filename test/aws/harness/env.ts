import { CREDENTIALS, REGION } from "./moto.ts";
import type { LocalAws } from "./setup.ts";

/** The environment with which the CLI, the AWS CLI and the SDKs reach the local AWS and nothing else. */
export function awsEnv(aws: Pick<LocalAws, "url" | "athenaUrl">): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: aws.url,
    AWS_ENDPOINT_URL_ATHENA: aws.athenaUrl,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    // Nothing of the person who runs the tests.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  };
}

/** What the SDK's clients take, for a test that asks a service itself. */
export function clientOptions(aws: Pick<LocalAws, "url">) {
  return { endpoint: aws.url, region: REGION, credentials: CREDENTIALS };
}
