import { readFileSync } from "node:fs";

/** The program's version, from package.json. */
export function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  return version;
}
