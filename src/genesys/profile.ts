import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import * as z from "zod";
import type { ProxyParts } from "../environment/proxies.ts";
import { codeOf, GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import { looksSecret } from "../support/secret-shape.ts";
import { reasonOf } from "../support/system-reason.ts";
import type { Gateway } from "./gateway.ts";
import { parsePathParams } from "./gateway.ts";

/** The settings of a `gc` CLI profile. */
export interface Profile {
  /** As the file spells it. */
  readonly name: string;
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly accessToken?: string | undefined;
  readonly gateway?: Gateway | undefined;
  readonly proxy?: ProxyParts | undefined;
}

/** `~/.gc/config.toml`, as shown in messages. */
export const PROFILE_FILE = "~/.gc/config.toml";

const text = z
  .union([z.string(), z.number(), z.bigint()])
  .transform((value) => String(value).trim() || undefined)
  .optional();

/** `gc` writes more keys than these (`oauth_token_data`, a cached token); they are ignored. */
const ProfileTable = z.looseObject({
  environment: text,
  client_credentials: text,
  client_secret: text,
  access_token: text,
  gateway_protocol: text,
  gateway_host: text,
  gateway_port: text,
  gateway_pathparams: text,
  proxy_protocol: text,
  proxy_host: text,
  proxy_port: text,
  proxy_username: text,
  proxy_password: text,
});

/**
 * Reads a profile of the `gc` CLI; never writes the file. Names are not case-sensitive, because `gc` turns `[DEFAULT]` into
 * `[default]` when it caches a token. A name with dots is a nested table, because `gc` writes the profile `my.org` as
 * `[my.org]`, or a quoted name. Undefined if no profile was requested and the file or its default profile does not exist.
 *
 * @param home the home folder; undefined if there is none
 * @param wanted the profile's name; undefined for DEFAULT
 * @throws {GcUsageError} input, if the requested profile does not exist, or the file cannot be read
 */
export async function readProfile(
  home: string | undefined,
  wanted: string | undefined,
): Promise<Profile | undefined> {
  const content = home === undefined ? undefined : await readIfThere(join(home, ".gc", "config.toml"));
  if (content === undefined) {
    if (wanted === undefined) return undefined;
    const why =
      home === undefined ? "no home folder is set, so there is no ~/.gc" : `${PROFILE_FILE} does not exist`;
    throw new GcUsageError("input", `Cannot use the profile ${shownName(wanted)} (from --profile): ${why}.`, {
      hint:
        home === undefined
          ? "Set HOME, or use the GENESYSCLOUD_* variables."
          : "Run `gc profiles new`, or use the GENESYSCLOUD_* variables.",
    });
  }
  const profiles = profilesIn(parseToml(content));
  for (const { table } of profiles) hideSecrets(table);
  const found = pick(profiles, wanted ?? "DEFAULT");
  if (found !== undefined) return profileOf(found.name, found.table);
  if (wanted === undefined) return undefined;
  const names = profiles.map(({ name }) => shownName(name).replace(/^"|"$/g, ""));
  throw new GcUsageError("input", `No profile ${shownName(wanted)} in ${PROFILE_FILE} (from --profile).`, {
    hint: suggesting(wanted, names, `Profiles found: ${names.slice(0, 20).join(", ") || "none"}.`),
  });
}

interface NamedTable {
  readonly name: string;
  readonly table: Readonly<Record<string, unknown>>;
}

/** Every table with keys of its own, by its dotted name: `[my.org]` and `["my.org"]` are both `my.org`. */
function profilesIn(tables: Readonly<Record<string, unknown>>, above = "", depth = 0): NamedTable[] {
  return Object.entries(tables).flatMap(([key, value]) => {
    if (!isTable(value)) return [];
    const name = `${above}${key}`;
    const isProfile =
      Object.values(value).some((inner) => !isTable(inner)) || Object.keys(value).length === 0;
    const below = depth < MAX_DEPTH ? profilesIn(value, `${name}.`, depth + 1) : [];
    return [...(isProfile ? [{ name, table: value }] : []), ...below];
  });
}

/** No real name has more dots. */
const MAX_DEPTH = 20;

/** Prefers the exact name to one that differs in case. */
function pick(profiles: readonly NamedTable[], wanted: string): NamedTable | undefined {
  const exact = profiles.find(({ name }) => name === wanted);
  if (exact !== undefined) return exact;
  const alike = profiles.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  const others = new Set(alike.map(({ name }) => name));
  if (others.size > 1) {
    throw new GcUsageError("input", `The profile ${shownName(wanted)} is ambiguous in ${PROFILE_FILE}.`, {
      hint: `Name one of them exactly with --profile: ${[...others].map(shownName).join(", ")}.`,
    });
  }
  return alike[0];
}

function shownName(name: string): string {
  return looksSecret(name) ? "[not shown]" : quoted(name);
}

function hideSecrets(table: NamedTable["table"]): void {
  for (const [key, value] of Object.entries(table)) {
    if (!/secret|password|access_token/i.test(key)) continue;
    for (const text of textsIn(value)) secrets.add(text.trim());
  }
}

/** The text of a value, or of all values in a list or table in its place. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isTable(value) ? Object.values(value).flatMap(textsIn) : [String(value)];
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw new GcUsageError("input", `Cannot read ${PROFILE_FILE}: ${reasonOf(error)}.`, {
      hint: "Correct its permissions, or use the GENESYSCLOUD_* variables.",
      cause: error,
    });
  }
}

/** The parser's own message quotes lines that may hold a secret, so only the position is reported. */
function parseToml(content: string): Record<string, unknown> {
  try {
    return parse(content.replace(/^\uFEFF/, ""), { integersAsBigInt: "asNeeded" });
  } catch (error) {
    const place = z.object({ line: z.number(), column: z.number() }).safeParse(error);
    const at = place.success ? ` at line ${place.data.line}, column ${place.data.column}` : "";
    throw new GcUsageError("input", `${PROFILE_FILE} is not valid TOML${at}.`, {
      hint: "Correct the file, or use the GENESYSCLOUD_* variables.",
    });
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function profileOf(name: string, table: unknown): Profile {
  const parsed = ProfileTable.safeParse(table);
  if (!parsed.success) {
    const key = parsed.error.issues[0]?.path.join(".") ?? "";
    throw new GcUsageError(
      "input",
      `Invalid "${key}" in profile ${shownName(name)} of ${PROFILE_FILE}: expected text.`,
      {
        hint: `Put quotes around the value of "${key}" in ${PROFILE_FILE}.`,
      },
    );
  }
  const found = parsed.data;
  return {
    name,
    region: found.environment,
    clientId: found.client_credentials,
    clientSecret: found.client_secret,
    accessToken: found.access_token,
    gateway:
      found.gateway_protocol === undefined
        ? undefined
        : {
            protocol: found.gateway_protocol,
            host: found.gateway_host,
            port: found.gateway_port,
            paths: parsePathParams(found.gateway_pathparams),
          },
    proxy: proxyIn(name, found),
  };
}

/** Like `gc`, which sets a proxy by protocol and host: `gc proxy disable` leaves both empty. */
function proxyIn(name: string, table: z.infer<typeof ProfileTable>): ProxyParts | undefined {
  const { proxy_protocol: protocol, proxy_host: host, proxy_port: port } = table;
  if (host === undefined) {
    if (protocol === undefined) return undefined;
    throw new GcUsageError(
      "input",
      `Profile ${shownName(name)} of ${PROFILE_FILE} has proxy_protocol but no proxy_host.`,
      {
        hint: "Run `gc proxy --file=proxy.json` to set the proxy, or `gc proxy disable` to remove it.",
      },
    );
  }
  return { protocol, host, port, user: table.proxy_username, password: table.proxy_password };
}
