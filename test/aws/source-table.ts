import type { Glue } from "@aws-sdk/client-glue";

const TEXT = "string";
const COUNT = "bigint";

const REFERENCE = "struct<id:string,name:string,selfuri:string>";

/** Columns that the crawler adds if there are rows of the jobs service. */
export const JOBS_COLUMNS = [
  { Name: "platform", Type: TEXT },
  { Name: "requestcount", Type: COUNT },
  { Name: "oauthclient", Type: REFERENCE },
  { Name: "user", Type: REFERENCE },
];

/** The columns that Glue's crawler detects in the article's NDJSON, in lower case. */
const COLUMNS = [
  ...["clientid", "clientname", "organizationid", "userid", "templateuri", "httpmethod"].map((Name) => ({
    Name,
    Type: TEXT,
  })),
  ...["status200", "status300", "status400", "status500", "status429", "requests"].map((Name) => ({
    Name,
    Type: COUNT,
  })),
  { Name: "date", Type: TEXT },
];

/**
 * Creates the table gc_usage_api_source with its partitions like Glue's crawler, because moto's crawler does not
 * create tables.
 */
export async function declareSourceTable(
  glue: Glue,
  stack: { readonly database: string; readonly source: string },
  granularities: readonly string[],
  more: readonly { readonly Name: string; readonly Type: string }[] = [],
): Promise<void> {
  const storage = (Location: string) => ({
    Location,
    Columns: [...COLUMNS, ...more],
    InputFormat: "org.apache.hadoop.mapred.TextInputFormat",
    OutputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    SerdeInfo: { SerializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
  });
  await glue.createTable({
    DatabaseName: stack.database,
    TableInput: {
      Name: "gc_usage_api_source",
      TableType: "EXTERNAL_TABLE",
      Parameters: { classification: "json", EXTERNAL: "TRUE" },
      PartitionKeys: [{ Name: "granularity", Type: TEXT }],
      StorageDescriptor: storage(stack.source),
    },
  });
  await glue.batchCreatePartition({
    DatabaseName: stack.database,
    TableName: "gc_usage_api_source",
    PartitionInputList: granularities.map((granularity) => ({
      Values: [granularity],
      StorageDescriptor: storage(`${stack.source}granularity=${granularity}/`),
    })),
  });
}
