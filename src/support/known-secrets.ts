import { secrets } from "./redact.ts";
import { looksSecret } from "./secret-shape.ts";

/** Variables whose values are secrets whatever they look like. */
const SECRET_VARIABLES = [
  "GENESYSCLOUD_OAUTHCLIENT_SECRET",
  "GENESYSCLOUD_ACCESS_TOKEN",
  "GENESYSCLOUD_PROXY_AUTH_PASSWORD",
  "GENESYSCLOUD_GATEWAY_AUTH_PASSWORD",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

/** Variables whose values are settings, in whose place somebody may have put a secret. */
const SETTINGS = /^(GENESYSCLOUD|AWS|GC_USAGE)_(?!(.*_)?(URI|ARN)$)|_PROXY$/i;
/** Those among them that take a path. */
const PATHS = /_(FILE|BUNDLE|PATH|CACHE|LAKE)$/i;

/** There are no such options, and people try them. */
const SECRET_OPTION = /^--[a-z-]*(secret|token|password|key)(?!-file)[a-z-]*$/;

/**
 * Registers the secrets that the environment and the command line hold, so that no message shows them wherever they turn
 * up, and hides what looks like a secret in the wrong place.
 */
export function registerSecrets(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[] = [],
): void {
  for (const name of SECRET_VARIABLES) {
    secrets.add(env[name]?.trim());
    secrets.add(env[name]);
  }
  const accessKey = env["AWS_ACCESS_KEY_ID"];
  if (accessKey !== undefined && looksSecret(accessKey)) secrets.add(accessKey);
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !SETTINGS.test(name)) continue;
    hideUser(value);
    if (!PATHS.test(name) || isNoPath(value)) suspect(value);
  }
  argv.forEach((word, i) => {
    const [, option = "", given] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (SECRET_OPTION.test(option)) secrets.add(given ?? argv[i + 1]);
    hideUser(given ?? word);
    const value = given ?? word;
    if (isNoPath(value)) suspect(value);
  });
}

/** Paths are not guessed at, nor are statements; a key of AWS may have slashes. */
function isNoPath(value: string): boolean {
  return !/[/\\\s]/.test(value) || /^[A-Za-z0-9+/]{40}$/.test(value);
}

/** What stands before the `@` of an address. */
function hideUser(value: string): void {
  const [, user = ""] = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/)?([^\s/?#]+)@/i.exec(value.trim()) ?? [];
  const [name = "", ...password] = user.split(":");
  if (password.length === 0) return;
  secrets.add(user);
  secrets.add(password.join(":"));
  if (looksSecret(name)) secrets.add(name);
}

function suspect(value: string): void {
  for (const part of value.split(/[\s,;:@?&={}"']+/)) {
    for (const piece of [part, ...part.split("/")]) if (looksSecret(piece)) secrets.suspect(piece);
  }
}
