import { defineConfig } from "vitest/config";

/**
 * The recipes of docs/lake.md, the formats of `gc-usage schedule`, the Terraform module and the CDK example, with the programs
 * that read them: `npm run test:recipes`.
 */
export default defineConfig({
  test: {
    include: ["test/recipes/**/*.test.ts"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts"],
    // Spark needs a minute on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
