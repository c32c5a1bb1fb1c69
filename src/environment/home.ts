import { homedir } from "node:os";
import { isAbsolute } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The home folder. Undefined where there is none: no HOME and no entry for the user, as in containers that run as an
 * arbitrary user. An empty or relative HOME is none, since it would stand for the current folder.
 */
export function homeFolder(env: Env = process.env): string | undefined {
  const named = env["HOME"] ?? env["USERPROFILE"];
  if (named !== undefined) return isAbsolute(named) ? named : undefined;
  try {
    const home = homedir();
    return isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}
