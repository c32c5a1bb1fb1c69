import { writeSync } from "node:fs";
import { version } from "../library/version.ts";

export { version } from "../library/version.ts";

/** Prints the version. @returns false if that fails; the full program then runs `--version` and reports why. */
export function printVersion(): boolean {
  try {
    writeSync(1, `${version()}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Hint for data that a later version wrote. */
export const UPGRADE = "Upgrade gc-usage: npm install -g gc-usage@latest.";
