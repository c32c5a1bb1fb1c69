import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { REFERENCE, reference } from "../../scripts/reference.ts";

it("docs/cli.md is what the commands say of themselves (npm run docs)", async () => {
  expect(readFileSync(REFERENCE, "utf8")).toBe(await reference());
});
