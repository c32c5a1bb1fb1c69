import { describe, expect, it } from "vitest";
import { readTemplate } from "../../src/aws/template.ts";
import { resolveTemplate } from "../helpers/template.ts";

const template = await readTemplate();
const resolved = (parameters: Readonly<Record<string, string>> = {}) => resolveTemplate(template, parameters);
const json = (value: unknown): string => JSON.stringify(value);

const KEY = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555";
const POLICIES = ["CrawlerPolicy", "LoaderPolicy", "ReaderPolicy"];

describe("an existing stack", () => {
  const { resources, outputs } = resolved();

  it("keeps its policies: CloudFormation replaces a policy if its description or path changes, which fails while it is attached", () => {
    expect(POLICIES.map((name) => resources[name])).toMatchObject([
      {
        Description:
          "Permissions of the crawler of the raw rows. It reads data, and writes table definitions only in its database.",
      },
      {
        Description:
          "Writes usage to the lake, and starts the crawler. Cannot delete anything or run queries.",
      },
      { Description: "Reads the lake and queries it in the workgroup. Writes only query results." },
    ]);
    for (const name of [...POLICIES, "CrawlerRole"]) expect(resources[name]).not.toHaveProperty("Path");
  });

  it("keeps its names, so that nothing is replaced", () => {
    expect(resources["LakeBucket"]).not.toHaveProperty("BucketName");
    expect(resources["ResultsBucket"]).not.toHaveProperty("BucketName");
    expect(resources["LakeBucketPolicy"]).toMatchObject({ Bucket: "${LakeBucket}" });
    expect(resources["Database"]).toMatchObject({ DatabaseInput: { Name: "stack" } });
    expect(resources["Crawler"]).toMatchObject({ Name: "stack-crawler" });
    expect(resources["WorkGroup"]).toMatchObject({ Name: "stack" });
    expect(outputs["LakeUri"]).toBe("s3://${LakeBucket}");
  });

  it("has none of the settings for company rules", () => {
    const all = json(resources);
    for (const word of ["kms", "KMS", "BucketKey", "Boundary", "Logging", "akeformation", "Vpce", '"AWS"'])
      expect(all).not.toContain(word);
    expect(Object.keys(resources).filter((name) => name.endsWith("Grant"))).toEqual([]);
    expect(json(resources["LakeBucketPolicy"]).match(/"Sid"/g)).toHaveLength(1);
  });
});

it("has no ARN and no address of a single partition", () => {
  expect(template).not.toMatch(/arn:aws[:-]|amazonaws\.com\b(?<!(?:glue|logging\.s3)\.amazonaws\.com)/);
  const china = json(resolved({ "AWS::Partition": "aws-cn", "AWS::URLSuffix": "amazonaws.com.cn" }));
  expect(china).not.toContain("arn:aws:");
  const consoleOf = (partition: string, suffix = "") =>
    resolved({ "AWS::Partition": partition, "AWS::URLSuffix": suffix }).outputs["ConsoleUrl"];
  expect(consoleOf("aws-cn")).toContain("https://console.amazonaws.cn/athena/");
  expect(consoleOf("aws-us-gov")).toContain("https://console.amazonaws-us-gov.com/athena/");
  expect(consoleOf("aws-iso", "c2s.ic.gov")).toContain("https://console.c2s.ic.gov/athena/");
});

it("puts the boundary on the role, and the path on the role and the policies", () => {
  const boundary = "arn:aws-cn:iam::123456789012:policy/limits";
  const { resources } = resolved({ PermissionsBoundary: boundary, RolePath: "/teams/usage/" });
  expect(resources["CrawlerRole"]).toMatchObject({ PermissionsBoundary: boundary, Path: "/teams/usage/" });
  for (const name of POLICIES) expect(resources[name]).toMatchObject({ Path: "/teams/usage/" });
});

it("logs access to both buckets under their own prefixes", () => {
  const { resources } = resolved({ AccessLogBucket: "logs" });
  const logged = (prefix: string) => ({
    LoggingConfiguration: { DestinationBucketName: "logs", LogFilePrefix: `stack/${prefix}/` },
  });
  expect(resources["LakeBucket"]).toMatchObject(logged("lake"));
  expect(resources["ResultsBucket"]).toMatchObject(logged("results"));
});

