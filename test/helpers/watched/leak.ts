import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { it } from "vitest";

// Run only by test/helpers/watch.test.ts: a suite that passes but leaks a secret must fail.
it("passes", () => {
  const leaked = Buffer.from(`user:${["sandbox", "secret", "0"].join("_")}`).toString("base64");
  writeFileSync(
    `${tmpdir()}/debug.log`,
    process.env["LEAK"] === "1" ? `Authorization: Basic ${leaked}` : "nothing",
  );
});
