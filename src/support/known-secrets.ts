import { secrets } from "./redact.ts";
import { looksSecret } from "./secret-shape.ts";

/** Variables whose values are always secrets. */
const SECRET_VARIABLES = [
  "GENESYSCLOUD_OAUTHCLIENT_SECRET",
  "GENESYSCLOUD_ACCESS_TOKEN",
  "GENESYSCLOUD_PROXY_AUTH_PASSWORD",
  "GENESYSCLOUD_GATEWAY_AUTH_PASSWORD",
  "GC_USAGE_WEBHOOK",
  "GC_USAGE_WEBHOOK_SECRET",
  "GC_USAGE_READ_ONLY_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

/** Variables with settings, which may contain a misplaced secret. */
const SETTINGS = /^(GENESYSCLOUD|AWS|GC_USAGE)_(?!(.*_)?(URI|ARN)$)|_PROXY$/i;
/** Settings that contain a path. */
const PATHS = /_(FILE|BUNDLE|PATH|CACHE|LAKE|QUESTIONS|LABELS)$/i;

/** Options that do not exist, but that people try. */
const SECRET_OPTION = /^--[a-z-]*(secret|token|password|key)(?!-file)[a-z-]*$/;

/**
 * Registers the secrets in the environment and on the command line, so that no message shows them, and hides misplaced values
 * that look like secrets.
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

/** Paths and statements are not checked; an AWS key may contain slashes. */
function isNoPath(value: string): boolean {
  return !/[/\\\s]/.test(value) || /^[A-Za-z0-9+/]{40}$/.test(value);
}

/** Hides the part before the `@` of an address. */
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
