import { defineConfig } from "vitest/config";

/** The page and the report in Chromium: `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts", "test/browser/setup.ts"],
    testTimeout: 240_000,
    hookTimeout: 300_000,
    pool: "forks",
    // The machine may be busy.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
  },
});
