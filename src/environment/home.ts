import { userInfo } from "node:os";
import { isAbsolute, join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The home folder: HOME, else what the system knows of the user. Undefined where there is neither, as in containers that
 * run as an arbitrary user. An empty or relative HOME counts as not set, since it would stand for the current folder.
 */
export function homeFolder(env: Env = process.env): string | undefined {
  const named = env["HOME"] || env["USERPROFILE"];
  if (named && isAbsolute(named)) return named;
  try {
    const { homedir } = userInfo();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    return undefined;
  }
}

/** For the AWS SDK, which asks the system for a home folder and fails where the user has none: then there are no profiles. */
export function ensureHome(): void {
  process.env["HOME"] = homeFolder() ?? join("/", "nonexistent");
}
