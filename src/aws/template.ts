import { readFile } from "node:fs/promises";
import { isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";

/** The CloudFormation template that ships with the program. The path is the same from src/ and from dist/. */
export function readTemplate(): Promise<string> {
  return readFile(new URL("../../infra/usage-api.template.yaml", import.meta.url), "utf8");
}

/**
 * The template as `deploy` sends it: the same document without comments and indentation. CloudFormation accepts 51,200 bytes
 * without a bucket to upload them to.
 */
export function compactTemplate(template: string): string {
  // CloudFormation's own tags, such as !Sub, are kept as they are.
  const { contents } = parseDocument(template, { logLevel: "silent" });
  if (!isMap<Node, Node>(contents)) throw new TypeError("The template is not a map.");
  return contents.items.map(({ key, value }) => `${flow(key)}: ${flow(value)}\n`).join("");
}

export interface TemplateParameter {
  readonly name: string;
  /** Empty if the parameter has no effect by default. */
  readonly default: string;
  readonly description: string;
}

/** The template's parameters, in its order. */
export function templateParameters(template: string): TemplateParameter[] {
  const parameters = parseDocument(template, { logLevel: "silent" }).get("Parameters");
  if (!isMap<Node, Node>(parameters)) throw new TypeError("The template has no parameters.");
  return parameters.items.map(({ key, value }) => {
    const textOf = (name: string): string => {
      const found: unknown = isMap(value) ? value.get(name) : undefined;
      return typeof found === "string" ? found : JSON.stringify(found ?? "").replace(/^""$/, "");
    };
    return { name: String(key), default: textOf("Default"), description: textOf("Description") };
  });
}

/** A node in YAML's flow style, which is JSON with tags and without most quotes. */
function flow(node: Node | null): string {
  const tag = node?.tag?.startsWith("!") ? `${node.tag} ` : "";
  if (isMap<Node, Node>(node))
    return `${tag}{${node.items.map(({ key, value }) => `${flow(key)}: ${flow(value)}`).join(",")}}`;
  if (isSeq<Node>(node)) return `${tag}[${node.items.map(flow).join(",")}]`;
  if (!isScalar(node)) throw new TypeError("The template has a node that cannot be compacted.");
  const { value } = node;
  return tag + (typeof value === "string" && isPlain(value) ? value : JSON.stringify(value));
}

/** True for text that YAML 1.1, which CloudFormation reads, takes for a string without quotes. */
function isPlain(text: string): boolean {
  if (/^(?:true|false|yes|no|on|off|y|n|null)$/i.test(text)) return false;
  return /^(?:[A-Za-z][\w./-]*|(?:AWS|Fn)(?:::\w+)+)$/.test(text);
}
