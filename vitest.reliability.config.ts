import { defineConfig } from "vitest/config";
import { LONG_TESTS, TEST } from "./vitest.config.ts";

/** What `npm test` leaves out, and a longer form of test/reliability, with each command in a process of its own: `npm run test:reliability`. */
export default defineConfig({
  test: {
    ...TEST,
    include: ["test/reliability/**/*.test.ts", ...LONG_TESTS],
    exclude: [],
    env: { IN_PROCESS: "", SOAK: "short" },
  },
});
