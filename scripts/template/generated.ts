import {
  SLICES_COLUMNS,
  SOURCE_COLUMNS,
  type TableColumn,
  USAGE_COLUMNS,
  USAGE_PARTITIONS,
} from "../../src/engine/tables.ts";
import { defaultSql, list, type Question } from "../../src/questions/questions.ts";
import { sqlName, sqlString } from "../../src/support/quote.ts";
import { CANONICAL_GROUPING, dimensionsOf, groupingOf } from "../../src/usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../src/usage/service.ts";

const START = "  # <generated>";
const END = "  # </generated>\n";

/** Inserts the generated resources into the template's text. Throws if the markers are missing. */
export function withGenerated(template: string): string {
  const start = template.indexOf("\n", template.indexOf(START)) + 1;
  const end = template.indexOf(END);
  if (start === 0 || end < start) throw new Error("The template has lost its <generated> lines.");
  return `${template.slice(0, start)}\n${resources()}\n${template.slice(end)}`;
}

function resources(): string {
  return [
    usageTable(),
    dailyView(),
    slicesTable(),
    sourceTable(),
    articleQuery(),
    ...list()
      .filter(({ isSaved }) => isSaved)
      .map(namedQuery),
  ].join("\n");
}

/** Glue and Hive use string for varchar, `struct<a:b>` for `struct(a b)`, and lower-case names. */
function hiveColumn([name, type]: TableColumn): string {
  const hive = type
    .replaceAll("varchar", "string")
    .replace(
      /^struct\((.*)\)$/,
      (_all, fields: string) => `struct<${fields.replace(/"?(\w+)"? (\w+)(?:, )?/g, "$1:$2,")}>`,
    )
    .replace(",>", ">")
    .toLowerCase();
  return `{ Name: ${name.toLowerCase()}, Type: ${/[<,]/.test(hive) ? JSON.stringify(hive) : hive} }`;
}

/** A value that only a stack of several organizations' lakes has. */
const ifSeveral = (value: string, otherwise = "!Ref AWS::NoValue"): string =>
  `!If [HasOrganizations, ${value}, ${otherwise}]`;

const ORGANIZATION = ifSeveral(hiveColumn(["organization", "varchar"]));
const PARTITIONS = [ORGANIZATION, ...USAGE_PARTITIONS.map(hiveColumn)];

/** Athena's names for the organizations' lakes, each a folder of the bucket. */
const PROJECTED_ORGANIZATION = `          projection.organization.type: ${ifSeveral("enum")}
          projection.organization.values: ${ifSeveral("!Ref Organizations")}`;

/** A location in the lake's bucket, for the `!Sub` with the values of `BUCKET`. */
const inLake = (path: string): string => `!Sub ["s3://\${Bucket}/\${LakePrefix}${path}", ${BUCKET}]`;
const BUCKET = "{ Bucket: !If [OwnsLakeBucket, !Ref LakeBucket, !Ref ExistingLakeBucket] }";

/** Columns are matched by name, which is also Athena's default. Columns that an older slice does not have are NULL. */
const PARQUET_BY_NAME =
  '{ SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe, Parameters: { parquet.column.index.access: "false" } }';

/** Partition projection: Athena derives the folders from the statement's dates, without a crawler. */
function usageTable(): string {
  return `  UsageTable:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: usage
        Description: All slices of the lake. Do not sum over several services or groupings. Always filter by date.
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: parquet
          projection.enabled: "true"
${PROJECTED_ORGANIZATION}
          projection.granularity.type: enum
          projection.granularity.values: day,week,month,total
          projection.date.type: date
          projection.date.format: yyyy-MM-dd
          projection.date.range: !Sub "\${FirstDay},NOW"
          projection.date.interval: "1"
          projection.date.interval.unit: DAYS
          storage.location.template: !If
            - HasOrganizations
            - ${inLake("${!organization}/usage/granularity=${!granularity}/date=${!date}/")}
            - ${inLake("usage/granularity=${!granularity}/date=${!date}/")}
        PartitionKeys:
${items(PARTITIONS, 10)}
        StorageDescriptor:
          Location: ${ifSeveral(inLake(""), inLake("usage/"))}
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
          SerdeInfo: ${PARQUET_BY_NAME}
          Columns:
${items(USAGE_COLUMNS.map(hiveColumn), 12)}
`;
}

/** Facts about each slice. The program writes them after each change of the lake. */
function slicesTable(): string {
  return `  SlicesTable:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: slices
        Description: What each slice of the lake covers, when it was fetched, and its size.
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: parquet
          projection.enabled: ${ifSeveral('"true"')}
${PROJECTED_ORGANIZATION}
          storage.location.template: ${ifSeveral(inLake("${!organization}/slices/"))}
        PartitionKeys:
${items([ORGANIZATION], 10)}
        StorageDescriptor:
          Location: ${ifSeveral(inLake(""), inLake("slices/"))}
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
          SerdeInfo: ${PARQUET_BY_NAME}
          Columns:
${items(SLICES_COLUMNS.map(hiveColumn), 12)}
`;
}

