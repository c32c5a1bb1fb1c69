import { userInfo } from "node:os";
import { isAbsolute } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** What Debian and others give as the home of users who have none. */
const NO_HOME = "/nonexistent";

/**
 * The home folder: HOME, else what the system knows of the user. Undefined where there is neither, as in containers that
 * run as an arbitrary user. An empty or relative HOME counts as not set, since it would stand for the current folder.
 */
export function homeFolder(env: Env = process.env): string | undefined {
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

/** For the AWS SDK, which asks the system for a home folder and fails where the user has none: then there are no profiles. */
export function ensureHome(): void {
  process.env["HOME"] = homeFolder() ?? NO_HOME;
}
