import type { DuckDBConnection } from "@duckdb/node-api";
import * as z from "zod";
import { GcUsageError } from "../../support/errors.ts";
import { didYouMean } from "../../support/nearest.ts";
import { quoted } from "../../support/printable.ts";
import { CATALOG, DATABASE, TABLES, type TableName } from "../tables.ts";
import { placeOf } from "./errors.ts";
import { isNode, nameIn, nodesOf, type TreeNode } from "./tree.ts";

/** A statement that only reads our tables. */
export interface ReadingStatement {
  /** DuckDB's syntax tree. */
  readonly tree: unknown;
  /** The tables whose rows it reads, once for each mention. */
  readonly tables: readonly TableName[];
}

/**
 * Accepts one SELECT over our tables, or statements that DuckDB converts to SELECT (FROM, VALUES, DESCRIBE, SHOW,
 * SUMMARIZE). DuckDB's own parser parses the text, and its tree is compared with lists of what is allowed, so
 * features that DuckDB adds later are rejected. The text itself is not checked. The executed statement is prepared by
 * DuckDB from the same text, and must have DuckDB's type SELECT (run.ts). DuckDB sees only copies of the lake's files
 * (private-files.ts).
 *
 * @throws {GcUsageError} sql, for anything else.
 */
export async function readingStatement(connection: DuckDBConnection, sql: string): Promise<ReadingStatement> {
  const tree = await parse(connection, sql);
  const nodes = [...nodesOf(tree)];
  const names = new Set(nodes.flatMap(commonTables));
  for (const node of nodes) checkNode(sql, node, names);
  const described = new Set(nodes.filter(isDescribe).flatMap((node) => [...nodesOf(node["query"])]));
  return { tree, tables: nodes.flatMap((node) => (described.has(node) ? [] : (tableOf(node) ?? []))) };
}

/** DuckDB's syntax tree of one statement. @throws {GcUsageError} sql, for anything but one statement that reads. */
export async function parse(connection: DuckDBConnection, sql: string): Promise<unknown> {
  // Some parts of DuckDB would end the text there, and others would not.
  if (sql.includes("\0")) throw refused("The statement contains a NUL character.");
  const reader = await connection.runAndReadAll("SELECT json_serialize_sql($1::VARCHAR)", [sql]);
  const parsed = PARSED.parse(JSON.parse(z.string().parse(reader.getRows()[0]?.[0])));
  if (parsed.error) {
    if (parsed.error_type === "not implemented") throw refused("Only statements that read can be run.");
    const place = parsed.position === undefined ? undefined : placeOf(sql, Number(parsed.position));
    throw new GcUsageError("sql", `SQL: ${parsed.error_message}${place?.text ?? ""}`, {
      hint: `Tables: ${TABLES.join(", ")}. DESCRIBE usage lists the columns.`,
      ...(place ? { details: { line: place.line, column: place.column } } : {}),
    });
  }
  const [statement] = parsed.statements;
  if (statement === undefined) {
    throw new GcUsageError("sql", "There is no SQL statement.", {
      hint: 'For example: gc-usage sql "SELECT * FROM daily LIMIT 10"',
    });
  }
  if (parsed.statements.length > 1) throw refused("Only one statement can be run at a time.");
  return statement;
}

const PARSED = z.discriminatedUnion("error", [
  z.object({
    error: z.literal(true),
    error_type: z.string(),
    error_message: z.string(),
    position: z.string().optional(),
  }),
  z.object({ error: z.literal(false), statements: z.array(z.unknown()) }),
]);

