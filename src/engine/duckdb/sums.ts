import { duckdb } from "../../lake/duckdb-client.ts";
import { METRICS } from "../../usage/metric.ts";
import { SERIES_COLUMNS, type SeriesColumn } from "../engine.ts";
import { parse, tableOf } from "./guard.ts";
import { isNode, nameIn, nodesOf, type TreeNode } from "./tree.ts";

const SUMS = ["sum", "avg", "fsum", "favg", "kahan_sum", "mean", "sum_no_overflow", "sumkahan"];
const METRIC_NAMES = METRICS.map((metric) => metric.toLowerCase());

/** True for a part that names the table `usage`, unless it names a common table. */
type IsUsage = (node: TreeNode) => boolean;

const isOurUsage: IsUsage = (node) => tableOf(node) === "usage";

/**
 * The same for the text of a statement that another engine runs over a database with the same tables. Returns an
 * empty list if DuckDB cannot parse the other dialect.
 */
export async function sumsAcrossIn(sql: string, database: string): Promise<SeriesColumn[]> {
  const instance = await duckdb.DuckDBInstance.create(":memory:", {
    enable_external_access: "false",
    threads: "1",
  });
  try {
    const tree = await parse(await instance.connect(), sql);
    return sumsAcross(
      tree,
      (node) =>
        nameIn(node, "table_name") === "usage" &&
        ["", database.toLowerCase()].includes(nameIn(node, "schema_name")),
    );
  } catch {
    return [];
  } finally {
    instance.closeSync();
  }
}

/**
 * Which of service, grouping and granularity a statement adds up: those that it does not name, if it sums a metric of
 * `usage`. A statement may filter or group by the columns that it names, so they are not reported.
 */
export function sumsAcross(tree: unknown, isUsage: IsUsage = isOurUsage): SeriesColumn[] {
  const ctes = new Map<string, unknown>();
  const selects: TreeNode[] = [];
  const named = new Set<string>();
  for (const node of nodesOf(tree)) {
    if (node["type"] === "SELECT_NODE") selects.push(node);
    for (const [name, query] of commonTables(node)) ctes.set(name, query);
    for (const name of columnsIn(node)) named.add(name);
  }
  const isSum = selects.some(
    (select) => sumsMetric(select) && readsUsage(select["from_table"], { ctes, isUsage }),
  );
  return isSum ? SERIES_COLUMNS.filter((column) => !named.has(column)) : [];
}

/** True if a SELECT sums a metric itself, not in a nested query. */
function sumsMetric(select: TreeNode): boolean {
  const { select_list, having, qualify } = select;
  return [...nodesOf([select_list, having, qualify], isQuery)].some(
    (node) =>
      SUMS.includes(nameIn(node, "function_name")) &&
      [...nodesOf(node["children"], isQuery)].some((part) =>
        columnsIn(part).some((name) => METRIC_NAMES.includes(name)),
      ),
  );
}

/** The meaning of names. */
interface Scope {
  readonly ctes: ReadonlyMap<string, unknown>;
  readonly isUsage: IsUsage;
}

/** True for a FROM that returns rows of `usage`: the table itself, or a query that does not sum. */
function readsUsage(from: unknown, scope: Scope): boolean {
  if (!isNode(from)) return false;
  switch (from["type"]) {
    case "BASE_TABLE": {
      const name = nameIn(from, "table_name");
      const isCte = nameIn(from, "schema_name") === "" && scope.ctes.has(name);
      if (!isCte) return scope.isUsage(from);
      // Within its own definition, the name does not refer to the common table.
      const others = new Map(scope.ctes);
      others.delete(name);
      return readsUsage(scope.ctes.get(name), { ...scope, ctes: others });
    }
    case "JOIN":
    case "SET_OPERATION_NODE":
      return readsUsage(from["left"], scope) || readsUsage(from["right"], scope);
    case "SUBQUERY":
      return isNode(from["subquery"]) && readsUsage(from["subquery"]["node"], scope);
    case "SELECT_NODE":
      return !sumsMetric(from) && readsUsage(from["from_table"], scope);
    default:
      return false;
  }
}

/** The columns that a part itself names, as a column or in USING. */
function columnsIn(node: TreeNode): string[] {
  const last: unknown = Array.isArray(node["column_names"]) ? node["column_names"].at(-1) : undefined;
  const joined: unknown[] = Array.isArray(node["using_columns"]) ? node["using_columns"] : [];
  return [last, ...joined].flatMap((name) => (typeof name === "string" ? name.toLowerCase() : []));
}

function commonTables(node: TreeNode): [name: string, query: unknown][] {
  const map = isNode(node["cte_map"]) ? node["cte_map"]["map"] : undefined;
  if (!Array.isArray(map)) return [];
  return map.flatMap((entry: unknown) => {
    const query = isNode(entry) && isNode(entry["value"]) ? entry["value"]["query"] : undefined;
    return isNode(entry) && isNode(query) ? [[nameIn(entry, "key"), query["node"]]] : [];
  });
}

function isQuery(node: TreeNode): boolean {
  return typeof node["type"] === "string" && node["type"].endsWith("_NODE");
}
