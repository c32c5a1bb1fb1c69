import { readFileSync } from "node:fs";
import { CloudFormation } from "@aws-sdk/client-cloudformation";
import { S3 } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { compactTemplate } from "../../src/aws/template.ts";
import { awsCli, deploy, gcUsage, gcUsageOnTerminal } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { readCalls } from "./harness/moto.ts";
import { between } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const cloudFormation = new CloudFormation(clientOptions(aws));

const LEDGER = `Description: the payroll's
Resources:
  Ledger:
    Type: AWS::S3::Bucket
    Properties: { BucketName: payroll-ledger }
`;
const ours = readFileSync(new URL("../../infra/usage-api.template.yaml", import.meta.url), "utf8");

const onStack = (command: string, stack: string, ...more: string[]) =>
  gcUsage(aws, ["aws", command, "--stack", stack, ...more]);

const statusOf = async (StackName: string): Promise<string | undefined> => {
  const answer = await cloudFormation.describeStacks({ StackName }).catch(() => undefined);
  return answer?.Stacks?.[0]?.StackStatus;
};

const changeSets = async (StackName: string): Promise<string[]> =>
  ((await cloudFormation.listChangeSets({ StackName })).Summaries ?? []).map(
    ({ ChangeSetName = "" }) => ChangeSetName,
  );

describe("a stack that gc-usage did not create", () => {
  beforeAll(async () => {
    await cloudFormation.createStack({ StackName: "payroll", TemplateBody: LEDGER });
    await cloudFormation.createChangeSet({
      StackName: "waiting",
      ChangeSetName: "theirs",
      ChangeSetType: "CREATE",
      TemplateBody: LEDGER,
    });
  });

  it.each([
    ["destroy", ["--yes"]],
    ["destroy", ["--yes", "--delete-data", "--yes-delete-data", "payroll-ledger"]],
    ["deploy", ["--yes"]],
    ["deploy", ["--dry-run"]],
  ])("is not changed by %s %s", async (command, flags) => {
    const done = await onStack(command, "payroll", ...flags);
    expect(done.exitCode).toBe(8);
    expect(done.stderr).toContain("The stack payroll was not created by gc-usage. Nothing was changed.");
    expect(await statusOf("payroll")).toBe("CREATE_COMPLETE");
    expect(await changeSets("payroll")).toEqual([]);
  });

  it.each(["destroy", "deploy"])("is not changed by %s even if it is only planned", async (command) => {
    const done = await onStack(command, "waiting", "--yes");
    expect(done.exitCode).toBe(8);
    expect(done.stderr).toContain("it has a pending change set of another program");
    expect(await statusOf("waiting")).toBe("REVIEW_IN_PROGRESS");
    expect(await changeSets("waiting")).toEqual(["theirs"]);
  });

  it("with only a plan of gc-usage can be deployed or deleted", async () => {
    const left = async (StackName: string) => {
      const plan = {
        ChangeSetName: "gc-usage-1",
        ChangeSetType: "CREATE" as const,
        TemplateBody: compactTemplate(ours),
      };
      await cloudFormation.createChangeSet({ StackName, ...plan });
    };
    await left("left-over");
    expect((await onStack("deploy", "left-over", "--dry-run")).exitCode).toBe(0);
    expect(await changeSets("left-over")).toEqual(["gc-usage-1"]);
    expect((await onStack("destroy", "left-over", "--yes")).exitCode).toBe(0);
    expect(await statusOf("left-over")).toBeUndefined();
  });
});

describe("a question", () => {
  it.each([
    ["Ctrl-C", "\u0003", 130, "Interrupted. Nothing was changed."],
    ["Ctrl-D", "\u0004", 0, "Nothing was changed."],
    ["no", "n\r", 0, "Nothing was changed."],
  ])("of deploy, with %s as the answer, leaves nothing behind", async (_what, keys, exitCode, message) => {
    const typing = { prompt: "Make these changes? [y/N] ", keys };
    const done = await gcUsageOnTerminal(aws, ["aws", "deploy", "--stack", "asked-for"], typing);
    expect(done.stdout).toContain(message);
    expect(done.exitCode).toBe(exitCode);
    expect(await statusOf("asked-for")).toBeUndefined();
  });

  it("of destroy accepts only the stack's name as confirmation", async () => {
    await deploy(aws, "typed");
    const destroy = (keys: string) =>
      gcUsageOnTerminal(aws, ["aws", "destroy", "--stack", "typed"], { prompt: "(typed): ", keys });
    expect((await destroy("\u0003")).exitCode).toBe(130);
    expect((await destroy("y\r")).exitCode).toBe(8);
    expect((await destroy("\u0004")).exitCode).toBe(8);
    expect(await statusOf("typed")).toBe("CREATE_COMPLETE");
    const done = await destroy("typed\r");
    expect(done.stdout).toContain("The stack typed is deleted.");
    expect(done.exitCode).toBe(0);
  });
});

