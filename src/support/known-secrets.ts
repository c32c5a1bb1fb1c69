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

/** Variables whose values are settings, in whose place somebody may have put a secret; those of paths are left out. */
const SETTINGS = /^(GENESYSCLOUD_|AWS_)(?!.*(_FILE|_BUNDLE|_URI|_ARN|_PATH)$)/;

/** Options whose values are names or addresses, and no paths and no SQL. */
const NAMING_OPTIONS = /^--(region|client-id|profile|stack|workgroup|database|endpoint-url|organization)$/;

/**
 * Registers the secrets that the environment holds, so that no message shows them wherever they turn up, and hides values
 * of settings and options that look like a secret in the wrong place.
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
    if (value !== undefined && SETTINGS.test(name)) suspect(value);
  }
  argv.forEach((word, i) => {
    const [, option = "", given] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const value = given ?? argv[i + 1];
    if (NAMING_OPTIONS.test(option) && value !== undefined) suspect(value);
  });
}

function suspect(value: string): void {
  for (const part of value.split(/[\s,;:@?&={}"']+/)) {
    for (const piece of [part, ...part.split("/")]) if (looksSecret(piece)) secrets.suspect(piece);
  }
}
