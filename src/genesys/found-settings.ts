import { proxyOf, shownProxy } from "../environment/proxies.ts";
import { type GcUsageError, isGcUsageError } from "../support/errors.ts";
import { shownClientId } from "../support/secret-shape.ts";
import { gatewayBases } from "./gateway.ts";
import { envLevel, flagLevel, type Level, profileLevel } from "./levels.ts";
import { PROFILE_FILE, readProfile } from "./profile.ts";
import { regionDomain } from "./regions.ts";
import { resolveSettings, type Settings, type SettingsInput } from "./settings.ts";

/** A setting as it can be shown to anyone. */
export interface FoundSetting {
  /** Undefined if it is not set. Secrets are only reported as set. */
  readonly value?: string | undefined;
  /** "GENESYSCLOUD_REGION", "profile DEFAULT of ~/.gc/config.toml", "default". */
  readonly source?: string | undefined;
  /** Why a value that is set has no effect. */
  readonly unused?: string | undefined;
  readonly error?: GcUsageError | undefined;
}

export type GenesysSetting = keyof Level | "profile";

/** How a secret is shown. */
export const HIDDEN_VALUE = "set (hidden)";

/** Where each setting can come from, so that an error in one does not hide the others. */
const FLAGS: Readonly<Record<keyof Level, readonly (keyof SettingsInput)[]>> = {
  region: ["region"],
  gateway: [],
  clientId: ["clientId"],
  clientSecret: ["clientSecretFile"],
  accessToken: ["accessTokenFile"],
  proxy: [],
};
const VARIABLES: Readonly<Record<keyof Level, RegExp>> = {
  region: /^GENESYSCLOUD_REGION$/,
  gateway: /^GENESYSCLOUD_GATEWAY_/,
  clientId: /^GENESYSCLOUD_OAUTHCLIENT_ID$/,
  clientSecret: /^GENESYSCLOUD_OAUTHCLIENT_SECRET$/,
  accessToken: /^GENESYSCLOUD_ACCESS_TOKEN$/,
  proxy: /^GENESYSCLOUD_PROXY_/,
};

/**
 * Each setting of the connection to Genesys Cloud, found like `resolveSettings` finds it. An invalid one is returned with its
 * error, and does not hide the others. If `resolveSettings` fails, the error is that of the setting that is missing or wrong.
 *
 * @param input.stdin must be readable twice.
 */
export async function findEachSetting(input: SettingsInput): Promise<Record<GenesysSetting, FoundSetting>> {
  const resolved = await attempt(() => resolveSettings(input));
  const read = await attempt(() => readProfile(input.home, input.profile));
  const profile = profileLevel(read.value, PROFILE_FILE);
  const entries = await Promise.all(
    (Object.keys(FLAGS) as (keyof Level)[]).map(async (key): Promise<[keyof Level, FoundSetting]> => {
      const levels = [
        () => flagLevel({ ...only(input, FLAGS[key]), stdin: input.stdin }),
        () => envLevel(variablesOf(key, input.env)),
        () => profile,
      ];
      return [key, await firstOf(key, levels)];
    }),
  );
  const source = input.profile === undefined ? PROFILE_FILE : "--profile";
  const named = read.error ? { error: read.error } : read.value ? { value: read.value.name, source } : {};
  const ofLevels = Object.fromEntries(entries) as Record<keyof Level, FoundSetting>;
  const found = { ...ofLevels, profile: named };
  if (resolved.value) return withUse(found, resolved.value);
  return withError(found, resolved.error);
}

/** The setting of the first level that has it. */
async function firstOf(
  key: keyof Level,
  levels: readonly (() => Level | Promise<Level>)[],
): Promise<FoundSetting> {
  for (const read of levels) {
    const level = await attempt(async () => read());
    if (level.error) return { error: level.error };
    if (level.value?.[key] === undefined) continue;
    const { source } = level.value[key];
    const shown = await attempt(() => shownIn(key, level.value ?? {}));
    return { value: shown.value, source, error: shown.error };
  }
  return {};
}

/** @throws {GcUsageError} input, if it is invalid. */
function shownIn(key: keyof Level, { region, gateway, clientId, proxy }: Level): string {
  if (key === "region" && region) return regionDomain(region.value, region.source);
  if (key === "gateway" && gateway) return gatewayBases(gateway.value, gateway.source).apiBase;
  if (key === "clientId" && clientId) return shownClientId(clientId.value);
  if (key === "proxy" && proxy)
    return shownProxy(proxyOf(proxy.value, proxy.source)).replace(/ \(from .*/, "");
  return HIDDEN_VALUE;
}

function withUse(
  found: Record<GenesysSetting, FoundSetting>,
  { credentials, domain, sources }: Settings,
): Record<GenesysSetting, FoundSetting> {
  const isToken = credentials.kind === "token";
  const unused = (setting: FoundSetting, why: string): FoundSetting =>
    setting.value === undefined ? setting : { ...setting, unused: why };
  const client = "the access token has precedence";
  return {
    ...found,
    region: domain === undefined ? unused(found.region, "the gateway has precedence") : found.region,
    gateway: domain === undefined ? found.gateway : unused(found.gateway, "the region has precedence"),
    clientId: isToken ? unused(found.clientId, client) : found.clientId,
    clientSecret: isToken
      ? unused(found.clientSecret, client)
      : { ...found.clientSecret, source: sources.clientSecret },
    accessToken: isToken
      ? { ...found.accessToken, source: sources.accessToken }
      : unused(found.accessToken, "the client id and secret have precedence"),
  };
}

/** Without any setting there is nothing to report: a lake can be read without a connection. */
function withError(
  found: Record<GenesysSetting, FoundSetting>,
  error: GcUsageError | undefined,
): Record<GenesysSetting, FoundSetting> {
  const all = Object.values(found);
  const isKnown = all.some((setting) => setting.error?.message === error?.message);
  if (error === undefined || isKnown || all.every(({ value }) => value === undefined)) return found;
  const key =
    error.kind === "input"
      ? "region"
      : found.clientId.value === undefined
        ? "clientId"
        : found.accessToken.value === undefined || found.clientSecret.value !== undefined
          ? "clientSecret"
          : "accessToken";
  return { ...found, [key]: { ...found[key], error } };
}

function variablesOf(key: keyof Level, env: SettingsInput["env"]): SettingsInput["env"] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => VARIABLES[key].test(name)));
}

function only(input: SettingsInput, keys: readonly (keyof SettingsInput)[]): Partial<SettingsInput> {
  return Object.fromEntries(keys.map((key) => [key, input[key]]));
}

/** The value, or the error of an expected failure. */
export async function attempt<T>(
  task: () => T | Promise<T>,
): Promise<{ readonly value?: T; readonly error?: GcUsageError }> {
  try {
    return { value: await task() };
  } catch (error) {
    if (isGcUsageError(error) && error.kind !== "interrupted") return { error };
    throw error;
  }
}
