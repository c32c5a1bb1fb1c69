import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Whether a program is in the PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const isThere = await access(join(folder, program)).then(
      () => true,
      () => false,
    );
    if (isThere) return true;
  }
  return false;
}

/** For a check that needs a tool of another project: without it, the test is not passed, but does not fail either. */
export function skipLoudly(what: string): void {
  process.stderr.write(`SKIPPED, not passed: ${what}\n`);
}
