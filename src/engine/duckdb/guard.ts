import type { DuckDBConnection } from "@duckdb/node-api";
import { z } from "zod";
import { UsageError } from "../../support/errors.ts";
import { shown } from "../../support/shown.ts";
import { CATALOG, DATABASE, TABLES } from "../tables.ts";
import { placeOf } from "./errors.ts";

/**
 * The second lock on reading only. DuckDB's settings keep statements out of other folders and off the network
 * (duckdb.ts), and yet let COPY write into the folders that it may read, and functions like read_text read any
 * file there. So DuckDB's own parser reads the statement first: it must be one SELECT, or what DuckDB makes a
 * SELECT of (FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN before any of them), over our tables alone.
 *
 * @returns `describes`: true for DESCRIBE, SHOW, SUMMARIZE and EXPLAIN, false for what gives rows. `tables`: those of ours
 * that it names.
 */
export async function assertReadsOnly(
  connection: DuckDBConnection,
  sql: string,
): Promise<{ describes: boolean; tables: string[] }> {
  // DuckDB serializes no EXPLAIN, so what it explains is looked at, in the same place in the text.
  const statement = sql.replace(EXPLAIN, (prefix) => prefix.replace(/[^\n]/g, " "));
  const reader = await connection.runAndReadAll("SELECT json_serialize_sql($1::VARCHAR)", [statement]);
  const parsed = PARSED.parse(JSON.parse(z.string().parse(reader.getRows()[0]?.[0])));
  if (parsed.error) {
    if (parsed.error_type === "not implemented") throw refused("Only statements that read can be run.");
    const place = parsed.position === undefined ? undefined : placeOf(sql, Number(parsed.position));
    throw new UsageError("sql", `SQL: ${parsed.error_message}${place?.text ?? ""}`, {
      hint: `Tables: ${TABLES.join(", ")}. DESCRIBE usage lists its columns.`,
      ...(place ? { details: { line: place.line, column: place.column } } : {}),
    });
  }
  if (parsed.statements.length === 0) {
    throw new UsageError("sql", "There is no SQL statement.", {
      hint: 'For example gc-usage sql "SELECT * FROM daily LIMIT 10".',
    });
  }
  if (parsed.statements.length > 1) throw refused("Only one statement can be run at a time.");
  const nodes = [...nodesOf(parsed.statements)];
  const names = new Set(nodes.flatMap((node) => commonTables(node)));
  for (const node of nodes) checkNode(sql, node, names);
  const named = nodes.flatMap((node) => (node["type"] === "BASE_TABLE" ? text(node, "table_name") : []));
  return {
    describes: EXPLAIN.test(sql) || nodes.some((node) => node["type"] === "SHOW_REF"),
    tables: TABLES.filter((table) => named.includes(table)),
  };
}

const OPTION = String.raw`(?:analy[sz]e(?:\s+\w+)?|format\s+'?\w+'?)`;
/** Whitespace and comments, then EXPLAIN, alone, with ANALYZE, or with ANALYZE and FORMAT in parentheses. */
const EXPLAIN = new RegExp(
  String.raw`^(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*explain(?:\s+analy[sz]e\b|\s*\(\s*${OPTION}(?:\s*,\s*${OPTION})*\s*\)|\b)`,
  "i",
);

const PARSED = z.discriminatedUnion("error", [
  z.object({
    error: z.literal(true),
    error_type: z.string(),
    error_message: z.string(),
    position: z.string().optional(),
  }),
  z.object({ error: z.literal(false), statements: z.array(z.unknown()) }),
]);

/** Table functions that make rows out of values; every other one reads files, settings or catalogs. */
const FUNCTIONS = ["unnest", "range", "generate_series", "json_each", "json_tree"];
/** `SHOW TABLES` and `SHOW ALL TABLES`, as the parser names them; "" with FROM. */
const SHOWN = ['"tables"', "__show_tables_expanded", ""];
/** A name like a path, or one of DuckDB's catalogs: `duckdb_views()` lists no other outside information_schema. */
const IS_DUCKDBS = /[^\p{L}\p{N}_ -]|^(?:duckdb|pg|pragma|sqlite)_/u;
const SCHEMA_TABLES = ["tables", "columns", "schemata"];

type Node = Readonly<Record<string, unknown>>;

function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const one of value) yield* nodesOf(one);
  else if (isNode(value)) {
    yield value;
    yield* nodesOf(Object.values(value));
  }
}

function checkNode(sql: string, node: Node, commonTables: ReadonlySet<string>): void {
  if (node["type"] === "TABLE_FUNCTION") {
    const called = isNode(node["function"]) ? text(node["function"], "function_name") : "";
    if (!FUNCTIONS.includes(called)) {
      throw refused(`The function ${called}() is not allowed${at(sql, node)}.`);
    }
  }
  if (node["type"] === "SHOW_REF" && node["query"] === null && !SHOWN.includes(text(node, "table_name"))) {
    throw refused(`SHOW ${text(node, "table_name")} is not allowed.`);
  }
  if (node["type"] === "BASE_TABLE" && !isKnown(node, commonTables)) {
    const name = ["catalog_name", "schema_name", "table_name"].flatMap((part) => text(node, part) || []);
    throw refused(`There is no table ${shown(name.join("."))}${at(sql, node)}.`);
  }
}

function isKnown(node: Node, commonTables: ReadonlySet<string>): boolean {
  const catalog = text(node, "catalog_name");
  const schema = text(node, "schema_name");
  const table = text(node, "table_name");
  if (schema === "information_schema") return SCHEMA_TABLES.includes(table);
  // Where no common table of that name is in scope, it would be read as a file or be one of DuckDB's own views.
  if (catalog === "" && schema === "" && commonTables.has(table)) return !IS_DUCKDBS.test(table);
  return (
    (catalog === "" || catalog === CATALOG) &&
    (schema === DATABASE || (schema === "" && catalog === "")) &&
    TABLES.some((known) => known === table)
  );
}

/** The names that a WITH gives. */
function commonTables(node: Node): string[] {
  const map = isNode(node["cte_map"]) ? node["cte_map"]["map"] : undefined;
  if (!Array.isArray(map)) return [];
  return map.flatMap((entry: unknown) => (isNode(entry) ? text(entry, "key") : []));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(node: Node, key: string): string {
  const value = node[key];
  return typeof value === "string" ? value.toLowerCase() : "";
}

function at(sql: string, node: Node): string {
  const place = typeof node["query_location"] === "number" ? placeOf(sql, node["query_location"]) : undefined;
  return place ? ` (line ${place.line}, column ${place.column})` : "";
}

function refused(message: string): UsageError {
  return new UsageError("sql", message, {
    hint: `SQL here only reads, and only these tables: ${TABLES.join(", ")}. DESCRIBE usage lists its columns.`,
  });
}
