import { Athena } from "@aws-sdk/client-athena";
import { CloudFormation } from "@aws-sdk/client-cloudformation";
import { Glue } from "@aws-sdk/client-glue";
import { S3 } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";

const aws = inject("aws");
const options = clientOptions(aws);
const s3 = new S3(options);
const glue = new Glue(options);
const athena = new Athena(options);
const cloudFormation = new CloudFormation(options);

const destroy = (stack: string, ...more: string[]) =>
  gcUsage(aws, ["aws", "destroy", "--stack", stack, "--yes", ...more]);

describe("gc-usage aws deploy", () => {
  it("shows the changes on a dry run without making them", async () => {
    const done = await gcUsage(aws, ["aws", "deploy", "--stack", "tried", "--dry-run"]);
    expect(done).toMatchObject({ exitCode: 0, stdout: "" });
    expect(done.stderr).toContain("The stack tried would be created:");
    expect(done.stderr).toMatch(/\+ LakeBucket +AWS::S3::Bucket/);
    expect(done.stderr).toContain("Nothing was changed.");
    await expect(cloudFormation.describeStacks({ StackName: "tried" })).rejects.toThrow("does not exist");
  });

  it("reports if there is nothing to change", async () => {
    await deploy(aws, "same");
    const again = await gcUsage(aws, ["aws", "deploy", "--stack", "same"]);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toBe("The stack same is up to date.");
    expect((await cloudFormation.listChangeSets({ StackName: "same" })).Summaries).not.toContainEqual(
      expect.objectContaining({ Status: "FAILED" }),
    );
  });

  it("updates what a parameter changes, and keeps other parameters", async () => {
    const stack = await deploy(aws, "updated", "--parameter", "ScanLimitBytes=20000000");
    const done = await gcUsage(aws, [
      "aws",
      "deploy",
      "--stack",
      "updated",
      "--parameter",
      "FirstDay=2024-06-01",
    ]);
    expect(done.exitCode).toBe(0);
    expect(done.stderr).toMatch(/~ UsageTable +AWS::Glue::Table {2}usage/);
    expect(done.stderr).not.toContain("LakeBucket ");
    const { Table } = await glue.getTable({ DatabaseName: stack.database, Name: "usage" });
    expect(Table?.Parameters?.["projection.date.range"]).toBe("2024-06-01,NOW");
    const { WorkGroup } = await athena.getWorkGroup({ WorkGroup: stack.workgroup });
    expect(WorkGroup?.Configuration?.BytesScannedCutoffPerQuery).toBe(20_000_000);
  });

  it("creates two stacks in an account, one with the blueprint's names", async () => {
    const ours = await deploy(aws, "side-one");
    const theirs = await deploy(aws, "side-two", "--blueprint-names");
    expect(ours).toMatchObject({ database: "side_one", workgroup: "side-one", crawler: "side-one-crawler" });
    expect(theirs).toMatchObject({
      database: "genesysclouddb",
      workgroup: "UsageAPIWorkgroup",
      crawler: "UsageApiCrawler",
    });
    expect(ours.lakeBucket).not.toBe(theirs.lakeBucket);
    expect((await destroy("side-one")).exitCode).toBe(0);
    expect((await glue.getTable({ DatabaseName: "genesysclouddb", Name: "usage" })).Table?.Name).toBe(
      "usage",
    );
    // The blueprint's names must be unique in an account, and the next file needs them.
    expect((await destroy("side-two")).exitCode).toBe(0);
  });

  it("reports why a stack could not be created, with a hint", async () => {
    await s3.createBucket({ Bucket: "taken-already" });
    const named = ["--parameter", "LakeBucketName=taken-already"];
    const failed = await gcUsage(aws, ["aws", "deploy", "--stack", "taken", "--yes", ...named]);
    expect(failed.exitCode).toBe(11);
    expect(failed.stderr).toContain("LakeBucket (AWS::S3::Bucket): taken-already already exists");
    expect(failed.stderr).toContain("replace LakeBucketName with --parameter ExistingLakeBucket=NAME");
    const again = await gcUsage(aws, ["aws", "deploy", "--stack", "taken"]);
    expect(again.exitCode).toBe(11);
    expect(again.stderr).toContain("could not be created earlier and cannot be used (ROLLBACK_COMPLETE)");
    expect(again.stderr).toContain("taken-already already exists");
    expect((await destroy("taken")).exitCode).toBe(0);
    expect((await deploy(aws, "taken")).lake).toMatch(/^s3:\/\/taken-lakebucket-/);
  });

  it("rejects a parameter that the template does not have", async () => {
    const done = await gcUsage(aws, [
      "aws",
      "deploy",
      "--stack",
      "odd",
      "--parameter",
      "FirstDate=2024-06-01",
    ]);
    expect(done.exitCode).toBe(2);
    expect(done.stderr).toContain(
      "Unknown parameter FirstDate in --parameter.\nDid you mean FirstDay? Use one of: FirstDay,",
    );
  });
});

