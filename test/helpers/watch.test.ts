import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it.each([
  ["0", 0, /Searched for secrets: \d+ files? .* None found/],
  ["1", 1, /FAILED: secrets were let out\.\n {2}\S*debug\.log: .*Basic/],
])("a suite with %s secrets let out ends with %i", async (LEAK, code, message) => {
  const config = ["--config", "test/helpers/watched/vitest.config.ts"];
  const ran = await execa("npx", ["vitest", "run", ...config], {
    cwd: ROOT,
    env: { LEAK },
    reject: false,
    all: true,
  });
  expect(ran.all).toMatch(message);
  expect(ran.exitCode).toBe(code);
});
