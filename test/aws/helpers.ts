import { setTimeout as sleep } from "node:timers/promises";
import {
  type AthenaClient,
  AthenaClient as Client,
  CreateWorkGroupCommand,
  GetQueryExecutionCommand,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
} from "@aws-sdk/client-athena";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { awsCli } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import type { LocalAws } from "./harness/setup.ts";

/** Creates a workgroup with its own results bucket, and returns its name. */
export async function createAthenaStack(aws: LocalAws, name: string): Promise<string> {
  const options = clientOptions(aws);
  const bucket = `${name}-results`;
  await new S3Client(options).send(new CreateBucketCommand({ Bucket: bucket }));
  const Configuration = { ResultConfiguration: { OutputLocation: `s3://${bucket}/` } };
  await new Client(options).send(new CreateWorkGroupCommand({ Name: name, Configuration }));
  return name;
}

export interface Done {
  readonly id: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly bytesScanned: number;
  readonly output: string;
}

/** Starts a statement and waits until it succeeds or fails. */
export async function runQuery(
  client: AthenaClient,
  sql: string,
  input: Partial<StartQueryExecutionCommandInput> = {},
): Promise<Done> {
  const started = await client.send(new StartQueryExecutionCommand({ ...input, QueryString: sql }));
  const id = started.QueryExecutionId ?? "";
  for (;;) {
    const { QueryExecution: now } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const state = now?.Status?.State ?? "";
    if (state !== "QUEUED" && state !== "RUNNING") {
      return {
        id,
        state,
        reason: now?.Status?.StateChangeReason,
        bytesScanned: now?.Statistics?.DataScannedInBytes ?? 0,
        output: now?.ResultConfiguration?.OutputLocation ?? "",
      };
    }
    await sleep(50);
  }
}

/** The default version of a managed policy's document. */
export async function policyDocument(aws: LocalAws, arn: string): Promise<unknown> {
  const get = async (args: readonly string[]): Promise<unknown> =>
    JSON.parse(await awsCli(aws, ["iam", ...args, "--policy-arn", arn]));
  const version = z
    .object({ Policy: z.object({ DefaultVersionId: z.string() }) })
    .parse(await get(["get-policy"])).Policy.DefaultVersionId;
  const answer = await get(["get-policy-version", "--version-id", version]);
  return z.object({ PolicyVersion: z.object({ Document: z.unknown() }) }).parse(answer).PolicyVersion
    .Document;
}
