import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { codeOf, messageOf, UsageError } from "../support/errors.ts";
import { shown } from "../support/shown.ts";
import type { Gateway } from "./gateway.ts";
import { parsePathParams } from "./gateway.ts";

/** What a profile of the `gc` CLI says of where to call and as whom. */
export interface Profile {
  /** As the file spells it. */
  readonly name: string;
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly accessToken?: string | undefined;
  readonly gateway?: Gateway | undefined;
}

/** `~/.gc/config.toml`, as people and messages call it. */
export const PROFILE_FILE = "~/.gc/config.toml";

const text = z
  .union([z.string(), z.number(), z.bigint()])
  .transform((value) => String(value).trim() || undefined)
  .optional();

/** `gc` writes more keys than these (`oauth_token_data`, a cached token); they are not looked at. */
const ProfileTable = z.looseObject({
  environment: text,
  client_credentials: text,
  client_secret: text,
  access_token: text,
  gateway_protocol: text,
  gateway_host: text,
  gateway_port: text,
  gateway_pathparams: text,
});

/**
 * Reads a profile of the `gc` CLI; the file is never written. Names match without regard to case, since `gc` turns
 * `[DEFAULT]` into `[default]` when it caches a token. Undefined where no profile is named and there is no
 * file, or no default profile in it.
 *
 * @param wanted the profile's name; undefined for DEFAULT
 * @throws UsageError "input" where the named profile is not there, or the file cannot be read
 */
export async function readProfile(home: string, wanted: string | undefined): Promise<Profile | undefined> {
  const content = await readIfThere(join(home, ".gc", "config.toml"));
  if (content === undefined) {
    if (wanted === undefined) return undefined;
    throw new UsageError("input", `There is no profile ${shown(wanted)}: ${PROFILE_FILE} is not there.`, {
      hint: "Make one with `gc profiles new`, or use the GENESYSCLOUD_* variables.",
    });
  }
  const tables = Object.entries(parseToml(content)).filter(([, value]) => isTable(value));
  const name = wanted ?? "DEFAULT";
  const found =
    tables.find(([key]) => key === name) ?? tables.find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (found === undefined) {
    if (wanted === undefined) return undefined;
    const names =
      tables
        .map(([key]) => shown(key).slice(1, -1))
        .slice(0, 20)
        .join(", ") || "none";
    throw new UsageError("input", `There is no profile ${shown(wanted)} in ${PROFILE_FILE}.`, {
      hint: `The profiles there: ${names}.`,
    });
  }
  return profileOf(found[0], found[1]);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw new UsageError("input", `Cannot read ${PROFILE_FILE}: ${messageOf(error)}.`, { cause: error });
  }
}

/** The parser's own message quotes the lines around the error, which may hold the secret: only the place is told. */
function parseToml(content: string): Record<string, unknown> {
  try {
    return parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    const place = z.object({ line: z.number(), column: z.number() }).safeParse(error);
    const at = place.success ? ` at line ${place.data.line}, column ${place.data.column}` : "";
    throw new UsageError("input", `${PROFILE_FILE} is no valid TOML${at}.`, {
      hint: "Correct the file, or use the GENESYSCLOUD_* variables.",
    });
  }
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function profileOf(name: string, table: unknown): Profile {
  const parsed = ProfileTable.safeParse(table);
  if (!parsed.success) {
    const key = parsed.error.issues[0]?.path.join(".") ?? "";
    throw new UsageError("input", `Profile ${shown(name)} in ${PROFILE_FILE}: "${key}" is no text.`);
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
  };
}
