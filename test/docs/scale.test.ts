import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { scaleTables } from "../../bench/scale.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

test("the tables by clients and years in docs/scale.md are those that npm run bench -- scale prints", () => {
  expect(readFileSync(join(ROOT, "docs/scale.md"), "utf8")).toContain(scaleTables());
});
