import {
  environmentProxies,
  isLoopback,
  oneProxy,
  type ProxyRules,
  proxyOf,
} from "../environment/proxies.ts";
import type { Found } from "../environment/secret-file.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { isUuid } from "../support/secret-shape.ts";
import { faultInCredential } from "./credential-text.ts";
import { type Bases, gatewayBases } from "./gateway.ts";
import { envLevel, flagLevel, foundIn, type Level, profileLevel } from "./levels.ts";
import { PROFILE_FILE, type Profile, readProfile } from "./profile.ts";
import { regionDomain } from "./regions.ts";

export interface ClientCredentials {
  readonly kind: "client";
  readonly clientId: string;
  readonly clientSecret: string;
}

interface AccessToken {
  readonly kind: "token";
  readonly accessToken: string;
}

/** The source of each setting as shown to users: "GENESYSCLOUD_REGION", "profile DEFAULT of ~/.gc/config.toml". */
interface Sources {
  /** The region or the gateway. */
  readonly place: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly accessToken?: string;
}

/** The region or gateway to call, and the credentials. */
export interface Settings {
  /** `https://api.mypurecloud.com`, or a gateway with its path prefix; without a trailing slash. */
  readonly apiBase: string;
  /** `https://login.mypurecloud.com`, or the gateway likewise. */
  readonly loginBase: string;
  /** The region's domain; undefined behind a gateway. */
  readonly domain?: string | undefined;
  /** The domain of the configured region, even behind a gateway; undefined if none is set. */
  readonly region?: string | undefined;
  readonly credentials: ClientCredentials | AccessToken;
  readonly sources: Sources;
  /** The proxy for each host; undefined for no proxy. */
  readonly proxies?: ProxyRules | undefined;
  /** Problems that users should know about but that stop nothing. */
  readonly warnings?: readonly string[];
}

