import { readFile } from "node:fs/promises";
import { codeOf, messageOf, UsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { type Bases, envGateway, type Gateway, gatewayBases, isLoopback } from "./gateway.ts";
import type { ProxySettings } from "./http.ts";
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
  /** Undefined: no proxy. */
  readonly proxy?: ProxySettings | undefined;
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
  /** The home folder. */
  readonly home: string;
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

/** One place where settings come from. */
interface Level {
  readonly region?: Found;
  readonly gateway?: { readonly value: Gateway; readonly source: string };
  readonly clientId?: Found;
  readonly clientSecret?: Found;
  readonly accessToken?: Found;
}

interface Found {
  readonly value: string;
  readonly source: string;
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
  const profile = needed ? await readProfile(input.home, input.profile) : undefined;
  const levels = [...upper, profileLevel(profile)];
  const picked = pickCredentials(levels);
  if (picked === undefined) throw missingCredentials(levels);
  const place = pickPlace(levels);
  registerSecrets(picked.credentials);
  return {
    ...place,
    region: place.domain ?? regionBehindGateway(levels),
    credentials: picked.credentials,
    sources: { place: place.source, ...picked.sources },
    proxy: proxyOf(input.env),
    warnings: [...plainHttp(place), ...overruledProfile(input, env, profile)],
  };
}

async function flagLevel(input: SettingsInput): Promise<Level> {
  if (input.clientSecretFile === "-" && input.accessTokenFile === "-") {
    throw new UsageError("input", "Standard input can give the client secret or the access token, not both.");
  }
  const [secret, token] = [input.clientSecretFile, input.accessTokenFile];
  return {
    ...entry("region", input.region, "--region"),
    ...entry("clientId", input.clientId, "--client-id"),
    ...(secret === undefined
      ? {}
      : { clientSecret: await secretFrom(secret, "--client-secret-file", input.stdin) }),
    ...(token === undefined
      ? {}
      : { accessToken: await secretFrom(token, "--access-token-file", input.stdin) }),
  };
}

function envLevel(env: SettingsInput["env"]): Level {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const gateway = envGateway(read);
  const named = (key: keyof Level, name: string): Level => entry(key, read(name), name);
  return {
    ...named("region", "GENESYSCLOUD_REGION"),
    ...named("clientId", "GENESYSCLOUD_OAUTHCLIENT_ID"),
    ...named("clientSecret", "GENESYSCLOUD_OAUTHCLIENT_SECRET"),
    ...named("accessToken", "GENESYSCLOUD_ACCESS_TOKEN"),
    ...(gateway ? { gateway: { value: gateway, source: "GENESYSCLOUD_GATEWAY_HOST" } } : {}),
  };
}

function profileLevel(profile: Profile | undefined): Level {
  if (profile === undefined) return {};
  const source = `profile ${profile.name} of ${PROFILE_FILE}`;
  return {
    ...entry("region", profile.region, source),
    ...entry("clientId", profile.clientId, source),
    ...entry("clientSecret", profile.clientSecret, source),
    ...entry("accessToken", profile.accessToken, source),
    ...(profile.gateway ? { gateway: { value: profile.gateway, source } } : {}),
  };
}

function entry(key: keyof Level, value: string | undefined, source: string): Level {
  return value === undefined ? {} : { [key]: { value, source } };
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

/** What there is of settings that are not complete, in words; of a secret, only that it is there. */
function foundIn(levels: readonly Level[]): string[] {
  const first = <Key extends keyof Level>(key: Key): Level[Key] | undefined =>
    levels.find((level) => level[key])?.[key];
  const [gateway, region, id] = [first("gateway"), first("region"), first("clientId")];
  const [secret, token] = [first("clientSecret"), first("accessToken")];
  return [
    ...(gateway ? [`gateway ${gateway.value.host ?? ""} (from ${gateway.source})`] : []),
    ...(region ? [`region ${region.value} (from ${region.source})`] : []),
    ...(id ? [`client id ${id.value} (from ${id.source})`] : []),
    ...(secret ? [`client secret set (from ${secret.source})`] : []),
    ...(token ? [`access token set (from ${token.source})`] : []),
  ];
}

/** More than any secret or token is long. */
const MAX_SECRET = 64 * 1024;

async function secretFrom(file: string, flag: string, stdin: SettingsInput["stdin"]): Promise<Found> {
  const source = file === "-" ? `${flag} (standard input)` : `${flag} ${file}`;
  const text = (file === "-" ? await readAll(stdin) : await readSecretFile(file, flag))
    .replace(/^\uFEFF/, "")
    .trim();
  if (text === "" || text.length > MAX_SECRET || /\s/.test(text)) {
    const why = text === "" ? "is empty" : "holds more than one word";
    throw new UsageError("input", `What ${source} gives ${why}.`, {
      hint: "It must hold the secret and nothing else.",
    });
  }
  return { value: text, source };
}

async function readSecretFile(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "it is not there" : messageOf(error);
    throw new UsageError("input", `Cannot read ${file} (from ${flag}): ${why}.`, { cause: error });
  }
}

async function readAll(stdin: SettingsInput["stdin"]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin ?? []) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_SECRET) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function registerSecrets(credentials: ClientCredentials | AccessToken): void {
  secrets.add(credentials.kind === "token" ? credentials.accessToken : credentials.clientSecret);
}

/** Lower case first, as curl and undici read them. */
function proxyOf(env: SettingsInput["env"]): ProxySettings {
  const read = (name: string): string => (env[name.toLowerCase()] ?? env[name] ?? "").trim();
  const proxy = { http: read("HTTP_PROXY"), https: read("HTTPS_PROXY"), none: read("NO_PROXY") };
  for (const url of [proxy.http, proxy.https]) {
    if (url === "") continue;
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
      throw new UsageError("input", "HTTP_PROXY or HTTPS_PROXY is set to something that is no proxy's URL.", {
        hint: "It must look like http://proxy.example.com:3128; SOCKS proxies are not supported.",
      });
    }
    secrets.add(decodeURIComponent(new URL(url).password));
    secrets.add(new URL(url).password);
  }
  return proxy;
}

function plainHttp({ apiBase, source }: { apiBase: string; source: string }): string[] {
  return apiBase.startsWith("http:") && !isLoopback(apiBase)
    ? [`The gateway ${apiBase} (from ${source}) is plain HTTP: whoever is on the way can read the secret.`]
    : [];
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
