import { Athena } from "@aws-sdk/client-athena";
import { Glue } from "@aws-sdk/client-glue";
import { S3 } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { list } from "../../src/questions/questions.ts";
import { awsCli, deploy } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { ACCOUNT } from "./harness/moto.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const glue = new Glue(clientOptions(aws));
const athena = new Athena(clientOptions(aws));

describe("the deployed resources, as each service reports them", async () => {
  const stack = await deploy(aws, "asserted");

  it.each(["lakeBucket", "resultsBucket"] as const)(
    "keeps the %s private, encrypted, owned and TLS-only",
    async (which) => {
      const Bucket = stack[which];
      const { PublicAccessBlockConfiguration } = await s3.getPublicAccessBlock({ Bucket });
      expect(Object.values(PublicAccessBlockConfiguration ?? {})).toEqual([true, true, true, true]);
      const { ServerSideEncryptionConfiguration: sse } = await s3.getBucketEncryption({ Bucket });
      expect(sse?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe("AES256");
      const { OwnershipControls } = await s3.getBucketOwnershipControls({ Bucket });
      expect(OwnershipControls?.Rules).toEqual([{ ObjectOwnership: "BucketOwnerEnforced" }]);
      const { Policy = "" } = await s3.getBucketPolicy({ Bucket });
      expect(JSON.parse(Policy)).toMatchObject({
        Statement: [
          {
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ],
      });
    },
  );

  it("expires old versions of slices, results and unfinished uploads", async () => {
    expect((await s3.getBucketVersioning({ Bucket: stack.lakeBucket })).Status).toBe("Enabled");
    const lake = await s3.getBucketLifecycleConfiguration({ Bucket: stack.lakeBucket });
    expect(lake.Rules).toMatchObject([
      { NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 } },
    ]);
    const results = await s3.getBucketLifecycleConfiguration({ Bucket: stack.resultsBucket });
    expect(results.Rules).toMatchObject([
      { Expiration: { Days: 30 } },
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 } },
    ]);
  });

  it("has the URL of Athena's console", () => {
    const url = "https://console.aws.amazon.com/athena/home?region=us-east-1#/query-editor";
    expect(stack.outputs["ConsoleUrl"]).toBe(url);
  });

  it("declares the projected table", async () => {
    const { Table } = await glue.getTable({ DatabaseName: stack.database, Name: "usage" });
    expect(Table).toMatchObject({
      TableType: "EXTERNAL_TABLE",
      PartitionKeys: [
        { Name: "granularity", Type: "string" },
        { Name: "date", Type: "date" },
      ],
      StorageDescriptor: { Location: `${stack.lake}/usage/` },
      Parameters: {
        "projection.enabled": "true",
        "projection.granularity.values": "day,week,month,total",
        "projection.date.range": "2025-01-01,NOW",
        "storage.location.template": `${stack.lake}/usage/granularity=\${granularity}/date=\${date}/`,
      },
    });
  });

  it("declares the view in Athena's own format", async () => {
    const { Table } = await glue.getTable({ DatabaseName: stack.database, Name: "daily" });
    expect(Table).toMatchObject({
      TableType: "VIRTUAL_VIEW",
      PartitionKeys: [],
      Parameters: { presto_view: "true", comment: "Presto View" },
    });
    const base64 = /^\/\* Presto View: (\S+) \*\/$/.exec(Table?.ViewOriginalText ?? "")?.[1] ?? "";
    const view: unknown = JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
    expect(view).toMatchObject({ catalog: "awsdatacatalog", schema: stack.database });
    const names = (Table?.StorageDescriptor?.Columns ?? []).map((column) => column.Name);
    expect(view).toMatchObject({ columns: names.map((name) => ({ name })) });
  });

  it("limits the workgroup, and encrypts what it writes", async () => {
    const { WorkGroup } = await athena.getWorkGroup({ WorkGroup: stack.workgroup });
    expect(WorkGroup?.Configuration).toMatchObject({
      EnforceWorkGroupConfiguration: true,
      BytesScannedCutoffPerQuery: 10_000_000_000,
      EngineVersion: { SelectedEngineVersion: "Athena engine version 3" },
      ResultConfiguration: {
        OutputLocation: `s3://${stack.resultsBucket}/`,
        EncryptionConfiguration: { EncryptionOption: "SSE_S3" },
        ExpectedBucketOwner: ACCOUNT,
      },
    });
  });

  it("saves every question and the article's statement", async () => {
    const { NamedQueryIds = [] } = await athena.listNamedQueries({ WorkGroup: stack.workgroup });
    const names: string[] = [];
    for (const NamedQueryId of NamedQueryIds) {
      const { NamedQuery } = await athena.getNamedQuery({ NamedQueryId });
      expect(NamedQuery?.Database).toBe(stack.database);
      names.push(NamedQuery?.Name ?? "");
    }
    const saved = list().flatMap(({ name, isSaved }) => (isSaved ? name : []));
    expect(names.sort()).toEqual(["article", ...saved].sort());
  });

  it("crawls the raw rows into one table, with a read-only role that only Glue in this account can use", async () => {
    const { Crawler } = await glue.getCrawler({ Name: stack.crawler });
    expect(Crawler).toMatchObject({
      DatabaseName: stack.database,
      Targets: { S3Targets: [{ Path: `${stack.lake}/gc_usage_api_source/` }] },
      SchemaChangePolicy: { UpdateBehavior: "UPDATE_IN_DATABASE", DeleteBehavior: "LOG" },
      RecrawlPolicy: { RecrawlBehavior: "CRAWL_EVERYTHING" },
    });
    expect(JSON.parse(Crawler?.Configuration ?? "")).toMatchObject({
      CreatePartitionIndex: false,
      Grouping: { TableLevelConfiguration: 2 },
    });
    const role = Crawler?.Role?.split("/").at(-1) ?? "";
    const trust: unknown = JSON.parse(
      await awsCli(aws, ["iam", "get-role", "--role-name", role, "--query", "Role.AssumeRolePolicyDocument"]),
    );
    expect(trust).toMatchObject({
      Statement: [
        {
          Principal: { Service: "glue.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": ACCOUNT } },
        },
      ],
    });
    expect(Crawler?.Role).toBe(stack.outputs["CrawlerRoleArn"]);
    const attached = await awsCli(aws, ["iam", "list-attached-role-policies", "--role-name", role]);
    expect(attached).toContain("asserted-CrawlerPolicy");
  });
});
