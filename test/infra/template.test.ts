import { describe, expect, it } from "vitest";
import { withGenerated } from "../../scripts/template/generated.ts";
import { readTemplate } from "../../src/aws/template.ts";
import { list } from "../../src/questions/questions.ts";

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

  it("rejects a first day that does not exist", () => {
    const pattern = /FirstDay:[\s\S]*?AllowedPattern: "(.*)"/.exec(template)?.[1];
    const accepts = (day: string) => new RegExp(`^(?:${pattern})$`).test(day);
    expect(["2018-01-01", "2024-02-29", "2025-04-30", "2025-12-31"].filter(accepts)).toHaveLength(4);
    expect(["2025-02-30", "2025-04-31", "2025-11-31", "2025-13-01", "2025-1-1"].filter(accepts)).toEqual([]);
  });

  it("is small enough to be passed to CloudFormation directly, without a bucket", () => {
    expect(Buffer.byteLength(template)).toBeLessThan(51_200);
  });

  it("has no YAML aliases, which CloudFormation rejects but linters do not report", () => {
    expect(template).not.toMatch(/^\s*(?:- )?(?:[\w:]+: )?[&*]\w/m);
  });
});