export interface SettingsInput {
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  /** A file that holds only the secret; "-" for standard input. */
  readonly clientSecretFile?: string | undefined;
  /** A file that holds only an access token; "-" for standard input. */
  readonly accessTokenFile?: string | undefined;
  /** A profile of `~/.gc/config.toml`; default: DEFAULT. */
  readonly profile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home folder; undefined if there is none, and then no profiles. */
  readonly home: string | undefined;
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

/**
 * Finds the region and credentials. The first of three levels that has a setting wins: flags, the GENESYSCLOUD_* variables,
 * the profile. In addition:
 * - Within one level a gateway takes precedence over a region, because all calls go through it.
 * - A secret is never paired with the client id of another level if its own level has a different client id.
 * - A client id with its secret is used unless an access token is found at a higher level than both. At the same level the
 *   client wins, because it can renew its token. (The CX as Code provider decides the other way round.)
 *
 * @throws {GcUsageError} credentials, if none are complete; input, if the region is missing or a setting is invalid.
 *   `details.found` lists the settings that were found and their sources.
 */
export async function resolveSettings(input: SettingsInput): Promise<Settings> {
  const flags = await flagLevel(input);
  const env = envLevel(input.env);
  const upper = [flags, env];
  const needed = input.profile !== undefined || !hasPlace(upper) || pickCredentials(upper) === undefined;
  const spare = needed ? undefined : await spareProfile(input, env);
  const profile = needed ? await readProfile(input.home, input.profile) : spare?.profile;
  const levels = [...upper, profileLevel(profile, PROFILE_FILE)];
  const picked = pickCredentials(levels);
  hideCredentials(levels);
  if (picked === undefined) throw missingCredentials(levels);
  checkText(picked);
  const place = pickPlace(levels);
  const proxies = proxiesOf(levels, input.env);
  // Report a bad proxy setting before any call is made.
  for (const base of [place.apiBase, place.loginBase]) proxies.routeTo(new URL(base));
  return {
    ...place,
    region: place.domain ?? regionBehindGateway(levels),
    credentials: picked.credentials,
    sources: { place: place.source, ...picked.sources },
    proxies,
    warnings: [
      ...plainHttp(place),
      ...swapped(picked),
      ...(needed ? overruledProfile(input, env, profile) : (spare?.warnings ?? [])),
    ],
  };
}

/**
 * The default profile if the variables are already complete: `gc` uses its proxy even then. An error in the file must not
 * stop a run that does not need it.
 */
async function spareProfile(
  { home }: SettingsInput,
  env: Level,
): Promise<{ profile?: Profile | undefined; warnings?: string[] }> {
  if (home === undefined || env.proxy !== undefined) return {};
  try {
    const profile = await readProfile(home, undefined);
    return { profile: profile && { name: profile.name, proxy: profile.proxy } };
  } catch (error) {
    if (!isGcUsageError(error)) throw error;
    return { warnings: [`${error.message} Its proxy settings, if any, are ignored.`] };
  }
}

function proxiesOf(levels: readonly Level[], env: SettingsInput["env"]): ProxyRules {
  const own = levels.find(({ proxy }) => proxy)?.proxy;
  return own === undefined ? environmentProxies(env) : oneProxy(proxyOf(own.value, own.source));
}

function hasPlace(levels: readonly Level[]): boolean {
  return levels.some(({ gateway, region }) => gateway ?? region);
}

function pickPlace(levels: readonly Level[]): Bases & { domain?: string; source: string } {
  for (const { gateway, region } of levels) {
    if (gateway) return { ...gatewayBases(gateway.value, gateway.source), source: gateway.source };
    if (region) {
      const domain = regionDomain(region.value, region.source);
      return {
        apiBase: `https://api.${domain}`,
        loginBase: `https://login.${domain}`,
        domain,
        source: region.source,
      };
    }
  }
  throw new GcUsageError("input", "No Genesys Cloud region is set.", {
    hint: "Set GENESYSCLOUD_REGION (us-east-1 or mypurecloud.com), or pass --region.",
    details: { found: foundIn(levels), missing: "region" },
  });
}

/** The region is only informative behind a gateway, so an unknown one is not an error. */
function regionBehindGateway(levels: readonly Level[]): string | undefined {
  const region = levels.find((level) => level.region)?.region;
  if (region === undefined) return undefined;
  try {
    return regionDomain(region.value, region.source);
  } catch {
    return undefined;
  }
}

interface Picked {
  readonly credentials: ClientCredentials | AccessToken;
  readonly sources: Omit<Sources, "place">;
}

function pickCredentials(levels: readonly Level[]): Picked | undefined {
  const idAt = levels.findIndex(({ clientId }) => clientId);
  const id = levels[idAt]?.clientId;
  const secretAt = levels.findIndex((level) => level.clientSecret && fits(level, id));
  const secret = levels[secretAt]?.clientSecret;
  const tokenAt = levels.findIndex(({ accessToken }) => accessToken);
  const token = levels[tokenAt]?.accessToken;
  const clientAt = id && secret ? Math.min(idAt, secretAt) : Number.POSITIVE_INFINITY;
  if (token && tokenAt < clientAt) {
    return {
      credentials: { kind: "token", accessToken: token.value },
      sources: { accessToken: token.source },
    };
  }
  if (!id || !secret) return undefined;
  return {
    credentials: { kind: "client", clientId: id.value, clientSecret: secret.value },
    sources: { clientId: id.source, clientSecret: secret.source },
  };
}

function fits(level: Level, id: Found | undefined): boolean {
  return level.clientId === undefined || level.clientId.value === id?.value;
}

const HOW_TO =
  "Set GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET, or name a profile of the gc CLI " +
  "with --profile. `gc-usage demo` needs no account.";

function missingCredentials(levels: readonly Level[]): GcUsageError {
  const id = levels.find(({ clientId }) => clientId)?.clientId;
  const secret = levels.find(({ clientSecret }) => clientSecret)?.clientSecret;
  const [message, hint] = id
    ? [
        `Found a client id (from ${id.source}) but no client secret.`,
        "Set GENESYSCLOUD_OAUTHCLIENT_SECRET, or pass --client-secret-file.",
      ]
    : secret
      ? [
          `Found a client secret (from ${secret.source}) but no client id.`,
          "Set GENESYSCLOUD_OAUTHCLIENT_ID, or pass --client-id.",
        ]
      : ["No credentials for Genesys Cloud were found.", HOW_TO];
  return new GcUsageError("credentials", message, { hint, details: { found: foundIn(levels) } });
}

/** A value that no header can carry would fail at the first call, with a message that names neither setting nor source. */
function checkText({ credentials, sources }: Picked): void {
  const parts =
    credentials.kind === "token"
      ? ([["access token", credentials.accessToken, sources.accessToken]] as const)
      : ([
          ["client id", credentials.clientId, sources.clientId],
          ["client secret", credentials.clientSecret, sources.clientSecret],
        ] as const);
  for (const [name, text, source] of parts) {
    const fault = faultInCredential(text);
    if (fault === undefined) continue;
    throw new GcUsageError("credentials", `Invalid ${name} (from ${source}): it ${fault}.`, {
      hint: "Only visible ASCII characters are allowed. Copy the value again, without the text around it.",
    });
  }
}

function hideCredentials(levels: readonly Level[]): void {
  for (const { clientId, clientSecret, accessToken } of levels) {
    secrets.add(clientSecret?.value);
    secrets.add(accessToken?.value);
    // If id and secret are swapped, this is the secret.
    if (clientId !== undefined && !isUuid(clientId.value) && clientId.value.length >= 8) {
      secrets.suspect(clientId.value);
    }
  }
}

function plainHttp({ apiBase, source }: { apiBase: string; source: string }): string[] {
  return apiBase.startsWith("http:") && !isLoopback(new URL(apiBase))
    ? [`The gateway ${apiBase} (from ${source}) is plain HTTP: anyone on the network can read the secret.`]
    : [];
}

function swapped({ credentials, sources }: Picked): string[] {
  if (credentials.kind === "token" || isUuid(credentials.clientId) || !isUuid(credentials.clientSecret))
    return [];
  return [
    `The client id (from ${sources.clientId ?? ""}) is not a UUID, but the client secret (from ${sources.clientSecret ?? ""}) is: ` +
      "they may be swapped.",
  ];
}

/** `--profile` has the lowest precedence, which is surprising if variables are exported, too. */
function overruledProfile(input: SettingsInput, env: Level, profile: Profile | undefined): string[] {
  if (input.profile === undefined || profile === undefined) return [];
  const overruling = [env.gateway ?? env.region, env.clientId ?? env.accessToken]
    .map((found) => found?.source)
    .filter((source) => source !== undefined);
  return overruling.length === 0
    ? []
    : [
        `${overruling.join(" and ")} in the environment ${overruling.length === 1 ? "takes" : "take"} precedence over profile ${profile.name}.`,
      ];
}
