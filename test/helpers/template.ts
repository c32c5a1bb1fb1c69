import { isCollection, parse, type Tags } from "yaml";

/** A value of the template, or what CloudFormation resolves it to. */
export type Tree = string | number | boolean | undefined | Tree[] | { [key: string]: Tree };

export interface ResolvedTemplate {
  /** The properties of each resource whose condition is met. */
  readonly resources: Readonly<Record<string, Tree>>;
  readonly outputs: Readonly<Record<string, Tree>>;
}

const FUNCTIONS = ["If", "Sub", "GetAtt", "Join", "Split", "Select", "Equals", "Not", "And", "Or", "Base64"];
const TAGS: Tags = ["Ref", "Condition", ...FUNCTIONS].flatMap((name) => {
  const key = FUNCTIONS.includes(name) ? `Fn::${name}` : name;
  const wrap = (value: unknown): unknown => ({ [key]: isCollection(value) ? value.toJSON() : value });
  const tag = `!${name}`;
  return [
    { tag, resolve: wrap },
    { tag, resolve: wrap, collection: "seq" as const },
    { tag, resolve: wrap, collection: "map" as const },
  ];
});

/** The template as an object, with CloudFormation's short forms written out. */
export function parseTemplate(text: string): Tree {
  const parsed: Tree = parse(text, { customTags: TAGS, version: "1.1" });
  return parsed;
}

const PSEUDO: Readonly<Record<string, string>> = {
  "AWS::AccountId": "123456789012",
  "AWS::Region": "us-east-1",
  "AWS::StackName": "stack",
  "AWS::Partition": "aws",
  "AWS::URLSuffix": "amazonaws.com",
};

/** Resolves the template like CloudFormation. References to resources stay, as `${LakeBucket}` or `${LakeBucket.Arn}`. */
export function resolveTemplate(
  text: string,
  given: Readonly<Record<string, string>> = {},
): ResolvedTemplate {
  const template = parseTemplate(text);
  const section = (name: string): [string, Tree][] => Object.entries(mapOf(mapOf(template)[name] ?? {}));
  const defaults = section("Parameters").map(([name, parameter]) => [
    name,
    textOf(mapOf(parameter)["Default"]),
  ]);
  const values: Readonly<Record<string, string>> = { ...PSEUDO, ...Object.fromEntries(defaults), ...given };
  const conditions = Object.fromEntries(section("Conditions"));
  const isMet = (name: Tree): boolean => resolve(conditions[textOf(name)]) === true;

  function resolve(node: Tree): Tree {
    if (Array.isArray(node)) return node.map(resolve).filter((item) => item !== undefined);
    if (typeof node !== "object") return node;
    const [first] = Object.entries(node);
    const isCall = first !== undefined && /^(?:Ref|Condition|Fn::\w+)$/.test(first[0]);
    if (isCall && Object.keys(node).length === 1) return call(...first);
    const pairs = Object.entries(node).map(([name, value]) => [name, resolve(value)] as const);
    return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
  }

  function call(name: string, argument: Tree): Tree {
    if (name === "Ref") return argument === "AWS::NoValue" ? undefined : valueOf(textOf(argument));
    if (name === "Condition") return isMet(argument);
    if (name === "Fn::GetAtt")
      return `\${${Array.isArray(argument) ? argument.map(textOf).join(".") : textOf(argument)}}`;
    if (name === "Fn::Base64") return Buffer.from(textOf(resolve(argument))).toString("base64");
    const [a, b, c] = Array.isArray(argument) ? argument : [argument];
    if (name === "Fn::If") return resolve(isMet(a) ? b : c);
    if (name === "Fn::Sub") return substitute(textOf(a), mapOf(b ?? {}));
    const [left, right] = [resolve(a), resolve(b)];
    if (name === "Fn::Join" && Array.isArray(right)) return right.map(textOf).join(textOf(left));
    if (name === "Fn::Split") return textOf(right).split(textOf(left));
    if (name === "Fn::Select" && Array.isArray(right)) return right[Number(left)];
    if (name === "Fn::Equals") return left === right;
    if (name === "Fn::Not") return left !== true;
    if (name === "Fn::And") return left === true && right === true;
    if (name === "Fn::Or") return left === true || right === true;
    throw new Error(`${name} is not known here`);
  }

  const valueOf = (name: string): string => values[name] ?? `\${${name}}`;
  const substitute = (pattern: string, own: Readonly<Record<string, Tree>>): string =>
    pattern.replace(/\$\{(!?)([\w:.]+)\}/g, (_all, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      return name in own ? textOf(resolve(own[name])) : valueOf(name);
    });

  const resolved = (name: string, of: string): Readonly<Record<string, Tree>> =>
    Object.fromEntries(
      section(name)
        .filter(([, item]) => mapOf(item)["Condition"] === undefined || isMet(mapOf(item)["Condition"]))
        .map(([key, item]) => [key, resolve(mapOf(item)[of])]),
    );
  return { resources: resolved("Resources", "Properties"), outputs: resolved("Outputs", "Value") };
}

function mapOf(node: Tree): { [key: string]: Tree } {
  if (typeof node === "object" && !Array.isArray(node)) return node;
  throw new TypeError(`not a map: ${JSON.stringify(node)}`);
}

function textOf(node: Tree): string {
  if (typeof node !== "object" && node !== undefined) return String(node);
  throw new TypeError(`not a text: ${JSON.stringify(node)}`);
}
