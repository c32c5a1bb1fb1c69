import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Glue } from "@aws-sdk/client-glue";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { awsCli, deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { ACCOUNT, type Call, REGION, readCalls } from "./harness/moto.ts";
import { denied, isAllowed } from "./harness/permissions.ts";
import { policyDocument } from "./helpers.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const glue = new Glue(clientOptions(aws));
const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555`;
/** A key's own policy, as the console makes it: IAM policies decide. */
const KEY_POLICY = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" },
  ],
};
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/limits`;
const cache = await mkdtemp(path.join(tmpdir(), "gc-usage-company-"));
const sandbox = await startSandbox({ rateLimit: 100_000, jobDelayMs: 1 });
afterAll(async () => {
  await sandbox.close();
  await rm(cache, { recursive: true });
});
const run = async (...args: string[]) => {
  const done = await gcUsage(aws, args, { ...sandbox.env, GC_USAGE_CACHE: cache });
  expect(done.exitCode, done.stderr).toBe(0);
  return done;
};
const parameters = (given: Readonly<Record<string, string>>): string[] =>
  Object.entries(given).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]);

const isS3 = ({ target, body }: Call): boolean => target === "" && !body.includes("Action=");
const writes = ({ method, query }: Call): boolean =>
  (method === "PUT" && !query.includes("partNumber")) || (method === "POST" && query.includes("uploads"));

describe("a stack under a company's rules", async () => {
  const Statement = [
    {
      Effect: "Allow",
      Principal: { Service: "logging.s3.amazonaws.com" },
      Action: "s3:PutObject",
      Resource: "arn:aws:s3:::company-logs/*",
    },
  ];
  await s3.createBucket({ Bucket: "company-logs" });
  await s3.putBucketPolicy({
    Bucket: "company-logs",
    Policy: JSON.stringify({ Version: "2012-10-17", Statement }),
  });
  const rules = {
    PermissionsBoundary: BOUNDARY,
    RolePath: "/teams/usage/",
    AccessLogBucket: "company-logs",
    KmsKeyArn: KEY,
    CatalogKmsKeyArn: KEY,
    // deploy adds the slash at the end.
    LakePrefix: "team/usage",
    LakeFormation: "yes",
    ReaderAccounts: "210987654321",
    VpcEndpoints: "vpce-0a,vpce-0b",
  };
  const stack = await deploy(aws, "company", ...parameters(rules));
  let calls: Call[] = [];
  let reads: Call[] = [];
  beforeAll(async () => {
    const before = (await readCalls(aws.record)).length;
    await run("sync", "--last", "3d", "--keep-source", "--stack", "company");
    calls = (await readCalls(aws.record)).slice(before);
    for (const engine of ["duckdb", "athena"])
      await run("ask", "noisy-clients", "--stack", "company", "--last", "3d", "--engine", engine);
    reads = (await readCalls(aws.record)).slice(before + calls.length);
  });

  it("has the boundary, the path, the logs and the grants", async () => {
    const role = stack.outputs["CrawlerRoleArn"]?.split("/").at(-1) ?? "";
    expect(stack.outputs["CrawlerRoleArn"]).toContain(":role/teams/usage/");
    expect(stack.loaderPolicyArn).toContain(":policy/teams/usage/");
    expect(await awsCli(aws, ["iam", "get-role", "--role-name", role])).toContain(BOUNDARY);
    for (const Bucket of [stack.lakeBucket, stack.resultsBucket]) {
      const { LoggingEnabled } = await s3.getBucketLogging({ Bucket });
      expect(LoggingEnabled?.TargetBucket).toBe("company-logs");
    }
    const { Policy = "" } = await s3.getBucketPolicy({ Bucket: stack.lakeBucket });
    expect(JSON.parse(Policy)).toMatchObject({
      Statement: [
        { Sid: "EncryptedConnectionsOnly" },
        {
          Sid: "OurNetworkOnly",
          Condition: {
            StringNotEquals: { "aws:SourceVpce": ["vpce-0a", "vpce-0b"] },
            ArnNotEquals: { "aws:PrincipalArn": stack.outputs["CrawlerRoleArn"] },
          },
        },
        { Sid: "OtherAccountsRead", Principal: { AWS: ["210987654321"] } },
        { Sid: "OtherAccountsList" },
      ],
    });
    const granted = await awsCli(aws, ["lakeformation", "list-permissions"]);
    expect(granted).toContain(`${ACCOUNT}:IAMPrincipals`);
    expect(granted).toContain(stack.outputs["CrawlerRoleArn"]);
  });

  it("has its lake in the folder, for sync, both engines and the crawler", async () => {
    expect(stack.lake).toBe(`s3://${stack.lakeBucket}/team/usage`);
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: stack.lakeBucket });
    expect(Contents.length).toBeGreaterThan(3);
    for (const { Key } of Contents) expect(Key).toMatch(/^team\/usage\//);
    const { Crawler } = await glue.getCrawler({ Name: stack.crawler });
    expect(Crawler?.Targets?.S3Targets?.[0]?.Path).toBe(stack.source);
    const sql = "SELECT count(DISTINCT date) AS n FROM daily WHERE date > current_date - interval '9' day";
    const counted = await run("sql", sql, "--engine", "athena", "--stack", "company", "--output", "csv");
    expect(counted.stdout.split("\r\n")).toEqual(["n", "3"]);
  });

  it("encrypts every write with the stack's key, and names the bucket's owner in every call", async () => {
    const ofS3 = [...calls, ...reads].filter(isS3).filter(({ agent }) => agent.includes("gc-usage"));
    expect(ofS3.length).toBeGreaterThan(10);
    expect(ofS3.filter(({ owner }) => owner !== ACCOUNT)).toEqual([]);
    const written = ofS3.filter(writes);
    expect(written.length).toBeGreaterThan(3);
    expect(written.filter(({ encryption, key }) => encryption !== "aws:kms" || key !== KEY)).toEqual([]);
  });

  it("allows its loader and its reader everything in that folder", async () => {
    const scene = { workgroup: stack.workgroup };
    const loader = await policyDocument(aws, stack.loaderPolicyArn);
    const reader = await policyDocument(aws, stack.readerPolicyArn);
    expect(await denied(loader, calls, scene)).toEqual([]);
    const ours = reads.filter(({ agent }) => agent.includes("gc-usage"));
    expect(ours.length).toBeGreaterThan(5);
    expect(await denied(reader, ours, scene)).toEqual([]);
    for (const [policy, action] of [
      [loader, "kms:GenerateDataKey"],
      [reader, "kms:Decrypt"],
    ] as const) {
      expect(await isAllowed(policy, { action, resource: KEY, context: {} }, KEY_POLICY), action).toBe(true);
      const other = { action, resource: `${KEY.slice(0, -1)}6`, context: {} };
      expect(await isAllowed(policy, other, KEY_POLICY), action).toBe(false);
    }
    const elsewhere = {
      method: "PUT",
      path: `/${stack.lakeBucket}/other/a`,
      query: "",
      target: "",
      body: "",
    };
    expect(await denied(loader, [{ ...calls[0], ...elsewhere } as Call], scene)).toHaveLength(1);
  });
});

