import { mergeConfig } from "vitest/config";
import usual from "./vitest.config.ts";

/** What `npm test` runs, with longer tests, and each command in a process of its own: `npm run test:reliability`. */
export default mergeConfig(usual, { test: { env: { IN_PROCESS: "", SOAK: "short" } } });
