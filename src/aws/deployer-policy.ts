import { partitionOf } from "../support/aws-partition.ts";
import type { DeployInput } from "./parameters.ts";
import { CERTAIN_START } from "./stack.ts";

/** An IAM policy, or a statement for one. */
export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A statement that allows the actions on the resources. */
export function allow(
  Sid: string,
  Action: readonly string[],
  Resource: string | readonly string[],
): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}

export interface DeployerInput extends Pick<DeployInput, "stack" | "parameters"> {
  /** The region of the stack; decides the partition. Undefined for any region of the partition aws. */
  readonly region: string | undefined;
  /** Also for `destroy --delete-data`. */
  readonly deletesData: boolean;
}

/**
 * What `deploy`, `outputs`, `drift`, `crawl` and `destroy` need, for the caller and, without a role of its own, for
 * CloudFormation. It covers only resources with the names that this stack gives them.
 */
export function deployerPolicy({ stack, parameters, region, deletesData }: DeployerInput): Policy {
  const names = namesOf(stack, parameters);
  const arn = (service: string, path: string, where = `${region ?? "*"}:*`): string =>
    `arn:${partitionOf(region ?? "")}:${service}:${where}:${path}`;
  const iam = (path: string): string => arn("iam", path, ":*");
  const path = parameters["RolePath"] || "/";
  const policies = iam(`policy${path}${names.start}-*`);
  const role = iam(`role${path}${names.start}-CrawlerRole-*`);
  const boundary = parameters["PermissionsBoundary"];
  const buckets = names.buckets.map((name) => arn("s3", name, ":"));
  const catalog = ["catalog", `database/${names.database}`, `table/${names.database}/*`];
  const statements: (Statement | undefined)[] = [
    allow("Stack", STACK, arn("cloudformation", `stack/${stack}/*`)),
    allow(
      "ChangeSets",
      ["cloudformation:DescribeEvents", "cloudformation:TagResource"],
      [arn("cloudformation", `stack/${stack}/*`), arn("cloudformation", "changeSet/gc-usage-*/*")],
    ),
    // Every deploy looks for the stack of a schedule.
    allow("Schedule", ["cloudformation:DescribeStacks"], arn("cloudformation", `stack/${stack}-schedule/*`)),
    allow("WithoutResource", WITHOUT_RESOURCE, "*"),
    allow("Buckets", BUCKETS, buckets),
    names.existing === undefined
      ? undefined
      : allow("ExistingLake", ["s3:ListBucket"], arn("s3", names.existing, ":")),
    allow("Policies", POLICIES, policies),
    allow("Role", ROLE, role),
    {
      ...allow("CreateRole", ["iam:CreateRole", "iam:PutRolePermissionsBoundary"], role),
      ...(boundary ? { Condition: { StringEquals: { "iam:PermissionsBoundary": boundary } } } : {}),
    },
    {
      ...allow("OnlyItsPolicies", ["iam:AttachRolePolicy", "iam:DetachRolePolicy"], role),
      Condition: { ArnLike: { "iam:PolicyARN": policies } },
    },
    {
      ...allow("RoleForGlue", ["iam:PassRole"], role),
      Condition: { StringEquals: { "iam:PassedToService": "glue.amazonaws.com" } },
    },
    allow(
      "Catalog",
      CATALOG,
      [...catalog, `userDefinedFunction/${names.database}/*`].map((of) => arn("glue", of)),
    ),
    allow("Crawler", CRAWLER, arn("glue", `crawler/${names.crawler}`)),
    allow("Queries", QUERIES, arn("athena", `workgroup/${names.workgroup}`)),
    parameters["CatalogKmsKeyArn"]
      ? allow(
          "UseCatalogKey",
          ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"],
          parameters["CatalogKmsKeyArn"],
        )
      : undefined,
    parameters["LakeFormation"] === "yes" ? allow("Grants", GRANTS, "*") : undefined,
    deletesData
      ? allow("DeleteData", DELETE_DATA, [...buckets, ...buckets.map((bucket) => `${bucket}/*`)])
      : undefined,
  ];
  return { Version: "2012-10-17", Statement: statements.filter((statement) => statement !== undefined) };
}

