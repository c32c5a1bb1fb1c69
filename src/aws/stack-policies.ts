import { allow, type Policy, type Statement } from "./deployer-policy.ts";
import type { StackSettings } from "./stack.ts";

/** A stack's policies that are not part of it, since few people need them. */

/**
 * What Athena's console, JDBC and ODBC drivers, Grafana and QuickSight need in addition to the reader policy: they list
 * workgroups, catalogs, databases and tables, and stream results.
 */
export function consolePolicy(stack: StackSettings): Policy {
  const arn = arnsOf(stack);
  const results = arn("s3", stack.resultsBucket, ":");
  return policy([
    allow(
      "ListWorkGroups",
      ["athena:ListWorkGroups", "athena:ListDataCatalogs", "athena:ListEngineVersions"],
      "*",
    ),
    allow(
      "BrowseCatalog",
      [
        "athena:GetDataCatalog",
        "athena:GetDatabase",
        "athena:GetTableMetadata",
        "athena:ListDatabases",
        "athena:ListTableMetadata",
      ],
      arn("athena", "datacatalog/AwsDataCatalog"),
    ),
    allow(
      "UseWorkGroup",
      [
        "athena:BatchGetPreparedStatement",
        "athena:GetPreparedStatement",
        "athena:GetQueryResultsStream",
        "athena:GetQueryRuntimeStatistics",
        "athena:ListPreparedStatements",
        "athena:ListTagsForResource",
      ],
      arn("athena", `workgroup/${stack.workgroup}`),
    ),
    // Drivers look for the database default, whether it exists or not.
    allow(
      "ListDatabases",
      ["glue:GetDatabase", "glue:GetDatabases"],
      ["catalog", "database/default", `database/${stack.database}`].map((of) => arn("glue", of)),
    ),
    allow(
      "BrowseResults",
      ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
      results,
    ),
  ]);
}

/** What `gc-usage remove` needs in addition to the loader policy. */
export function removerPolicy(stack: StackSettings): Policy {
  const arn = arnsOf(stack);
  const prefix = `${stack.lake}/`.slice("s3://".length);
  const lakes = stack.organizations.length === 0 ? [""] : stack.organizations.map((name) => `${name}/`);
  return policy([
    allow(
      "RemoveSlices",
      ["s3:DeleteObject"],
      lakes.flatMap((lake) =>
        ["usage", "gc_usage_api_source"].map((folder) =>
          arn("s3", `${prefix}${lake}${folder}/granularity=*`, ":"),
        ),
      ),
    ),
  ]);
}

function arnsOf({ stackId, region }: StackSettings) {
  const [, partition = "aws", , , account = ""] = stackId.split(":");
  return (service: string, path: string, where = `${region}:${account}`): string =>
    `arn:${partition}:${service}:${where}:${path}`;
}

function policy(statements: readonly Statement[]): Policy {
  return { Version: "2012-10-17", Statement: statements };
}
