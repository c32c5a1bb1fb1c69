/** A part of DuckDB's syntax tree of a statement, as written by json_serialize_sql. */
export type TreeNode = Readonly<Record<string, unknown>>;

/**
 * Every part of a tree, from the outside in. Not recursive, because a statement may be nested deeper than the call
 * stack allows.
 *
 * @param isOutside excludes a part and everything in it.
 */
export function* nodesOf(
  tree: unknown,
  isOutside: (node: TreeNode) => boolean = () => false,
): Generator<TreeNode> {
  const left = [tree];
  while (left.length > 0) {
    const part = left.pop();
    if (isNode(part)) {
      if (isOutside(part)) continue;
      yield part;
    }
    if (typeof part === "object" && part !== null) {
      for (const child of Object.values(part).reverse()) left.push(child);
    }
  }
}

export function isNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name in lower case, as SQL compares names; "" if there is none. */
export function nameIn(node: TreeNode, key: string): string {
  const value = node[key];
  return typeof value === "string" ? value.toLowerCase() : "";
}

/** Names that return the current time: those of the SQL standard, and DuckDB's functions. */
const CLOCKS: ReadonlySet<string> = new Set(
  `now today age current_date current_time current_timestamp localtime localtimestamp current_localtime
   current_localtimestamp get_current_time get_current_timestamp transaction_timestamp`.split(/\s+/),
);

/** True for a statement whose result depends on the current time. */
export function readsClock(tree: unknown): boolean {
  for (const node of nodesOf(tree)) {
    if (CLOCKS.has(nameIn(node, "function_name")) || CLOCKS.has(columnIn(node))) return true;
  }
  return false;
}

/** The columns that a statement names, in lower case and without their tables. */
export function columnsNamed(tree: unknown): ReadonlySet<string> {
  return new Set(Array.from(nodesOf(tree), columnIn));
}

function columnIn(node: TreeNode): string {
  const column: unknown = Array.isArray(node["column_names"]) ? node["column_names"].at(-1) : undefined;
  return typeof column === "string" ? column.toLowerCase() : "";
}
