import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Suites with commands of their own. */
export const OTHER_SUITES = ["test/aws/**", "test/browser/**", "test/recipes/**"];

/** These would take a third of the time of `npm test`, some even in their smallest form: `npm run test:reliability` runs them. */
export const LONG_TESTS = [
  "test/cli/{nightly,organizations,out,retry-after,streams,unsound-answers}.test.ts",
  "test/lake/stray-files.test.ts",
  "test/mcp/mcp.test.ts",
  "test/project/{extending,library}.test.ts",
  "test/report/size.test.ts",
  "test/sandbox/limits.test.ts",
  "test/sync/{raw-rows,sync-e2e}.test.ts",
];

export const TEST = {
  include: ["test/**/*.test.ts"],
  exclude: [
    ...OTHER_SUITES,
    ...LONG_TESTS,
    "test/reliability/{kill,machine,neighbors,plain-share,secrets,storm,together,wrong-sums}.test.ts",
  ],
  globalSetup: ["test/helpers/build.ts", "test/helpers/watch.ts", "test/helpers/seed.ts"],
  setupFiles: ["test/helpers/fast-check.ts"],
  // Starting the command takes half a second, so it runs in the tests' own process where possible (test/helpers/cli.ts).
  env: { IN_PROCESS: process.env["IN_PROCESS"] ?? "1" },
  testTimeout: 240_000,
  hookTimeout: 240_000,
  pool: "forks",
  maxWorkers: 2,
  // Tests share only the process. A new process for each file would take a tenth of the time.
  isolate: false,
} satisfies ViteUserConfig["test"];

export default defineConfig({ test: TEST });