it("refuses to query another lake's tables with Athena", async () => {
  const stack = await deploy(aws, "other-tables");
  const query = ["sql", "SELECT count(*) AS n FROM usage WHERE date > current_date - interval '3' day"];
  const tables = ["--engine", "athena", "--database", stack.database, "--workgroup", stack.workgroup];
  const other = await gcUsage(aws, [...query, ...tables, "--lake", "s3://company-logs/lake"]);
  expect(other.exitCode).toBe(2);
  expect(other.stderr).toContain(
    `The table other_tables.usage reads the lake s3://${stack.lakeBucket}, not s3://company-logs/lake.`,
  );
  expect(other.stderr).toContain(`Use --lake s3://${stack.lakeBucket}`);
  await run(...query, ...tables, "--lake", stack.lake);
});

describe("a bucket that destroy has kept", async () => {
  const first = await deploy(aws, "kept");
  await run("sync", "--last", "2d", "--stack", "kept");
  const gone = await run("aws", "destroy", "--stack", "kept", "--yes");

  it("is named when the stack is deleted", () => {
    expect(gone.stderr).toContain(`--parameter ExistingLakeBucket=${first.lakeBucket}`);
  });

  it("is found by the next deploy, which says how to use it", async () => {
    const done = await run("aws", "deploy", "--stack", "kept", "--dry-run");
    expect(done.stderr).toContain(`An earlier stack kept has left the bucket ${first.lakeBucket}.`);
    expect(done.stderr).toContain(`--parameter ExistingLakeBucket=${first.lakeBucket}`);
  });

  it("is used by a stack with ExistingLakeBucket, which never deletes it", async () => {
    const again = await deploy(aws, "kept", ...parameters({ ExistingLakeBucket: first.lakeBucket }));
    expect(again.lake).toBe(first.lake);
    const asked = await run("ask", "noisy-clients", "--stack", "kept", "--last", "2d", "--engine", "athena");
    expect(asked.stdout).toContain("status429");
    const deletes = ["--yes", "--delete-data", "--yes-delete-data", again.resultsBucket];
    const emptied = await run("aws", "destroy", "--stack", "kept", ...deletes);
    expect(emptied.stderr).toContain(`The lake's bucket ${first.lakeBucket} is not part of the stack`);
    expect((await s3.listObjectsV2({ Bucket: first.lakeBucket })).KeyCount).toBeGreaterThan(0);
  });
});

it.each([
  [{ LakeBucketName: "one-bucket" }, "LakeBucketName and ExistingLakeBucket cannot be combined."],
  [{ VpcEndpoints: "vpce-1" }, "VpcEndpoints has no effect on ExistingLakeBucket (other-bucket)."],
  [{ ReaderAccounts: "210987654321" }, "ReaderAccounts has no effect on ExistingLakeBucket (other-bucket)."],
  [{}, "Invalid ExistingLakeBucket: there is no bucket other-bucket."],
])("rejects parameters that an existing bucket cannot have: %o", async (given, message) => {
  const both = parameters({ ...given, ExistingLakeBucket: "other-bucket" });
  const done = await gcUsage(aws, ["aws", "deploy", "--stack", "both", ...both]);
  expect(done.exitCode).toBe(2);
  expect(done.stderr).toContain(message);
});
