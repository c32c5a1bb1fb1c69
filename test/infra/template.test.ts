import { describe, expect, it } from "vitest";
import { withGenerated } from "../../scripts/template/generated.ts";
import { readTemplate } from "../../src/aws/template.ts";
import { list } from "../../src/questions/questions.ts";

describe("the template", async () => {
  const template = await readTemplate();

  it("has the tables, views and questions that the program has: else run `npm run template`", () => {
    expect(withGenerated(template)).toBe(template);
  });

  it("has every question as a saved query", () => {
    for (const { name } of list()) expect(template).toContain(`      Name: ${name}\n`);
  });

  it("is small enough to be given to CloudFormation as it is, without a bucket", () => {
    expect(Buffer.byteLength(template)).toBeLessThan(51_200);
  });

  it("uses no YAML aliases, which CloudFormation refuses and no linter reports", () => {
    expect(template).not.toMatch(/^\s*(?:- )?(?:[\w:]+: )?[&*]\w/m);
  });
});
