import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Athena } from "@aws-sdk/client-athena";
import { Glue } from "@aws-sdk/client-glue";
import { S3 } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { deployerPolicy } from "../../src/aws/deployer-policy.ts";
import { readTemplate } from "../../src/aws/template.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { resolveTemplate } from "../helpers/template.ts";
import { awsCli, deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { ACCOUNT, type Call, REGION, readAllCalls, readCalls } from "./harness/moto.ts";
import { denied, isAllowed, needsOf } from "./harness/permissions.ts";
import { policyDocument, runQuery } from "./helpers.ts";
import { declareSourceTable } from "./source-table.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const glue = new Glue(clientOptions(aws));
const athena = new Athena({ ...clientOptions(aws), endpoint: aws.athenaUrl });

/** A policy that `gc-usage aws policy` prints. */
async function printed(...args: readonly string[]): Promise<unknown> {
  const done = await gcUsage(aws, ["aws", "policy", ...args]);
  expect(done.exitCode, done.stderr).toBe(0);
  return JSON.parse(done.stdout);
}

/** The calls during `action`. */
async function callsOf(action: () => Promise<unknown>): Promise<Call[]> {
  const before = (await readCalls(aws.record)).length;
  await action();
  return (await readCalls(aws.record)).slice(before);
}

const actionsOf = (calls: readonly Call[]) =>
  new Set(calls.flatMap((call) => needsOf(call, { workgroup: "" })).map((need) => need.action));

describe("the stack's policies", async () => {
  const stack = await deploy(aws, "policies");
  const scene = { workgroup: stack.workgroup };
  const loader = await policyDocument(aws, stack.loaderPolicyArn);
  const reader = await policyDocument(aws, stack.readerPolicyArn);
  const Bucket = stack.lakeBucket;

  it("allow the loader to load", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-policies-"));
    const file = path.join(folder, "query-result.json");
    await writeFile(file, "{}\n");
    const calls = await callsOf(async () => {
      await gcUsage(aws, ["aws", "outputs", "--stack", "policies"]);
      await awsCli(aws, ["s3", "cp", file, `${stack.source}granularity=month/`]);
      const Key = "usage/granularity=day/date=2026-01-01/jobs.client.parquet";
      const { ETag: IfMatch } = await s3.putObject({ Bucket, Key, Body: "a", IfNoneMatch: "*" });
      await s3.putObject({ Bucket, Key, Body: "b", IfMatch });
      await s3.headObject({ Bucket, Key });
      await s3.listObjectsV2({ Bucket, Prefix: "usage/" });
      const { UploadId } = await s3.createMultipartUpload({ Bucket, Key });
      await s3.uploadPart({ Bucket, Key, UploadId, PartNumber: 1, Body: "c" });
      await s3.abortMultipartUpload({ Bucket, Key, UploadId });
      expect((await gcUsage(aws, ["aws", "crawl", "--stack", "policies"])).exitCode).toBe(0);
    });
    await rm(folder, { recursive: true });
    // It is not a slice, and the next tests read the lake.
    await s3.deleteObject({ Bucket, Key: "usage/granularity=day/date=2026-01-01/jobs.client.parquet" });
    expect([...actionsOf(calls)]).toEqual(
      expect.arrayContaining([
        "cloudformation:DescribeStacks",
        "s3:PutObject",
        "glue:StartCrawler",
        "glue:GetTable",
      ]),
    );
    expect(await denied(loader, calls, scene)).toEqual([]);
  });

  it("allow the loader everything for sync, load, upload, copy and status, but no deletion", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-policies-"));
    const sandbox = await startSandbox({ rateLimit: 100_000, jobDelayMs: 1 });
    const env = { ...sandbox.env, GC_USAGE_CACHE: path.join(folder, "cache") };
    const file = path.join(folder, "rows.ndjson");
    await writeFile(file, '{"clientId":"c","requests":1,"status200":1,"date":"2026-03-03T00:00:00Z"}\n');
    const calls = await callsOf(async () => {
      for (const args of [
        ["sync", "--last", "4d", "--keep-source", "--stack", "policies"],
        ["sync", "--last", "5d", "--recheck", "0", "--stack", "policies"],
        ["load", file, "--granularity", "day", "--stack", "policies"],
        ["upload", file, "--granularity", "day", "--stack", "policies"],
        ["status", "--stack", "policies"],
        ["copy", `s3://${Bucket}`, path.join(folder, "copy")],
        ["copy", path.join(folder, "copy"), "--stack", "policies"],
      ]) {
        const done = await gcUsage(aws, args, env);
        expect(done.exitCode, done.stderr).toBe(0);
      }
    });
    await sandbox.close();
    await rm(folder, { recursive: true });
    const actions = actionsOf(calls);
    expect([...actions]).toEqual(expect.arrayContaining(["s3:ListBucket", "s3:GetObject", "s3:PutObject"]));
    expect([...actions].filter((action) => /Delete/.test(action))).toEqual([]);
    expect(await denied(loader, calls, scene)).toEqual([]);
  });

  it("allow remove and verify with the loader's policy and the remover policy", async () => {
    const remover = await printed("remover", "--stack", "policies");
    const cache = await mkdtemp(path.join(tmpdir(), "gc-usage-policies-"));
    const calls = await callsOf(async () => {
      for (const args of [["remove", "--last", "4d", "--yes"], ["verify"]]) {
        const done = await gcUsage(aws, [...args, "--stack", "policies"], { GC_USAGE_CACHE: cache });
        expect(done.exitCode, done.stderr).toBe(0);
      }
    });
    await rm(cache, { recursive: true });
    const removals = calls.filter(({ method }) => method === "DELETE");
    // Two slices with raw rows of two, or more.
    expect(removals.length).toBeGreaterThan(4);
    expect(await denied(remover, removals, scene)).toEqual([]);
    expect(await denied(loader, removals, scene)).toHaveLength(removals.length);
    expect(
      await denied(
        loader,
        calls.filter((call) => !removals.includes(call)),
        scene,
      ),
    ).toEqual([]);
    const other = {
      action: "s3:DeleteObject",
      resource: `arn:aws:s3:::${Bucket}/_gc-usage.json`,
      context: {},
    };
    expect(await isAllowed(remover, other)).toBe(false);
  });

  it("allow the reader everything for ask, sql and status, with either engine", async () => {
    const cache = await mkdtemp(path.join(tmpdir(), "gc-usage-policies-"));
    const calls = await callsOf(async () => {
      for (const args of [
        ["status"],
        ["sql", "SELECT count(*) FROM usage"],
        ["ask", "noisy-clients"],
        ["ask", "noisy-clients", "--engine", "athena"],
        [
          "sql",
          "SELECT count(*) FROM daily WHERE date > current_date - interval '3' day",
          "--engine",
          "athena",
        ],
      ]) {
        const done = await gcUsage(aws, [...args, "--stack", "policies"], { GC_USAGE_CACHE: cache });
        expect(done.exitCode, done.stderr).toBe(0);
      }
    });
    await rm(cache, { recursive: true });
    expect([...actionsOf(calls)]).toEqual(
      expect.arrayContaining(["s3:GetObject", "athena:StartQueryExecution", "athena:GetQueryResults"]),
    );
    const ofAthena = calls.filter((call) => call.target !== "AWSGlue.GetDatabases");
    expect(await denied(reader, ofAthena, scene)).toEqual([]);
  });

  it("allow the reader everything for a query, including Athena's own calls", async () => {
    await declareSourceTable(glue, stack, ["month"]);
    const context = { WorkGroup: stack.workgroup, QueryExecutionContext: { Database: stack.database } };
    const calls = await callsOf(async () => {
      await gcUsage(aws, ["aws", "outputs", "--stack", "policies"]);
      for (const sql of [
        "SELECT count(*) FROM daily WHERE date > current_date - interval '3' day",
        "SELECT * FROM gc_usage_api_source WHERE granularity = 'month'",
      ]) {
        const done = await runQuery(athena, sql, context);
        expect(done.reason).toBeUndefined();
        await athena.getQueryResults({ QueryExecutionId: done.id });
      }
      await athena.getWorkGroup({ WorkGroup: stack.workgroup });
    });
    expect([...actionsOf(calls)]).toEqual(
      expect.arrayContaining([
        "athena:StartQueryExecution",
        "glue:GetTable",
        "s3:ListBucket",
        "s3:PutObject",
      ]),
    );
    // Trino lists the databases; Athena does not.
    const ofAthena = calls.filter((call) => call.target !== "AWSGlue.GetDatabases");
    expect(await denied(reader, ofAthena, scene)).toEqual([]);
  });

  const lake = `arn:aws:s3:::${Bucket}`;
  const other = `arn:aws:s3:::${stack.resultsBucket}`;
  const key = `${lake}/usage/granularity=day/date=2026-01-01/jobs.client.parquet`;
  const wg = (name: string) => `arn:aws:athena:${REGION}:${ACCOUNT}:workgroup/${name}`;
  it.each([
    ["loader", loader, "s3:DeleteObject", key],
    ["loader", loader, "s3:DeleteObjectVersion", key],
    ["loader", loader, "s3:PutObject", `${other}/a`],
    ["loader", loader, "s3:PutObject", "arn:aws:s3:::someone-elses/a"],
    ["loader", loader, "s3:PutBucketPolicy", lake],
    ["loader", loader, "s3:DeleteBucket", lake],
    ["loader", loader, "athena:StartQueryExecution", wg(stack.workgroup)],
    ["loader", loader, "cloudformation:DescribeStacks", stack.stackId.replace("/policies/", "/another/")],
    ["loader", loader, "glue:StartCrawler", `arn:aws:glue:${REGION}:${ACCOUNT}:crawler/another`],
    ["reader", reader, "s3:PutObject", key],
    ["reader", reader, "s3:DeleteObject", key],
    ["reader", reader, "s3:DeleteObject", `${other}/a.csv`],
    ["reader", reader, "s3:GetObject", "arn:aws:s3:::someone-elses/a"],
    ["reader", reader, "s3:ListBucket", lake],
    ["reader", reader, "athena:StartQueryExecution", wg("primary")],
    ["reader", reader, "athena:UpdateWorkGroup", wg(stack.workgroup)],
    ["reader", reader, "glue:DeleteTable", `arn:aws:glue:${REGION}:${ACCOUNT}:table/${stack.database}/usage`],
    ["reader", reader, "glue:GetTable", `arn:aws:glue:${REGION}:${ACCOUNT}:table/another/usage`],
    ["reader", reader, "glue:StartCrawler", `arn:aws:glue:${REGION}:${ACCOUNT}:crawler/${stack.crawler}`],
  ])("deny the %s other actions", async (_who, policy, action, resource) => {
    expect(await isAllowed(policy, { action, resource, context: {} })).toBe(false);
  });

  it("allow what Athena's console and BI tools call, with the policy console in addition", async () => {
    const console = await printed("console", "--stack", "policies");
    const catalog = `arn:aws:athena:${REGION}:${ACCOUNT}:datacatalog/AwsDataCatalog`;
    const ofGlue = (path: string) => `arn:aws:glue:${REGION}:${ACCOUNT}:${path}`;
    const needed = [
      ["athena:ListWorkGroups", "*"],
      ["athena:ListDataCatalogs", "*"],
      ["athena:ListDatabases", catalog],
      ["athena:ListTableMetadata", catalog],
      ["athena:GetTableMetadata", catalog],
      ["athena:GetQueryResultsStream", wg(stack.workgroup)],
      ["glue:GetDatabases", ofGlue("catalog")],
      ["glue:GetDatabase", ofGlue("database/default")],
      ["s3:ListBucket", other],
    ] as const;
    for (const [action, resource] of needed) {
      expect(await isAllowed(console, { action, resource, context: {} }), action).toBe(true);
      expect(await isAllowed(reader, { action, resource, context: {} }), action).toBe(false);
    }
    for (const [action, resource] of [
      ["athena:GetQueryResultsStream", wg("primary")],
      ["glue:GetDatabase", ofGlue("database/another")],
      ["s3:GetObject", `${other}/a.csv`],
      ["s3:ListBucket", lake],
    ] as const)
      expect(await isAllowed(console, { action, resource, context: {} }), action).toBe(false);
  });

  it("allow Athena and the crawler if VpcEndpoints restrict the bucket", async () => {
    const endpoint = "vpce-0123456789abcdef0";
    const VpcEndpoints = `vpce-00000000,${endpoint}`;
    const { resources } = resolveTemplate(await readTemplate(), { VpcEndpoints });
    const crawlerRole = `arn:aws:iam::${ACCOUNT}:role/policies-CrawlerRole-1`;
    const bucketPolicy: unknown = z
      .object({ PolicyDocument: z.unknown() })
      .parse(
        JSON.parse(
          JSON.stringify(resources["LakeBucketPolicy"])
            .replaceAll("${LakeBucket.Arn}", `arn:aws:s3:::${Bucket}`)
            .replaceAll("${CrawlerRole.Arn}", crawlerRole),
        ),
      ).PolicyDocument;
    const may = (action: string, context: Record<string, string>) =>
      isAllowed(
        ANYTHING,
        {
          action,
          resource: action.endsWith("Object") ? key : lake,
          context: { "aws:SecureTransport": "true", ...context },
        },
        bucketPolicy,
      );
    const read = (context: Record<string, string>) => may("s3:GetObject", context);
    // For an assumed role, IAM uses the role's ARN.
    const by = (who: string) => ({ "aws:ViaAWSService": "false", "aws:PrincipalArn": who });
    const person = by(`arn:aws:iam::${ACCOUNT}:user/someone`);
    expect(await read(person)).toBe(false);
    expect(await read({ ...person, "aws:SourceVpce": "vpce-another" })).toBe(false);
    expect(await read({ ...person, "aws:SourceVpce": endpoint })).toBe(true);
    expect(await read({ ...person, "aws:ViaAWSService": "true" })).toBe(true);
    expect(await read(by(crawlerRole))).toBe(true);
    expect(await read(by(`${crawlerRole}-another`))).toBe(false);
    // Whoever deploys the stack can correct the policy from anywhere.
    expect(await may("s3:PutBucketPolicy", person)).toBe(true);
    expect(await may("s3:DeleteBucketPolicy", person)).toBe(true);
  });
});

