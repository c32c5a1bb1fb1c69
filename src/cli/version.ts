import { readFileSync, writeSync } from "node:fs";

/** The program's version, from package.json. */
export function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  return version;
}

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
