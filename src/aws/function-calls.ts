import { awsClientConfig } from "../environment/aws-client.ts";
import type { Env } from "../environment/aws-identity.ts";
import { awsError } from "../support/aws.ts";
import { GcUsageError } from "../support/errors.ts";
import { Aws } from "./aws.ts";
import { lakePlace } from "./lake-place.ts";

/** What the nightly function in AWS calls, in addition to the lake and the topic. */

/**
 * The variables in a secret of AWS Secrets Manager: a JSON object of names and values.
 *
 * @throws {GcUsageError} credentials, if it has no value yet or another form. Never with any part of the value.
 */
export async function secretVariables(arn: string, env: Env): Promise<Record<string, string>> {
  const { SecretsManager } = await import("@aws-sdk/client-secrets-manager");
  const client = new SecretsManager(await awsClientConfig({}, env));
  let text: string | undefined;
  try {
    text = (await client.getSecretValue({ SecretId: arn })).SecretString;
  } catch (error) {
    const isEmpty = error instanceof Error && error.name === "ResourceNotFoundException";
    if (!isEmpty) throw awsError(error, `read the secret ${arn}`, {});
  } finally {
    client.destroy();
  }
  const variables = text === undefined ? undefined : parsed(text);
  if (variables !== undefined) return variables;
  const why = text === undefined ? "has no value" : "is not a JSON object of texts";
  throw new GcUsageError("credentials", `The secret ${arn} ${why}.`, {
    hint: `Store the credentials in it: aws secretsmanager put-secret-value --secret-id ${arn} --secret-string file://secret.json. The file contains {"GENESYSCLOUD_REGION": "…", "GENESYSCLOUD_OAUTHCLIENT_ID": "…", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "…"}.`,
  });
}

function parsed(text: string): Record<string, string> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    const entries = Object.entries(json);
    return entries.every(([, value]) => typeof value === "string") ? Object.fromEntries(entries) : undefined;
  } catch {
    return undefined;
  }
}

/** Where the function looks for rules of the user's own in its lake. */
export const RULES_FILE = "_gc-usage-code/rules.yaml";

/** The text of a lake's file; undefined if the lake has no such file. */
export async function textInLake(lake: string, name: string, env: Env): Promise<string | undefined> {
  const { bucket, prefix } = lakePlace(lake);
  const aws = new Aws({}, env);
  return await aws.call(`read ${lake}/${name}`, async () => {
    const s3 = await aws.s3();
    try {
      const { Body } = await s3.getObject({ Bucket: bucket, Key: `${prefix}${name}` });
      return await Body?.transformToString();
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return undefined;
      throw error;
    } finally {
      s3.destroy();
    }
  });
}

/** Invokes a function without waiting for it. */
export async function invokeLater(functionArn: string, event: object, env: Env): Promise<void> {
  const { Lambda } = await import("@aws-sdk/client-lambda");
  const client = new Lambda(await awsClientConfig({}, env));
  try {
    await client.invoke({
      FunctionName: functionArn,
      InvocationType: "Event",
      Payload: Buffer.from(JSON.stringify(event)),
    });
  } catch (error) {
    throw awsError(error, `continue in another invocation of ${functionArn}`, {});
  } finally {
    client.destroy();
  }
}
