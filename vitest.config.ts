import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/aws/**", "test/browser/**", "test/recipes/**"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts", "test/helpers/seed.ts"],
    setupFiles: ["test/helpers/fast-check.ts"],
    // A start of the command costs half a second, so it is run in the tests' own process where it can be (test/helpers/cli.ts).
    env: { IN_PROCESS: "1" },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 2,
    // Tests share no state but the process: a new one for each file would be a tenth of the time.
    isolate: false,
  },
});