/**
 * A view as Athena itself stores it in Glue: the statement and its types as JSON in base64. Athena reads every object
 * of a partition, so a condition on the path excludes copies next to a slice.
 */
function dailyView(): string {
  const columns = [...USAGE_COLUMNS, ...USAGE_PARTITIONS];
  const names = columns.map(([name]) => sqlName(name.toLowerCase())).join(", ");
  const originalSql = `SELECT \${OrganizationName}${names} FROM usage WHERE service = ${sqlString(CANONICAL_SERVICE)} AND ${sqlName("grouping")} = ${sqlString(CANONICAL_GROUPING)} AND granularity = 'day' AND "$path" LIKE '%/${CANONICAL_SERVICE}.${CANONICAL_GROUPING}.parquet'`;
  const view = JSON.stringify({
    originalSql,
    catalog: "awsdatacatalog",
    schema: "${Database}",
    columns: columns.map(([name, type]) => ({ name: name.toLowerCase(), type })),
  }).replace('"columns":[', '"columns":[${OrganizationColumn}');
  return `  DailyView:
    Type: AWS::Glue::Table
    DependsOn: UsageTable
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: daily
        # No Description: the engine would mistake it for the comment that marks a view, and would not find the view.
        Owner: gc-usage
        TableType: VIRTUAL_VIEW
        Parameters: { presto_view: "true", comment: Presto View }
        ViewOriginalText: !Join
          - ""
          - - "/* Presto View: "
            - Fn::Base64: !Sub
                - >-
                  ${view}
                - OrganizationName: ${ifSeveral('"organization, "', '""')}
                  OrganizationColumn: ${ifSeveral(`'{"name":"organization","type":"varchar"},'`, '""')}
            - " */"
        ViewExpandedText: /* Presto View */
        # Athena requires this property, although a view has no partitions.
        PartitionKeys: []
        StorageDescriptor:
          SerdeInfo: {}
          Columns:
${items([ORGANIZATION, ...columns.map(hiveColumn)], 12)}
`;
}

/** The raw rows of several lakes. For a single lake, the crawler creates this table, as in the blueprint. */
function sourceTable(): string {
  return `  SourceTable:
    Type: AWS::Glue::Table
    Condition: HasOrganizations
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: gc_usage_api_source
        Description: Raw rows of every organization's lake, exactly as received.
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: json
          projection.enabled: "true"
          projection.organization.type: enum
          projection.organization.values: !Ref Organizations
          projection.granularity.type: enum
          projection.granularity.values: day,week,month,total
          storage.location.template: ${inLake("${!organization}/gc_usage_api_source/granularity=${!granularity}/")}
        PartitionKeys:
${items([hiveColumn(["organization", "varchar"]), hiveColumn(["granularity", "varchar"])], 10)}
        StorageDescriptor:
          Location: ${inLake("")}
          InputFormat: org.apache.hadoop.mapred.TextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
          SerdeInfo: { SerializationLibrary: org.openx.data.jsonserde.JsonSerDe }
          Columns:
${items(SOURCE_COLUMNS.map(hiveColumn), 12)}
`;
}

function articleQuery(): string {
  return query(
    "QuestionArticle",
    "article",
    "The blueprint's statement: the ten monthly rows with the most 429s. Run the crawler first.",
    `!Sub |-
        SELECT *
        FROM "\${Database}"."gc_usage_api_source"
        WHERE granularity = 'month'
        ORDER BY status429 DESC
        LIMIT 10`,
  );
}

function namedQuery(question: Question): string {
  const grouping = groupingOf([...dimensionsOf(CANONICAL_GROUPING), ...question.needs]);
  const sql = defaultSql(question, { grouping })
    .replaceAll(/\bFROM usage\b/g, () => "FROM ${Usage}")
    .replace(/^(?=.)/gm, "        ")
    .trimStart();
  const narrowed =
    "(SELECT * FROM usage WHERE organization = split_part('${Organizations}', ',', 1)) AS usage";
  const id = question.name.replace(/(?:^|-)(\w)/g, (_all, letter: string) => letter.toUpperCase());
  return query(
    `Question${id}`,
    question.name,
    `${question.title}: ${question.description}`,
    // With several lakes, a statement reads the first one, so that clients of two organizations are never added up.
    // Little indentation, because CloudFormation limits the size of a template that is passed to it directly.
    `!Sub
      - |-
        ${sql}
      - Usage: ${ifSeveral(`!Sub ${JSON.stringify(narrowed)}`, "usage")}`,
  );
}

function query(id: string, name: string, description: string, sql: string): string {
  return `  ${id}:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: ${name}
      Description: ${JSON.stringify(description)}
      Database: !Ref Database
      WorkGroup: !Ref WorkGroup
      QueryString: ${sql}
`;
}

function items(lines: readonly string[], indent: number): string {
  return lines.map((line) => `${" ".repeat(indent)}- ${line}`).join("\n");
}