/** The names that the template gives to the stack's resources. */
export function namesOf(stack: string, parameters: DeployInput["parameters"]) {
  const start = stack.length > CERTAIN_START ? `${stack.slice(0, CERTAIN_START)}*` : stack;
  const bucket = start.toLowerCase();
  const existing = parameters["ExistingLakeBucket"] || undefined;
  return {
    start,
    buckets: [
      ...(existing === undefined ? [parameters["LakeBucketName"] || `${bucket}-lakebucket-*`] : []),
      parameters["ResultsBucketName"] || `${bucket}-resultsbucket-*`,
    ],
    existing,
    database: parameters["DatabaseName"] || stack.replaceAll("-", "_"),
    crawler: parameters["CrawlerName"] || `${stack}-crawler`,
    workgroup: parameters["WorkGroupName"] || stack,
  };
}

export const actions = (service: string, ...names: readonly string[]): string[] =>
  names.map((name) => `${service}:${name}`);

export const STACK = actions(
  "cloudformation",
  "CreateChangeSet",
  "DeleteChangeSet",
  "DeleteStack",
  "DescribeChangeSet",
  "DescribeStackEvents",
  "DescribeStackResourceDrifts",
  "DescribeStackResources",
  "DescribeStacks",
  "DetectStackDrift",
  "DetectStackResourceDrift",
  "ExecuteChangeSet",
  "GetTemplateSummary",
  "ListChangeSets",
  "TagResource",
  "UntagResource",
  "UpdateTerminationProtection",
);

/** Actions for which IAM checks no resource, or none that exists yet. */
const WITHOUT_RESOURCE = [
  "cloudformation:DescribeStackDriftDetectionStatus",
  "cloudformation:GetTemplateSummary",
  "glue:CreateCrawler",
  "s3:ListAllMyBuckets",
];

const BUCKETS = actions(
  "s3",
  "CreateBucket",
  "DeleteBucket",
  "DeleteBucketPolicy",
  "GetBucket*",
  "GetEncryptionConfiguration",
  "GetLifecycleConfiguration",
  "ListBucket",
  "ListTagsForResource",
  "PutBucketLogging",
  "PutBucketOwnershipControls",
  "PutBucketPolicy",
  "PutBucketPublicAccessBlock",
  "PutBucketTagging",
  "PutBucketVersioning",
  "PutEncryptionConfiguration",
  "PutLifecycleConfiguration",
  "TagResource",
  "UntagResource",
);

const POLICIES = actions(
  "iam",
  "CreatePolicy",
  "CreatePolicyVersion",
  "DeletePolicy",
  "DeletePolicyVersion",
  "GetPolicy",
  "GetPolicyVersion",
  "ListEntitiesForPolicy",
  "ListPolicyTags",
  "ListPolicyVersions",
  "SetDefaultPolicyVersion",
  "TagPolicy",
  "UntagPolicy",
);

export const ROLE = actions(
  "iam",
  "DeleteRole",
  "DeleteRolePermissionsBoundary",
  "GetRole",
  "GetRolePolicy",
  "ListAttachedRolePolicies",
  "ListRolePolicies",
  "ListRoleTags",
  "TagRole",
  "UntagRole",
  "UpdateAssumeRolePolicy",
  "UpdateRole",
  "UpdateRoleDescription",
);

const CATALOG = actions(
  "glue",
  "CreateDatabase",
  "CreateTable",
  "DeleteDatabase",
  "DeleteTable",
  "GetDatabase",
  "GetDatabases",
  "GetPartitions",
  "GetTable",
  "GetTables",
  "UpdateDatabase",
  "UpdateTable",
);

const CRAWLER = actions(
  "glue",
  "DeleteCrawler",
  "GetCrawler",
  "GetTags",
  "StartCrawler",
  "StopCrawler",
  "TagResource",
  "UntagResource",
  "UpdateCrawler",
);

const QUERIES = actions(
  "athena",
  "CreateNamedQuery",
  "CreateWorkGroup",
  "DeleteNamedQuery",
  "DeleteWorkGroup",
  "GetNamedQuery",
  "GetWorkGroup",
  "ListNamedQueries",
  "ListTagsForResource",
  "TagResource",
  "UntagResource",
  "UpdateNamedQuery",
  "UpdateWorkGroup",
);

const GRANTS = actions("lakeformation", "GrantPermissions", "ListPermissions", "RevokePermissions");

const DELETE_DATA = actions(
  "s3",
  "AbortMultipartUpload",
  "DeleteObject",
  "DeleteObjectVersion",
  "ListBucketMultipartUploads",
  "ListBucketVersions",
);