describe("gc-usage aws deploy", () => {
  it("requires --yes to remove or replace something without a terminal", async () => {
    await deploy(aws, "renamed");
    const change = ["--parameter", "WorkGroupName=another"];
    const refused = await onStack("deploy", "renamed", ...change);
    expect(refused.exitCode).toBe(8);
    expect(refused.stderr).toContain("Nothing was changed: WorkGroup would be removed or replaced.");
    expect(refused.stderr).toContain("To confirm, add --yes.");
    expect(await changeSets("renamed")).toEqual([]);
    const json = await onStack("deploy", "renamed", "--json", ...change);
    expect(JSON.parse(json.stderr.slice(json.stderr.indexOf("{")))).toMatchObject({
      error: { kind: "refused", exitCode: 8, changes: [{ resource: "WorkGroup", replaced: true }] },
    });
    expect((await onStack("deploy", "renamed", "--yes", ...change)).exitCode).toBe(0);
  });

  it("needs --replace-data to take data out of sight, and then shows how to copy it", async () => {
    const { lakeBucket, database } = await deploy(aws, "moved");
    await s3.putObject({ Bucket: lakeBucket, Key: "usage/a", Body: "1" });
    for (const [parameter, resource, pid] of [
      ["LakeBucketName=moved-to", "LakeBucket", lakeBucket],
      ["DatabaseName=moved_to", "Database", database],
      ["LakePrefix=team", "The stack would read another lake than", `s3://${lakeBucket}`],
    ] as const) {
      const refused = await onStack("deploy", "moved", "--yes", "--parameter", parameter);
      expect(refused.exitCode).toBe(8);
      expect(refused.stderr).toContain(`Nothing was changed: ${resource}`);
      expect(refused.stderr).toContain(pid);
      expect(refused.stderr).toContain("add --replace-data");
      expect(await changeSets("moved")).toEqual([]);
    }
    const change = ["--parameter", "LakeBucketName=moved-to", "--yes"];
    const copy = `gc-usage copy s3://${lakeBucket} --stack moved`;
    expect((await onStack("deploy", "moved", ...change)).stderr).toContain(copy);
    const done = await onStack("deploy", "moved", ...change, "--replace-data");
    expect(done.exitCode).toBe(0);
    expect(done.stderr).toContain("The lake was replaced. The old bucket is kept.");
    expect(done.stderr).toContain(copy);
    expect((await s3.listObjectsV2({ Bucket: lakeBucket })).KeyCount).toBe(1);
  });

  it("replaces a changed saved query without a flag", async () => {
    const older = ours.replace("the ten monthly rows with the most 429s", "an older text");
    expect(older).not.toBe(ours);
    await cloudFormation.createStack({ StackName: "queries", TemplateBody: older });
    const done = await onStack("deploy", "queries");
    expect(done.stderr).toMatch(/~ QuestionArticle .* replaced/);
    expect(done.exitCode).toBe(0);
  });

  it("warns about the slices that a later FirstDay hides", async () => {
    const { lakeBucket: Bucket } = await deploy(aws, "later");
    for (const date of ["2024-12-31", "2025-01-01", "2025-05-31", "2025-06-01"]) {
      const Key = `usage/granularity=day/date=${date}/jobs.client-uri-method.parquet`;
      await s3.putObject({ Bucket, Key, Body: "1" });
    }
    const later = ["--parameter", "FirstDay=2025-06-01"];
    const denied = await between(aws, ({ url }) => (url?.includes("list-type=2") ? 403 : undefined));
    const uncounted = await gcUsage(aws, ["aws", "deploy", "--stack", "later", "--dry-run", ...later], {
      AWS_ENDPOINT_URL: denied.url,
    });
    expect(uncounted.exitCode).toBe(0);
    expect(uncounted.stderr).toContain("which Athena will not see, were not counted. Cannot list s3://");
    for (const flags of [["--dry-run"], []]) {
      const done = await onStack("deploy", "later", ...flags, ...later);
      expect(done.exitCode).toBe(0);
      expect(done.stderr).toContain(
        "FirstDay moves from 2025-01-01 to 2025-06-01: Athena will not see 2 slices before that day.",
      );
    }
    const back = await onStack("deploy", "later", "--parameter", "FirstDay=2024-01-01");
    expect(back.stderr).not.toContain("FirstDay moves");
  });

  it("adds tags, passes CloudFormation's role, and protects the stack", async () => {
    const stack = async () => (await cloudFormation.describeStacks({ StackName: "ruled" })).Stacks?.[0];
    const role = "arn:aws:iam::123456789012:role/cloudformation";
    const before = (await readCalls(aws.record)).length;
    await deploy(aws, "ruled", "--tag", "cost-center=1 a", "--role-arn", role, "--termination-protection");
    const created = (await readCalls(aws.record))
      .slice(before)
      .find(({ body }) => body.includes("Action=CreateChangeSet"));
    expect(new URLSearchParams(created?.body).get("RoleARN")).toBe(role);
    expect(await stack()).toMatchObject({
      Tags: [{ Key: "cost-center", Value: "1 a" }],
      EnableTerminationProtection: true,
    });
    const destroyed = await onStack("destroy", "ruled", "--yes");
    expect(destroyed.exitCode).toBe(8);
    expect(destroyed.stderr).toContain("gc-usage aws deploy --stack ruled --no-termination-protection");
    const added = await onStack("deploy", "ruled", "--tag", "team=data", "--no-termination-protection");
    expect(added.exitCode).toBe(0);
    expect(await stack()).toMatchObject({
      Tags: [
        { Key: "cost-center", Value: "1 a" },
        { Key: "team", Value: "data" },
      ],
      EnableTerminationProtection: false,
    });
    expect((await onStack("destroy", "ruled", "--yes")).exitCode).toBe(0);
    const invalid = await onStack("deploy", "ruled", "--tag", "aws:x=1");
    expect(invalid.exitCode).toBe(2);
    expect(invalid.stderr).toContain('Invalid --tag: "aws:x=1" (expected KEY=VALUE).');
  });

  it.each([
    ["2025-02-31", 'FirstDay: "2025-02-31" is not a day.'],
    ["2099-01-01", "Invalid FirstDay: 2099-01-01 is in the future."],
  ])("rejects %s as the first day before planning", async (day, message) => {
    const done = await onStack("deploy", "dated", "--yes", "--parameter", `FirstDay=${day}`);
    expect(done.exitCode).toBe(2);
    expect(done.stderr).toContain(message);
    expect(await statusOf("dated")).toBeUndefined();
  });

  it("leaves nothing behind if CloudFormation rejects a parameter", async () => {
    const done = await onStack("deploy", "odd", "--yes", "--parameter", "LakeBucketName=Capital");
    expect(done.exitCode).toBe(11);
    expect(done.stderr).toContain("Parameter LakeBucketName failed to satisfy constraint");
    expect(await statusOf("odd")).toBeUndefined();
  });

  it("accepts capitals in the stack's name only with a database name, which must be lower case", async () => {
    const refused = await onStack("deploy", "Usage-EU", "--yes");
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(
      "Use --stack usage-eu, or set the database's name: --parameter DatabaseName=usage_eu",
    );
    expect(await statusOf("Usage-EU")).toBeUndefined();
    const made = await deploy(aws, "Usage-EU", "--parameter", "DatabaseName=usage_eu");
    expect(made.database).toBe("usage_eu");
    expect((await onStack("deploy", "Usage-EU", "--yes")).stderr).toContain("is up to date");
  });
});

