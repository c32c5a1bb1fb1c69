import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { homeFolder } from "../../environment/home.ts";
import { GcUsageError } from "../../support/errors.ts";
import { checkFolder } from "../local/folder-text.ts";

/**
 * The folder on this machine for a lake elsewhere: its mirror, and uncommitted files.
 *
 * @param endpoint empty for the service's usual address. The same location behind another one is a different lake.
 * @param kind `costs` for what the program's runs have cost there.
 */
export function cacheFolder(
  uri: string,
  endpoint: string,
  env: Env,
  kind: "lakes" | "costs" = "lakes",
): string {
  const name = createHash("sha256").update(`${uri}\n${endpoint}`).digest("hex").slice(0, 32);
  return join(cacheRoot(env), kind, name);
}

/** The folder of everything that is cached: GC_USAGE_CACHE, else a folder in the user's caches. */
export function cacheRoot(env: Env): string {
  const own = env["GC_USAGE_CACHE"];
  return own ? checkFolder(own, "GC_USAGE_CACHE") : join(caches(env), "gc-usage");
}

type Env = Readonly<Record<string, string | undefined>>;

function caches(env: Env): string {
  const home = homeFolder(env);
  const named = env["XDG_CACHE_HOME"];
  // The specification says to ignore relative paths: https://specifications.freedesktop.org/basedir-spec/
  const folder = named && isAbsolute(named) ? named : home && join(home, ".cache");
  if (folder) return folder;
  throw new GcUsageError("input", "Cannot mirror the lake: no home folder is set.", {
    hint: "Set GC_USAGE_CACHE to a writable folder, or set HOME.",
  });
}
