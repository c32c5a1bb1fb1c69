import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/helpers/watched/leak.ts"], globalSetup: ["test/helpers/watch.ts"], pool: "forks" },
});
