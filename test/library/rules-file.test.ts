import { expect, it } from "vitest";
import { parseRules } from "../../src/library/rules-file.ts";

it.each([
  ["rules: [{ id: x }]", /id "x"\): the kind of the rule is missing/],
  ["rules: [{ id: x, kind: errors, trigger: { percent: .inf } }]", /id "x"\): invalid value Infinity/],
  [
    "rules: [{ id: x, kind: errors, trigger: { count: -5 } }]",
    /invalid value -5 \(expected number to be >=0\)/,
  ],
  ["rules: [{ kind: errors }]", /rules\[1\]\.id: a value is missing/],
  ["defaults: false", /has no rules, and turns off the built-in ones/],
])("rejects a file of rules and names the rule: %s", (text, message) => {
  expect(() => parseRules(text, "rules.yaml")).toThrow(message);
});
