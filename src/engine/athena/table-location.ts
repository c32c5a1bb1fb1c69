import { awsClientConfig } from "../../environment/aws-client.ts";
import type { Env } from "../../environment/aws-identity.ts";
import type { AwsOptions } from "../../support/aws.ts";
import type { Log } from "../../support/effects.ts";
import { GcUsageError, messageOf } from "../../support/errors.ts";

export interface Tables {
  /** The Glue database. */
  readonly database: string;
  /** The lake that its tables are expected to read, without a trailing slash. */
  readonly uri: string;
  readonly aws: AwsOptions;
  readonly env: Env;
  readonly log: Log;
}

/**
 * Athena reads what the table declares, not the lake that the user names. The period, the coverage and the age of an answer
 * would be those of another lake than its rows.
 *
 * @throws {GcUsageError} input, if the table reads another lake. Nothing is checked without a table or the permission to see it.
 */
export async function checkTableLocation({ database, uri, aws, env, log }: Tables): Promise<void> {
  const { Glue } = await import("@aws-sdk/client-glue");
  const glue = new Glue(await awsClientConfig(aws, env));
  try {
    const { Table } = await glue.getTable({ DatabaseName: database, Name: "usage" });
    const declared =
      Table?.Parameters?.["storage.location.template"] ?? Table?.StorageDescriptor?.Location ?? "";
    const lake = lakeOf(declared);
    if (lake === undefined || lake === uri) return;
    throw new GcUsageError("input", `The table ${database}.usage reads the lake ${lake}, not ${uri}.`, {
      hint: `Use --lake ${lake}, or name the stack of ${uri} with --stack, or its database with --database.`,
    });
  } catch (error) {
    if (error instanceof GcUsageError) throw error;
    log.debug(`The location of the table ${database}.usage is not known: ${messageOf(error)}`);
  } finally {
    glue.destroy();
  }
}

/** `s3://b/lake` of `s3://b/lake/usage/granularity=${granularity}/…` and of `s3://b/lake/${organization}/usage/…`. */
function lakeOf(location: string): string | undefined {
  return /^(s3:\/\/.+?)\/(?:\$\{organization\}\/)?usage(?:\/(?:granularity=.*)?)?$/.exec(location)?.[1];
}