describe("gc-usage aws destroy --delete-data", () => {
  const twice = (bucket: string) => ["--yes", "--delete-data", "--yes-delete-data", bucket];

  it("requires both flags before anything is deleted", async () => {
    const { lakeBucket } = await deploy(aws, "one-flag");
    const done = await onStack("destroy", "one-flag", "--yes", "--yes-delete-data", lakeBucket);
    expect(done.exitCode).toBe(2);
    expect(done.stderr).toContain("--yes-delete-data needs --delete-data. Nothing was deleted.");
    expect(await statusOf("one-flag")).toBe("CREATE_COMPLETE");
  });

  it("skips a deleted bucket, and deletes the rest", async () => {
    const { lakeBucket, resultsBucket } = await deploy(aws, "half-gone");
    await s3.deleteBucket({ Bucket: lakeBucket });
    const done = await onStack("destroy", "half-gone", ...twice(lakeBucket));
    expect(done.stderr).toContain(`The bucket ${lakeBucket} had already been deleted.`);
    expect(done.exitCode).toBe(0);
    expect(await statusOf("half-gone")).toBeUndefined();
    await expect(s3.headBucket({ Bucket: resultsBucket })).rejects.toThrow();
  });
});

it("gc-usage aws destroy lists only the buckets of the stack as kept", async () => {
  await cloudFormation.createStack({
    StackName: "with-more",
    Capabilities: ["CAPABILITY_IAM"],
    TemplateBody: ours.replace("\nResources:\n", "\nResources:\n  Ledger:\n    Type: AWS::S3::Bucket\n"),
  });
  const done = await onStack("destroy", "with-more");
  expect(done.exitCode).toBe(8);
  expect(done.stderr).toMatch(/would be deleted: 25 resources \(S3::Bucket, /);
  expect(done.stderr).toMatch(/Its data would be kept: with-more-lakebucket-\S+, with-more-resultsbucket-/);
});

it("gc-usage aws destroy gives a hint for an attached policy, and then finishes", async () => {
  const { readerPolicyArn } = await deploy(aws, "attached");
  const who = ["--user-name", "reader"];
  await awsCli(aws, ["iam", "create-user", ...who]);
  await awsCli(aws, ["iam", "attach-user-policy", ...who, "--policy-arn", readerPolicyArn]);
  const done = await onStack("destroy", "attached", "--yes");
  expect(done.exitCode).toBe(11);
  expect(done.stderr).toContain("ReaderPolicy (AWS::IAM::ManagedPolicy): Cannot delete a policy attached to");
  expect(done.stderr).toContain(
    "detach it from users and roles first. To finish, run the same command again",
  );
  await awsCli(aws, ["iam", "detach-user-policy", ...who, "--policy-arn", readerPolicyArn]);
  expect((await onStack("destroy", "attached", "--yes")).exitCode).toBe(0);
});
