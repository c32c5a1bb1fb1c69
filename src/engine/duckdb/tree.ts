/** A part of the tree that DuckDB's parser makes of a statement, as json_serialize_sql writes it. */
export type TreeNode = Readonly<Record<string, unknown>>;

/**
 * Every part of a tree, from the outside in. A statement may be nested deeper than the stack is.
 *
 * @param isOutside leaves out a part, and what is within it.
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

/** A name in lower case, as SQL compares names; "" where there is none. */
export function nameIn(node: TreeNode, key: string): string {
  const value = node[key];
  return typeof value === "string" ? value.toLowerCase() : "";
}

/** Names by which a statement asks what time it is: the SQL standard's, and DuckDB's functions of that kind. */
const CLOCKS: ReadonlySet<string> = new Set(
  `now today age current_date current_time current_timestamp localtime localtimestamp current_localtime
   current_localtimestamp get_current_time get_current_timestamp transaction_timestamp`.split(/\s+/),
);

/** True for a statement whose answer depends on when it is run. */
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
