import type { ProxyParts } from "../environment/proxies.ts";
import { type Found, secretFrom } from "../environment/secret-file.ts";
import { GcUsageError } from "../support/errors.ts";
import { shownClientId } from "../support/secret-shape.ts";
import { envGateway, type Gateway, shownGateway } from "./gateway.ts";
import type { Profile } from "./profile.ts";
import { shownRegion } from "./regions.ts";

/** The settings from one place: the flags, the environment variables, or the profile. */
export interface Level {
  readonly region?: Found;
  readonly gateway?: { readonly value: Gateway; readonly source: string };
  readonly clientId?: Found;
  readonly clientSecret?: Found;
  readonly accessToken?: Found;
  readonly proxy?: { readonly value: ProxyParts; readonly source: string };
}

export interface Flags {
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecretFile?: string | undefined;
  readonly accessTokenFile?: string | undefined;
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

export async function flagLevel(flags: Flags): Promise<Level> {
  const [secret, token] = [flags.clientSecretFile, flags.accessTokenFile];
  if (secret === "-" && token === "-") {
    throw new GcUsageError(
      "input",
      "Both --client-secret-file and --access-token-file read standard input (-). Use - for only one of them.",
    );
  }
  return {
    ...entry("region", flags.region, "--region"),
    ...entry("clientId", flags.clientId, "--client-id"),
    ...(secret === undefined
      ? {}
      : { clientSecret: await secretFrom(secret, "--client-secret-file", flags.stdin) }),
    ...(token === undefined
      ? {}
      : { accessToken: await secretFrom(token, "--access-token-file", flags.stdin) }),
  };
}

export function envLevel(env: Readonly<Record<string, string | undefined>>): Level {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const gateway = envGateway(read);
  const proxy = envProxy(read);
  const named = (key: keyof Level, name: string): Level => entry(key, read(name), name);
  return {
    ...named("region", "GENESYSCLOUD_REGION"),
    ...named("clientId", "GENESYSCLOUD_OAUTHCLIENT_ID"),
    ...named("clientSecret", "GENESYSCLOUD_OAUTHCLIENT_SECRET"),
    ...named("accessToken", "GENESYSCLOUD_ACCESS_TOKEN"),
    ...(gateway ? { gateway: { value: gateway, source: "GENESYSCLOUD_GATEWAY_HOST" } } : {}),
    ...(proxy ? { proxy: { value: proxy, source: "GENESYSCLOUD_PROXY_HOST" } } : {}),
  };
}

/** The proxy set by the variables of the CX as Code provider. */
function envProxy(read: (name: string) => string | undefined): ProxyParts | undefined {
  const of = (part: string): string | undefined => read(`GENESYSCLOUD_PROXY_${part}`);
  const host = of("HOST");
  const parts = {
    protocol: of("PROTOCOL"),
    port: of("PORT"),
    user: of("AUTH_USERNAME"),
    password: of("AUTH_PASSWORD"),
  };
  if (host !== undefined) return { host, ...parts };
  const other = ["PORT", "PROTOCOL"].find(of);
  if (other === undefined) return undefined;
  throw new GcUsageError("input", `GENESYSCLOUD_PROXY_${other} is set, but GENESYSCLOUD_PROXY_HOST is not.`, {
    hint: `Set GENESYSCLOUD_PROXY_HOST, or unset GENESYSCLOUD_PROXY_${other} to call without a proxy from these variables.`,
  });
}

export function profileLevel(profile: Profile | undefined, file: string): Level {
  if (profile === undefined) return {};
  const source = `profile ${profile.name} of ${file}`;
  return {
    ...entry("region", profile.region, source),
    ...entry("clientId", profile.clientId, source),
    ...entry("clientSecret", profile.clientSecret, source),
    ...entry("accessToken", profile.accessToken, source),
    ...(profile.gateway ? { gateway: { value: profile.gateway, source } } : {}),
    ...(profile.proxy ? { proxy: { value: profile.proxy, source: `proxy_host in ${source}` } } : {}),
  };
}

function entry(key: keyof Level, value: string | undefined, source: string): Level {
  return value === undefined ? {} : { [key]: { value, source } };
}

/** Describes the settings that were found when some are missing. Secrets are only reported as set. */
export function foundIn(levels: readonly Level[]): string[] {
  const first = <Key extends keyof Level>(key: Key): Level[Key] | undefined =>
    levels.find((level) => level[key])?.[key];
  const [gateway, region, id] = [first("gateway"), first("region"), first("clientId")];
  const [secret, token] = [first("clientSecret"), first("accessToken")];
  return [
    ...(gateway ? [`gateway ${shownGateway(gateway.value)} (from ${gateway.source})`] : []),
    ...(region ? [`region ${shownRegion(region.value).replace(/^"|"$/g, "")} (from ${region.source})`] : []),
    ...(id ? [`client id ${shownClientId(id.value)} (from ${id.source})`] : []),
    ...(secret ? [`client secret set (from ${secret.source})`] : []),
    ...(token ? [`access token set (from ${token.source})`] : []),
  ];
}
