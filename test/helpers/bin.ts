import { fileURLToPath } from "node:url";

/** The built command: what a user runs. */
export const BIN = fileURLToPath(new URL("../../dist/cli/bin.js", import.meta.url));
