import { existsSync } from "node:fs";
import { run, step } from "../helpers/venv.ts";

/** Debian's, which CI installs. Playwright's own build has another license and 400 MB more. */
const CHROMIUM = "/usr/bin/chromium";

/** Nothing may reach the network but the tests' own servers, and a process of root has no sandbox. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-proxy-server",
];

/**
 * The path of Chromium, which is installed from Debian's packages if it is missing.
 *
 * @throws {Error} with what to do, if that is not possible.
 */
export async function chromium(): Promise<string> {
  const given = process.env["CHROMIUM"];
  const path = given ?? CHROMIUM;
  if (existsSync(path)) return path;
  if (given !== undefined) throw new Error(`CHROMIUM is ${given}, which does not exist.`);
  const needed = "The tests of the page need Chromium. Install it, and set CHROMIUM to its path";
  await step("Installing Chromium", async () => {
    await run("apt-get", ["update", "-qq"], needed);
    await run(
      "apt-get",
      ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
      needed,
    );
  });
  return path;
}
