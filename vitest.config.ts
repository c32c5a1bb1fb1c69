import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/aws/**", "test/browser/**", "test/recipes/**"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts", "test/helpers/seed.ts"],
    setupFiles: ["test/helpers/fast-check.ts"],
    // Starting the command takes half a second, so it runs in the tests' own process where possible (test/helpers/cli.ts).
    env: { IN_PROCESS: "1" },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 2,
    // Tests share only the process. A new process for each file would take a tenth of the time.
    isolate: false,
  },
});