const ANYTHING = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };

describe("the policy deployer", () => {
  it("allows deploy, outputs, crawl, drift and destroy, with and without CloudFormation's own role", async () => {
    const parameters = [
      "LakeFormation=yes",
      "RolePath=/teams/",
      `PermissionsBoundary=arn:aws:iam::${ACCOUNT}:policy/limits`,
    ].flatMap((parameter) => ["--parameter", parameter]);
    const before = (await readAllCalls(aws.record)).length;
    const run = async (...args: string[]) => {
      const done = await gcUsage(aws, ["aws", ...args, "--stack", "by-deployer"]);
      expect(done.exitCode, done.stderr).toBe(0);
    };
    await run("deploy", "--yes", "--tag", "team=usage", ...parameters);
    await run("deploy", "--yes", "--termination-protection", "--parameter", "FirstDay=2024-01-01");
    const { workgroup, lakeBucket } = await deploy(aws, "by-deployer", "--no-termination-protection");
    await run("crawl");
    await run("drift");
    await run("destroy", "--yes", "--delete-data", "--yes-delete-data", lakeBucket);
    const calls = (await readAllCalls(aws.record)).slice(before);
    const scene = { workgroup, stack: "by-deployer", rolePath: "/teams/" };
    const of = (...more: string[]) => printed("deployer", "--stack", "by-deployer", ...parameters, ...more);
    const [deployer, deleter] = [await of(), await of("--delete-data")];
    const actions = actionsOf(calls);
    for (const action of [
      "cloudformation:CreateChangeSet",
      "iam:CreateRole",
      "iam:PassRole",
      "glue:CreateTable",
    ])
      expect([...actions]).toContain(action);
    expect(await denied(deleter, calls, scene)).toEqual([]);
    const missing = await denied(deployer, calls, scene);
    for (const need of missing) expect(need).toMatch(/^s3:(Delete|ListBucketVersions|ListBucketMultipart)/);
    // IAM's limit for a managed policy.
    expect(JSON.stringify(deleter).length).toBeLessThan(6_144);
  });

  const boundary = { "iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT}:policy/limits` };
  const role = `arn:aws:iam::${ACCOUNT}:role/gc-usage-CrawlerRole-1`;
  it.each([
    ["cloudformation:DeleteStack", `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/another/1`, {}],
    ["s3:DeleteBucket", "arn:aws:s3:::someone-elses", {}],
    ["s3:DeleteObject", "arn:aws:s3:::gc-usage-lakebucket-1/usage/a", {}],
    ["iam:CreateRole", `arn:aws:iam::${ACCOUNT}:role/admin`, boundary],
    ["iam:CreateRole", role, {}],
    ["iam:AttachRolePolicy", role, { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" }],
    ["iam:PassRole", role, { "iam:PassedToService": "ec2.amazonaws.com" }],
    ["glue:DeleteTable", `arn:aws:glue:${REGION}:${ACCOUNT}:table/another/usage`, {}],
    ["athena:DeleteWorkGroup", `arn:aws:athena:${REGION}:${ACCOUNT}:workgroup/primary`, {}],
    ["athena:StartQueryExecution", `arn:aws:athena:${REGION}:${ACCOUNT}:workgroup/gc-usage`, {}],
  ])("does not allow %s on %s", async (action, resource, context) => {
    const parameters = { PermissionsBoundary: boundary["iam:PermissionsBoundary"] };
    const policy = deployerPolicy({ stack: "gc-usage", region: REGION, parameters, deletesData: false });
    expect(await isAllowed(policy, { action, resource, context })).toBe(false);
  });

  it("has the partition of its region, and the names that parameters set", () => {
    const parameters = { LakeBucketName: "the-lake", ExistingLakeBucket: "", DatabaseName: "usage_db" };
    const policy = deployerPolicy({ stack: "s", region: "cn-north-1", parameters, deletesData: false });
    const text = JSON.stringify(policy);
    expect(text).not.toContain("arn:aws:");
    expect(text).toContain("arn:aws-cn:s3:::the-lake");
    expect(text).toContain(":database/usage_db");
  });
});
