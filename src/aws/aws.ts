import type { CloudFormation } from "@aws-sdk/client-cloudformation";
import type { Glue } from "@aws-sdk/client-glue";
import type { S3 } from "@aws-sdk/client-s3";
import { awsClientConfig } from "../environment/aws-client.ts";
import type { Env } from "../environment/aws-identity.ts";
import { demanding, s3Demands } from "../environment/s3-demands.ts";
import { type AwsOptions, awsError } from "../support/aws.ts";

/** The AWS services that the stack uses. Each SDK is loaded on first use. */
export class Aws {
  readonly #options: AwsOptions;
  readonly #env: Env;

  /** @param env environment variables, for what the options leave out. */
  constructor(options: AwsOptions, env: Env) {
    this.#options = options;
    this.#env = env;
  }

  async cloudFormation(): Promise<CloudFormation> {
    const sdk = await import("@aws-sdk/client-cloudformation");
    return new sdk.CloudFormation(await awsClientConfig(this.#options, this.#env));
  }

  async glue(): Promise<Glue> {
    const sdk = await import("@aws-sdk/client-glue");
    return new sdk.Glue(await awsClientConfig(this.#options, this.#env));
  }

  /** @param owner the account that must own the buckets; default: GC_USAGE_S3_BUCKET_OWNER. */
  async s3(owner?: string): Promise<S3> {
    const sdk = await import("@aws-sdk/client-s3");
    const demands = s3Demands(this.#env);
    const client = new sdk.S3(await awsClientConfig(this.#options, this.#env));
    return demanding(client, { ...demands, owner: demands.owner ?? owner });
  }

  /** Runs `action`, and converts AWS errors to one clear GcUsageError. `doing` completes "Cannot …". */
  async call<T>(doing: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw awsError(error, doing, this.#options);
    }
  }
}
