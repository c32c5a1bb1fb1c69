import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VITEST = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

it.each([
  ["0", 0, /Searched for secrets: \d+ files? .* None found/],
  ["1", 1, /FAILED: secrets were let out\.\n {2}\S*debug\.log: .*Basic/],
])("a suite that leaks %s secrets ends with %i", async (LEAK, code, message) => {
  const ran = await execa(
    process.execPath,
    [VITEST, "run", "--config", "test/helpers/watched/vitest.config.ts"],
    {
      cwd: ROOT,
      // Outside this suite's temporary folder, where the leaked secret would be found, too.
      env: { LEAK, TMPDIR: dirname(tmpdir()) },
      reject: false,
      all: true,
    },
  );
  expect(ran.all).toMatch(message);
  expect(ran.exitCode).toBe(code);
});
