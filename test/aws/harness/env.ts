import { CREDENTIALS, REGION } from "./moto.ts";
import type { LocalAws } from "./setup.ts";

/** An environment in which our CLI, the AWS CLI and the SDKs can reach only the local AWS. */
export function awsEnv(aws: Pick<LocalAws, "url" | "athenaUrl">): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: aws.url,
    AWS_ENDPOINT_URL_ATHENA: aws.athenaUrl,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    // No settings of the person who runs the tests.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  };
}

/** The configuration of SDK clients, for tests that call a service directly. */
export function clientOptions(aws: Pick<LocalAws, "url">) {
  return { endpoint: aws.url, region: REGION, credentials: CREDENTIALS };
}
