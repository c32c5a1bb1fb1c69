import { userInfo } from "node:os";
import { isAbsolute } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** The home that Debian and others assign to users without one. */
const NO_HOME = "/nonexistent";

/**
 * The home folder: HOME, or else the user's home in the system. Undefined if there is neither, as in containers that run as
 * an arbitrary user. An empty or relative HOME counts as not set, because it would mean the current folder.
 */
export function homeFolder(env: Env): string | undefined {
  const named = env["HOME"] || env["USERPROFILE"];
  if (named && isAbsolute(named)) return known(named);
  try {
    return known(userInfo().homedir);
  } catch {
    return undefined;
  }
}

function known(home: string): string | undefined {
  return isAbsolute(home) && home !== NO_HOME ? home : undefined;
}

/** For the AWS SDK, which asks the system for a home folder and fails for a user without one: then it finds no profiles. */
export function ensureHome(): void {
  process.env["HOME"] = homeFolder(process.env) ?? NO_HOME;
}
