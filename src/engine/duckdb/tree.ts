/** A part of the tree that DuckDB's parser makes of a statement, as json_serialize_sql writes it. */
export type TreeNode = Readonly<Record<string, unknown>>;

/** Every part of a tree, from the outside in. A statement may be nested deeper than the stack is. */
export function* nodesOf(tree: unknown): Generator<TreeNode> {
  const left = [tree];
  while (left.length > 0) {
    const part = left.pop();
    if (isNode(part)) yield part;
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
