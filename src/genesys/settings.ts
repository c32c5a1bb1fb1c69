import {
  environmentProxies,
  isLoopback,
  oneProxy,
  type ProxyRules,
  proxyOf,
} from "../environment/proxies.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { isUuid } from "../support/secret-shape.ts";
import { faultInCredential } from "./credential-text.ts";
import { type Bases, gatewayBases } from "./gateway.ts";
import { envLevel, flagLevel, foundIn, type Level, profileLevel } from "./levels.ts";
import { PROFILE_FILE, type Profile, readProfile } from "./profile.ts";
import { regionDomain } from "./regions.ts";
import type { Found } from "./secret-file.ts";

export interface ClientCredentials {
  readonly kind: "client";
  readonly clientId: string;
  readonly clientSecret: string;
}

interface AccessToken {
  readonly kind: "token";
  readonly accessToken: string;
}

/** Where each setting was found, in words for people: "GENESYSCLOUD_REGION", "profile DEFAULT of ~/.gc/config.toml". */
interface Sources {
  /** The region or the gateway. */
  readonly place: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly accessToken?: string;
}

/** Where to call and as whom. */
export interface Settings {
  /** `https://api.mypurecloud.com`, or a gateway with its path prefix; without a trailing slash. */
  readonly apiBase: string;
  /** `https://login.mypurecloud.com`, or likewise. */
  readonly loginBase: string;
  /** The region's domain; undefined behind a gateway. */
  readonly domain?: string | undefined;
  /** The domain of the region that is set, also where a gateway hides it; undefined where none is. */
  readonly region?: string | undefined;
  readonly credentials: ClientCredentials | AccessToken;
  readonly sources: Sources;
  /** By which proxy each host is called; undefined: none by any. */
  readonly proxies?: ProxyRules | undefined;
  /** What people should know though it stops nothing. */
  readonly warnings?: readonly string[];
}

export interface SettingsInput {
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  /** A file that holds the secret alone; "-" for standard input. */
  readonly clientSecretFile?: string | undefined;
  /** A file that holds an access token alone; "-" for standard input. */
  readonly accessTokenFile?: string | undefined;
  /** A profile of `~/.gc/config.toml`; DEFAULT where none is named. */
  readonly profile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home folder; undefined where there is none, and so no profiles. */
  readonly home: string | undefined;
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

/**
 * Finds where to call and as whom. Three levels, the first that has a setting gives it: flags, the GENESYSCLOUD_* variables,
 * the profile. Beyond that:
 * - where: within one level a gateway comes before a region, as everything goes through it;
 * - a secret is never paired with the client id of another level whose own client id differs;
 * - as whom: a client id with its secret, unless an access token is found at a higher level than both. At the same level the
 *   client wins, since it can renew its token (the CX as Code provider decides the other way round).
 *
 * @throws UsageError "credentials" where none are complete, "input" where the region is missing or something is no valid setting;
 *   where something is missing, details.found tells what is there and where
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
  // What is wrong with a proxy is told before anything is called.
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
 * The default profile where the variables say everything: `gc` goes by its proxy then, too. What is wrong with the file
 * must not stop a run that does not need it.
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
    if (!isUsageError(error)) throw error;
    return { warnings: [`${error.message} Its proxy settings, if it has any, are not used.`] };
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
  throw new UsageError("input", "No Genesys Cloud region is set.", {
    hint: "Export GENESYSCLOUD_REGION (us-east-1 or mypurecloud.com), or give --region.",
    details: { found: foundIn(levels) },
  });
}

/** Nothing is called by it, so one that is not known is no error. */
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
  "Export GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET, or name a profile of the gc CLI " +
  "with --profile. `gc-usage demo` needs no account.";

function missingCredentials(levels: readonly Level[]): UsageError {
  const id = levels.find(({ clientId }) => clientId)?.clientId;
  const secret = levels.find(({ clientSecret }) => clientSecret)?.clientSecret;
  const [message, hint] = id
    ? [
        `There is a client id (from ${id.source}) but no secret to it.`,
        "Export GENESYSCLOUD_OAUTHCLIENT_SECRET, or give --client-secret-file.",
      ]
    : secret
      ? [
          `There is a client secret (from ${secret.source}) but no client id.`,
          "Export GENESYSCLOUD_OAUTHCLIENT_ID, or give --client-id.",
        ]
      : ["No credentials for Genesys Cloud were found.", HOW_TO];
  return new UsageError("credentials", message, { hint, details: { found: foundIn(levels) } });
}

/** What no header can carry would fail with the first call, by a message that names neither the setting nor its source. */
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
    throw new UsageError("credentials", `Invalid ${name} (from ${source}): it ${fault}.`, {
      hint: "Only visible ASCII characters can be in it. Copy it again, without what stands around it.",
    });
  }
}

function hideCredentials(levels: readonly Level[]): void {
  for (const { clientId, clientSecret, accessToken } of levels) {
    secrets.add(clientSecret?.value);
    secrets.add(accessToken?.value);
    // Whoever swaps id and secret has put the secret here.
    if (clientId !== undefined && !isUuid(clientId.value) && clientId.value.length >= 8) {
      secrets.suspect(clientId.value);
    }
  }
}

function plainHttp({ apiBase, source }: { apiBase: string; source: string }): string[] {
  return apiBase.startsWith("http:") && !isLoopback(new URL(apiBase))
    ? [`The gateway ${apiBase} (from ${source}) is plain HTTP: whoever is on the way can read the secret.`]
    : [];
}

function swapped({ credentials, sources }: Picked): string[] {
  if (credentials.kind === "token" || isUuid(credentials.clientId) || !isUuid(credentials.clientSecret))
    return [];
  return [
    `The client id (from ${sources.clientId ?? ""}) is not a UUID and the client secret (from ${sources.clientSecret ?? ""}) is one: ` +
      "they seem to be swapped.",
  ];
}

/** `--profile` comes last, which surprises where variables are exported as well. */
function overruledProfile(input: SettingsInput, env: Level, profile: Profile | undefined): string[] {
  if (input.profile === undefined || profile === undefined) return [];
  const overruling = [env.gateway ?? env.region, env.clientId ?? env.accessToken]
    .map((found) => found?.source)
    .filter((source) => source !== undefined);
  return overruling.length === 0
    ? []
    : [`${overruling.join(" and ")} in the environment comes before profile ${profile.name}.`];
}