describe("gc-usage aws", () => {
  it.each([
    ["no region", { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }, 11, "no AWS region is set"],
    ["no credentials", { AWS_ACCESS_KEY_ID: undefined }, 3, "no usable AWS credentials were found"],
    ["no AWS there", { AWS_ENDPOINT_URL: "http://127.0.0.1:9" }, 5, "AWS is unreachable"],
  ])("reports what is missing: %s", async (_what, env, exitCode, message) => {
    const done = await gcUsage(aws, ["aws", "outputs", "--stack", "any"], env);
    expect(done.exitCode).toBe(exitCode);
    expect(done.stderr).toContain(message);
    expect(done.stderr.split("\n")).toHaveLength(2);
  });

  it("accepts the region and the endpoint as flags", async () => {
    await deploy(aws, "flagged");
    const flags = ["--region", "us-east-1", "--endpoint-url", aws.url];
    const env = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined, AWS_ENDPOINT_URL: undefined };
    const done = await gcUsage(aws, ["aws", "outputs", "--stack", "flagged", ...flags], env);
    expect(done.stdout).toContain("s3://flagged-lakebucket-");
    const elsewhere = await gcUsage(aws, ["aws", "outputs", "--stack", "flagged", "--region", "eu-west-1"]);
    expect(elsewhere.stderr).toContain("There is no stack flagged in this account and region.");
  });

  it("shows manual changes", async () => {
    const stack = await deploy(aws, "drifted");
    expect((await gcUsage(aws, ["aws", "drift", "--stack", "drifted"])).stdout).toBe("Nothing has drifted.");
    await s3.deletePublicAccessBlock({ Bucket: stack.lakeBucket });
    await athena.deleteWorkGroup({ WorkGroup: stack.workgroup });
    const done = await gcUsage(aws, ["aws", "drift", "--stack", "drifted"]);
    expect(done.stderr).toContain("gc-usage aws deploy --stack drifted --parameter KEY=VALUE");
    expect(done.exitCode).toBe(11);
    expect(done.stdout).toContain(`MODIFIED LakeBucket (AWS::S3::Bucket) ${stack.lakeBucket}`);
    expect(done.stdout).toContain("DELETED WorkGroup (AWS::Athena::WorkGroup)");
  });
});

describe("gc-usage aws destroy", () => {
  it("asks, and does nothing if it cannot ask", async () => {
    await deploy(aws, "asked");
    const done = await gcUsage(aws, ["aws", "destroy", "--stack", "asked"]);
    expect(done.exitCode).toBe(8);
    expect(done.stderr).toContain("To confirm, add --yes.");
    expect((await cloudFormation.describeStacks({ StackName: "asked" })).Stacks).toHaveLength(1);
  });

  it("keeps only the data", async () => {
    const stack = await deploy(aws, "left");
    await s3.putObject({ Bucket: stack.lakeBucket, Key: "usage/a", Body: "1" });
    expect((await destroy("left")).exitCode).toBe(0);
    expect((await s3.listObjectsV2({ Bucket: stack.lakeBucket })).KeyCount).toBe(1);
    await s3.headBucket({ Bucket: stack.resultsBucket });
    await expect(glue.getDatabase({ Name: stack.database })).rejects.toThrow();
    await expect(glue.getCrawler({ Name: stack.crawler })).rejects.toThrow();
    await expect(athena.getWorkGroup({ WorkGroup: stack.workgroup })).rejects.toThrow();
  });

  it("deletes all versions of the data after two confirmations", async () => {
    const stack = await deploy(aws, "emptied");
    const Bucket = stack.lakeBucket;
    for (const Body of ["1", "2", "3"]) await s3.putObject({ Bucket, Key: "usage/a", Body });
    await s3.deleteObject({ Bucket, Key: "usage/a" });
    const once = await destroy("emptied", "--delete-data");
    expect(once.exitCode).toBe(8);
    expect((await destroy("emptied", "--delete-data", "--yes-delete-data", "other")).exitCode).toBe(8);
    expect((await s3.listObjectVersions({ Bucket })).Versions).toHaveLength(3);
    const twice = await destroy("emptied", "--delete-data", "--yes-delete-data", Bucket);
    expect(twice.exitCode).toBe(0);
    expect(twice.stderr).toContain(`Deleted the bucket ${Bucket} with 4 object versions.`);
    await expect(s3.headBucket({ Bucket })).rejects.toThrow();
    await expect(s3.headBucket({ Bucket: stack.resultsBucket })).rejects.toThrow();
  });
});
