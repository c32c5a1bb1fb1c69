import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/aws/**", "test/browser/**", "test/recipes/**"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 2,
    // Tests share no state but the process: a new one for each file would be a tenth of the time.
    isolate: false,
  },
});
