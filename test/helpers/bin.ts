import { fileURLToPath } from "node:url";

/** The built command, as users run it. */
export const BIN = fileURLToPath(new URL("../../dist/cli/bin.js", import.meta.url));
