import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Suites with commands of their own. */
export const OTHER_SUITES = ["test/aws/**", "test/browser/**", "test/recipes/**"];

export const TEST = {
  include: ["test/**/*.test.ts"],
  // These take a third of the time, some even in their smallest form: only `npm run test:reliability` runs them.
  exclude: [
    ...OTHER_SUITES,
    "test/reliability/{kill,machine,neighbors,plain-share,storm,together,wrong-sums}.test.ts",
    "test/project/{extending,library}.test.ts",
    "test/sandbox/limits.test.ts",
    "test/sync/sync-e2e.test.ts",
  ],
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
} satisfies ViteUserConfig["test"];

export default defineConfig({ test: TEST });
