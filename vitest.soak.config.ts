import { defineConfig } from "vitest/config";

/** test/reliability in full, on lakes in folders and on S3: `npm run test:soak`. docs/reliability.md describes it. */
export default defineConfig({
  test: {
    include: ["test/reliability/**/*.test.ts"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts", "test/reliability/setup.ts"],
    setupFiles: ["test/helpers/fast-check.ts"],
    env: { SOAK: "full" },
    testTimeout: 45 * 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // A test prints its figures as it goes.
    disableConsoleIntercept: true,
  },
});