it("encrypts buckets and results with the key, and lets each policy use it as far as necessary", () => {
  const { resources, outputs } = resolved({ KmsKeyArn: KEY });
  for (const name of ["LakeBucket", "ResultsBucket"]) {
    expect(resources[name]).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: KEY },
            BucketKeyEnabled: true,
          },
        ],
      },
    });
  }
  expect(json(resources["WorkGroup"])).toContain(json({ EncryptionOption: "SSE_KMS", KmsKey: KEY }));
  const used = (name: string): unknown => /\{"Sid":"UseKey".*?\}/.exec(json(resources[name]))?.[0];
  expect(POLICIES.map(used)).toEqual(
    [["kms:Decrypt"], ["kms:Decrypt", "kms:GenerateDataKey"], ["kms:Decrypt", "kms:GenerateDataKey"]].map(
      (Action) => json({ Sid: "UseKey", Effect: "Allow", Action, Resource: KEY }),
    ),
  );
  expect(outputs["KmsKeyArn"]).toBe(KEY);
  const ofCatalog = resolved({ CatalogKmsKeyArn: KEY }).resources;
  for (const name of POLICIES) expect(json(ofCatalog[name])).toMatch(/"UseCatalogKey".*"kms:Decrypt".*key\//);
  expect(json(ofCatalog["LakeBucket"])).not.toContain("kms");
});

describe("a lake in an existing bucket, or in a folder of one", () => {
  it.each([
    ["", "2"],
    ["usage/", "3"],
    ["team/usage/", "4"],
    ["data/team/usage/", "5"],
  ])("has the crawler's table at its own level: %s", (LakePrefix, level) => {
    const { resources } = resolved({ LakePrefix });
    expect(json(resources["Crawler"])).toContain(`TableLevelConfiguration\\":${level}}`);
    expect(resources["Crawler"]).toMatchObject({
      Targets: { S3Targets: [{ Path: `s3://\${LakeBucket}/${LakePrefix}gc_usage_api_source/` }] },
    });
  });

  it.each(["", "acme,globex"])(
    "has no bucket of its own, and every location is in the other one: %s",
    (Organizations) => {
      const given = { ExistingLakeBucket: "company-data", LakePrefix: "team/usage/", Organizations };
      const { resources, outputs } = resolved(given);
      expect(resources).not.toHaveProperty("LakeBucket");
      expect(resources).not.toHaveProperty("LakeBucketPolicy");
      const all = json({ resources, outputs });
      expect(all).not.toContain("${LakeBucket");
      for (const [, path = ""] of all.matchAll(/company-data\/([^"*$]*)/g))
        expect(path).toMatch(/^team\/usage\//);
      expect(outputs).toMatchObject({ LakeUri: "s3://company-data/team/usage/", LakeBucket: "company-data" });
      expect(outputs).not.toHaveProperty("LakeBucketOwner");
    },
  );

  it("accepts only folders that the crawler's level covers", () => {
    const pattern = /LakePrefix:[\s\S]*?AllowedPattern: "(.*)"/.exec(template)?.[1];
    const accepts = (prefix: string) => new RegExp(`^(?:${pattern})$`).test(prefix);
    expect(["", "usage/", "a/b/", "data/team.1/gc_usage/"].filter(accepts)).toHaveLength(4);
    expect(["usage", "/usage/", "a//b/", "a/b/c/d/", "_usage/", ".usage/", "a b/"].filter(accepts)).toEqual(
      [],
    );
  });
});

it("grants the crawler and the readers their permissions in Lake Formation", () => {
  const { resources } = resolved({ LakeFormation: "yes" });
  expect(resources["CrawlerGrant"]).toMatchObject({
    Principal: { DataLakePrincipalIdentifier: "${CrawlerRole.Arn}" },
    Resource: { Database: { Name: "${Database}" } },
    Permissions: ["CREATE_TABLE", "ALTER", "DESCRIBE"],
  });
  expect(resources["ReaderTablesGrant"]).toMatchObject({
    Principal: { DataLakePrincipalIdentifier: "123456789012:IAMPrincipals" },
    Resource: { Table: { DatabaseName: "${Database}", TableWildcard: {} } },
    Permissions: ["DESCRIBE", "SELECT"],
  });
  for (const name of ["CrawlerPolicy", "ReaderPolicy"])
    expect(json(resources[name])).toContain("lakeformation:GetDataAccess");
  const LakeFormationReader = "arn:aws:iam::123456789012:role/analysts";
  const named = resolved({ LakeFormation: "yes", LakeFormationReader }).resources;
  expect(named["ReaderGrant"]).toMatchObject({
    Principal: { DataLakePrincipalIdentifier: LakeFormationReader },
  });
});
