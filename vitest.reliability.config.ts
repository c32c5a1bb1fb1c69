import { mergeConfig } from "vitest/config";
import usual, { OTHER_SUITES } from "./vitest.config.ts";

const longer = mergeConfig(usual, { test: { env: { IN_PROCESS: "", SOAK: "short" } } });

/**
 * What `npm test` runs, with longer tests and those that it leaves out, and each command in a process of its own:
 * `npm run test:reliability`.
 */
export default { ...longer, test: { ...longer["test"], exclude: OTHER_SUITES } };
