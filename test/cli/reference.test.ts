import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { manPage } from "../../scripts/man.ts";
import { REFERENCE, reference } from "../../scripts/reference.ts";

it("docs/cli.md is up to date (npm run docs)", async () => {
  expect(readFileSync(REFERENCE, "utf8")).toBe(await reference());
});

it("the man page has every command and option of the help", async () => {
  const page = await manPage();
  const help = await reference();
  const flags = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = ""]) => flag);
  expect(flags.length).toBeGreaterThan(100);
  for (const flag of flags) if (flag !== "--help") expect(page).toContain(flag.replaceAll("-", "\\-"));
});
