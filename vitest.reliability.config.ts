import { defineConfig } from "vitest/config";
import { OTHER_SUITES, TEST } from "./vitest.config.ts";

/**
 * What `npm test` runs, with longer tests and those that it leaves out, and each command in a process of its own:
 * `npm run test:reliability`.
 */
export default defineConfig({
  test: { ...TEST, exclude: OTHER_SUITES, env: { IN_PROCESS: "", SOAK: "short" } },
});
