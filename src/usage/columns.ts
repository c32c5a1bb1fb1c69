/**
 * Every column that comes from the usage API, in the lake's order. This is the only definition of dimensions and metrics:
 * rows are parsed, spooled, written, declared and documented from it. To add a field, add an entry; see CONTRIBUTING.md.
 */
export interface UsageColumn {
  /** The column's name in the lake's files and in SQL. */
  readonly name: string;
  /** `dimension`: what rows can be grouped by. `label`: a name that comes with a dimension. `metric`: a count. */
  readonly kind: "dimension" | "label" | "metric";
  /** For a dimension or its label: the word used in groupings and options. */
  readonly dimension?: string;
  /** The word for the dimension where people write it, if it is another one. Both are accepted in a grouping. */
  readonly word?: string;
  readonly type: "varchar" | "bigint";
  /** The field in a row, by the row's shape (`ROW_SHAPES`); `oauthClient.id` is a member of an object. */
  readonly field: { readonly flat?: string; readonly nested?: string };
  /** The first lake format with this column (docs/lake.md). */
  readonly since: number;
  readonly description: string;
}

/** The shapes of service rows. `flat`: one level, as in the blueprint. `nested`: clients and users are objects. */
export const ROW_SHAPES = ["flat", "nested"] as const;
export type RowShape = (typeof ROW_SHAPES)[number];

export const USAGE_COLUMNS = [
  {
    name: "clientId",
    kind: "dimension",
    dimension: "client",
    type: "varchar",
    field: { flat: "clientId", nested: "oauthClient.id" },
    since: 1,
    description: "OAuth client that made the requests",
  },
  {
    name: "clientName",
    kind: "label",
    dimension: "client",
    type: "varchar",
    field: { flat: "clientName", nested: "oauthClient.name" },
    since: 1,
    description: "Name of the client at the time. Names can change and repeat: group by clientId",
  },
  {
    name: "organizationId",
    kind: "dimension",
    dimension: "organization",
    type: "varchar",
    field: { flat: "organizationId", nested: "organizationId" },
    since: 1,
    description: "Organization that the requests belong to",
  },
  {
    name: "userId",
    kind: "dimension",
    dimension: "user",
    type: "varchar",
    field: { flat: "userId", nested: "user.id" },
    since: 1,
    description: "User on whose behalf the requests were made",
  },
  {
    name: "templateUri",
    kind: "dimension",
    dimension: "uri",
    word: "endpoint",
    type: "varchar",
    field: { flat: "templateUri", nested: "templateUri" },
    since: 1,
    description: "Endpoint, with placeholders for ids",
  },
  {
    name: "httpMethod",
    kind: "dimension",
    dimension: "method",
    type: "varchar",
    field: { flat: "httpMethod", nested: "httpMethod" },
    since: 1,
    description: "HTTP method",
  },
  {
    name: "platform",
    kind: "dimension",
    dimension: "platform",
    type: "varchar",
    field: { nested: "platform" },
    since: 1,
    description: "Platform that the requests came from",
  },
  {
    name: "status200",
    kind: "metric",
    type: "bigint",
    field: { flat: "status200", nested: "status200" },
    since: 1,
    description: "Requests answered 2xx",
  },
  {
    name: "status300",
    kind: "metric",
    type: "bigint",
    field: { flat: "status300", nested: "status300" },
    since: 1,
    description: "Requests answered 3xx",
  },
  {
    name: "status400",
    kind: "metric",
    type: "bigint",
    field: { flat: "status400", nested: "status400" },
    since: 1,
    description: "Requests answered 4xx. Legacy rows include the 429s; for jobs rows this is not documented",
  },
  {
    name: "status500",
    kind: "metric",
    type: "bigint",
    field: { flat: "status500", nested: "status500" },
    since: 1,
    description: "Requests answered 5xx",
  },
  {
    name: "status429",
    kind: "metric",
    type: "bigint",
    field: { flat: "status429", nested: "status429" },
    since: 1,
    description: "Requests that were rate limited (HTTP 429)",
  },
  {
    name: "requests",
    kind: "metric",
    type: "bigint",
    field: { flat: "requests", nested: "requestCount" },
    since: 1,
    description: "All requests",
  },
] as const satisfies readonly UsageColumn[];

type Entry = (typeof USAGE_COLUMNS)[number];
type DimensionEntry = Extract<Entry, { kind: "dimension" }>;
type MetricEntry = Extract<Entry, { kind: "metric" }>;
type TextEntry = Extract<Entry, { type: "varchar" }>;

/** What rows can be grouped by. */
export type Dimension = DimensionEntry["dimension"];
/** A count in a row, by its column. */
export type Metric = MetricEntry["name"];
/** A column that holds text: a dimension's value or its label. */
export type TextColumn = TextEntry["name"];

export const DIMENSION_COLUMNS: readonly DimensionEntry[] = USAGE_COLUMNS.filter(
  (column) => column.kind === "dimension",
);
export const METRIC_COLUMNS: readonly MetricEntry[] = USAGE_COLUMNS.filter(
  (column) => column.kind === "metric",
);
export const TEXT_COLUMNS: readonly TextEntry[] = USAGE_COLUMNS.filter((column) => column.type === "varchar");