/** The allowed parts of a query, except expressions, which have a class, and types. */
const PARTS: ReadonlySet<string> = new Set(
  `SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
   BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST EMPTY PIVOT SHOW_REF
   DISTINCT_MODIFIER ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER
   ORDER_DEFAULT ASCENDING DESCENDING`.split(/\s+/),
);
/** Table functions that create rows from values. All others read files, settings or catalogs. */
const FUNCTIONS = ["unnest", "range", "generate_series", "json_each", "json_tree"];
/** `SHOW TABLES` and `SHOW ALL TABLES`, as the parser names them; "" with FROM. */
const SHOWN = ['"tables"', "__show_tables_expanded", ""];
/** A name like a path, or of DuckDB's catalogs: `duckdb_views()` lists no others outside information_schema. */
const IS_DUCKDBS = /[^\p{L}\p{N}_ -]|^(?:duckdb|pg|pragma|sqlite)_/u;
const SCHEMA_TABLES = ["tables", "columns", "schemata"];

function checkNode(sql: string, node: TreeNode, commonTables: ReadonlySet<string>): void {
  const { type } = node;
  if (typeof type !== "string" || "class" in node || type.endsWith("_TYPE_INFO")) return;
  if (!PARTS.has(type)) throw refused(`${type} is not allowed${at(sql, node)}.`);
  if (type === "TABLE_FUNCTION") {
    const called = isNode(node["function"]) ? nameIn(node["function"], "function_name") : "";
    if (!FUNCTIONS.includes(called)) {
      throw refused(`The function ${called}() is not allowed${at(sql, node)}.`);
    }
  }
  if (type === "SHOW_REF" && node["query"] === null && !SHOWN.includes(nameIn(node, "table_name"))) {
    throw refused(`SHOW ${nameIn(node, "table_name")} is not allowed.`);
  }
  if (type === "BASE_TABLE" && !isKnown(node, commonTables)) {
    const name = ["catalog_name", "schema_name", "table_name"].flatMap((part) => nameIn(node, part) || []);
    const text = name.join(".");
    throw refused(`There is no table ${quoted(text)}${at(sql, node)}.`, didYouMean(text, TABLES));
  }
}

function isKnown(node: TreeNode, commonTables: ReadonlySet<string>): boolean {
  const table = nameIn(node, "table_name");
  if (nameIn(node, "schema_name") === "information_schema") return SCHEMA_TABLES.includes(table);
  if (tableOf(node) !== undefined) return true;
  // If no common table of that name is in scope, DuckDB would read it as a file or as one of its own views.
  return !isQualified(node) && commonTables.has(table) && !IS_DUCKDBS.test(table);
}

/** The table of ours that a part names. A WITH may define the same name. */
export function tableOf(node: TreeNode): TableName | undefined {
  if (node["type"] !== "BASE_TABLE" || "class" in node) return undefined;
  const [catalog, schema] = [nameIn(node, "catalog_name"), nameIn(node, "schema_name")];
  const isOurs = !isQualified(node) || ((catalog === "" || catalog === CATALOG) && schema === DATABASE);
  return isOurs ? TABLES.find((known) => known === nameIn(node, "table_name")) : undefined;
}

/** True for DESCRIBE and SHOW of a query, which read no rows. SUMMARIZE reads all of them. */
function isDescribe(node: TreeNode): boolean {
  return node["type"] === "SHOW_REF" && node["show_type"] === "DESCRIBE";
}

function isQualified(node: TreeNode): boolean {
  return nameIn(node, "catalog_name") !== "" || nameIn(node, "schema_name") !== "";
}

/** The names that a WITH defines. */
function commonTables(node: TreeNode): string[] {
  const map = isNode(node["cte_map"]) ? node["cte_map"]["map"] : undefined;
  if (!Array.isArray(map)) return [];
  return map.flatMap((entry: unknown) => (isNode(entry) ? nameIn(entry, "key") : []));
}

function at(sql: string, node: TreeNode): string {
  const place = typeof node["query_location"] === "number" ? placeOf(sql, node["query_location"]) : undefined;
  return place ? ` (line ${place.line}, column ${place.column})` : "";
}

function refused(message: string, meant?: string): GcUsageError {
  return new GcUsageError("sql", message, {
    hint:
      (meant === undefined ? "" : `${meant} `) +
      `SQL can only read these tables: ${TABLES.join(", ")}. DESCRIBE usage lists the columns. ` +
      'To show a plan: gc-usage sql --explain "SELECT …"',
  });
}
