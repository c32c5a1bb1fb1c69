import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { it } from "vitest";

// Run by test/helpers/watch.test.ts alone: a suite that passes and lets a secret out must fail.
it("passes", () => {
  const leaked = Buffer.from(`user:${["sandbox", "secret", "0"].join("_")}`).toString("base64");
  writeFileSync(
    `${tmpdir()}/debug.log`,
    process.env["LEAK"] === "1" ? `Authorization: Basic ${leaked}` : "nothing",
  );
});
