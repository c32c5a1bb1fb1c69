import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { withGenerated } from "../../scripts/template/generated.ts";
import { compactTemplate, readTemplate, templateParameters } from "../../src/aws/template.ts";
import { list } from "../../src/questions/questions.ts";
import { gcUsage } from "../helpers/cli.ts";
import { parseTemplate } from "../helpers/template.ts";

describe("the template", async () => {
  const template = await readTemplate();

  it("has the program's tables, views and questions (if not, run `npm run template`)", () => {
    expect(withGenerated(template)).toBe(template);
  });

  it("has every question as a saved query, except those for programs", () => {
    for (const { name, isSaved } of list()) expect(template.includes(`      Name: ${name}\n`)).toBe(isSaved);
  });

  it("starts its description with the mark that identifies gc-usage's stacks", () => {
    expect(template).toMatch(/^Description: >-\n {2}gc-usage: /m);
  });

  it("has parameters with a default and a description, which docs/aws.md and `aws template --parameters` list", async () => {
    const guide = await readFile(new URL("../../docs/aws.md", import.meta.url), "utf8");
    const { stdout } = await gcUsage(["aws", "template", "--parameters"]);
    const parameters = templateParameters(template);
    expect(parameters.length).toBeGreaterThan(18);
    for (const { name, description } of parameters) {
      expect(description, name).not.toBe("");
      expect(stdout).toContain(`  ${description}`);
      expect(guide).toContain(`\`${name}\``);
    }
  });

  it("rejects a first day that does not exist", () => {
    const pattern = /FirstDay:[\s\S]*?AllowedPattern: "(.*)"/.exec(template)?.[1];
    const accepts = (day: string) => new RegExp(`^(?:${pattern})$`).test(day);
    expect(["2018-01-01", "2024-02-29", "2025-04-30", "2025-12-31"].filter(accepts)).toHaveLength(4);
    expect(["2025-02-30", "2025-04-31", "2025-11-31", "2025-13-01", "2025-1-1"].filter(accepts)).toEqual([]);
  });

  it("is small enough to be passed to CloudFormation directly, without a bucket", () => {
    expect(Buffer.byteLength(compactTemplate(template))).toBeLessThan(51_200);
  });

  it("says the same when it is compact", () => {
    const compact = compactTemplate(template);
    expect(parseTemplate(compact)).toEqual(parseTemplate(template));
    expect(compact).not.toContain("# ");
  });

  it("has no YAML aliases, which CloudFormation rejects but linters do not report", () => {
    expect(template).not.toMatch(/^\s*(?:- )?(?:[\w:]+: )?[&*]\w/m);
  });
});
