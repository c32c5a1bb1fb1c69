import { readFileSync, writeSync } from "node:fs";

/** The program's version, as package.json has it. */
export function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  return version;
}

/** Writes it to standard output. @returns false where that fails: `--version` of the whole program says why. */
export function printVersion(): boolean {
  try {
    writeSync(1, `${version()}\n`);
    return true;
  } catch {
    return false;
  }
}

/** What to do where a later version wrote something. */
export const UPGRADE = "Upgrade gc-usage: npm install -g gc-usage@latest.";
