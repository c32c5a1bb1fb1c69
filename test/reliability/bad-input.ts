import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readProfile } from "../../src/genesys/profile.ts";
import { checkId } from "../../src/genesys/services.ts";
import { resolveSettings } from "../../src/genesys/settings.ts";
import { GcUsageError } from "../../src/support/errors.ts";
import { type Day, tryDay } from "../../src/usage/day.ts";
import { parseGrouping, tryGrouping } from "../../src/usage/grouping.ts";
import { parseInterval } from "../../src/usage/interval.ts";
import { parseQuery, queryBody } from "../../src/usage/query.ts";
import { SERVICES } from "../../src/usage/service.ts";
import { parseSlicePath, slicePath } from "../../src/usage/slice.ts";
import { faultOf } from "./judge.ts";
import { damaged } from "./mutate.ts";
import type { Chance } from "./size.ts";

/** One case of bad input: what was given, and what is wrong with the result. */
export interface Tried {
  readonly input: Uint8Array | string;
  readonly fault: string | undefined;
}

const QUERIES = [
  {
    interval: "2026-10-01/2026-10-31",
    granularity: "Day",
    groupBy: ["OAuthClientId", "TemplateUri", "HttpMethod"],
    metrics: ["Status200", "Requests"],
  },
  {
    interval: "2026-10-01T00:00:00Z/2026-10-31T23:59:59Z",
    granularity: "Month",
    groupBy: ["OauthClientId"],
    sortBy: [{ fieldName: "date", order: "Desc" }],
    oauthClientIds: ["a"],
    httpMethods: ["GET"],
  },
].map((query) => Buffer.from(JSON.stringify(query)));

export function damagedQuery(chance: Chance): Buffer {
  return damaged(chance.pick(QUERIES), chance);
}

/** A query file: an accepted one can be sent again by us, and keeps its meaning. */
export function tryQuery(chance: Chance): Tried {
  const input = damagedQuery(chance);
  const service = chance.pick(SERVICES);
  let value: unknown;
  try {
    value = JSON.parse(input.toString()) as unknown;
  } catch {
    return { input, fault: undefined };
  }
  try {
    const query = parseQuery(value, service);
    JSON.stringify(value);
    const again = parseQuery(queryBody(service, query), service);
    const same = JSON.stringify({ ...again, filtered: query.filtered }) === JSON.stringify(query);
    return { input, fault: same ? undefined : "a query that is written out means another" };
  } catch (error) {
    return { input, fault: faultOf(error, ["input"]) };
  }
}

const INTERVALS = [
  "2026-10-01/2026-10-31",
  "2021-01/2021-02",
  "2026-01-01T00:00:00/2026-01-31T23:59:59",
  "2026-10-01T00:00:00.000Z/2026-10-31T23:59:59.999+14:00",
  "2024-02-29/2025-02-28",
].map((text) => Buffer.from(text));
const DIGITS = "0123456789-+:TZ/ .\u0660\n";

export function tryInterval(chance: Chance): Tried {
  let text = chance.pick(INTERVALS).toString();
  for (let changes = 1 + chance.below(3); changes > 0; changes--) {
    const at = chance.below(text.length);
    text = text.slice(0, at) + DIGITS.charAt(chance.below(DIGITS.length)) + text.slice(at + chance.below(2));
  }
  const input = chance.below(10) === 0 ? damaged(Buffer.from(text), chance).toString() : text;
  try {
    const { start, end } = parseInterval(input);
    const sound = tryDay(start) !== undefined && tryDay(end) !== undefined && start <= end;
    return { input, fault: sound ? undefined : `taken as ${start}/${end}` };
  } catch (error) {
    return { input, fault: faultOf(error, ["input"]) };
  }
}

export const SECRET = "S3cr3t-of-the-profile/+=";
const CONFIG = Buffer.from(`[DEFAULT]
environment = "mypurecloud.ie"
grant_type = "client_credentials"
client_credentials = "0b5ed2f0-0000-4000-8000-000000000001"
client_secret = "${SECRET}"

[gateway]
environment = "us-east-1"
client_credentials = "x"
client_secret = '${SECRET}'
gateway_protocol = "https"
gateway_host = "gateway.example.com"
gateway_port = 8443
gateway_pathparams = "{login: /login, api: api}"
`);

export function damagedConfig(chance: Chance): Buffer {
  return chance.below(3) === 0 ? withTomlValue(chance) : damaged(CONFIG, chance);
}

/** The profiles of gc: an error in the file is reported without its secret. */
export async function tryConfig(home: string, chance: Chance): Promise<Tried> {
  const input = damagedConfig(chance);
  await mkdir(join(home, ".gc"), { recursive: true });
  await writeFile(join(home, ".gc", "config.toml"), input);
  const profile = chance.pick([undefined, "gateway", "none"]);
  try {
    await readProfile(home, profile);
    await resolveSettings({ env: {}, home, profile });
    return { input, fault: undefined };
  } catch (error) {
    const shown = error instanceof GcUsageError ? `${error.message} ${error.hint}` : "";
    const leaked = shown.includes("S3cr3t") ? `the secret is shown: ${shown}` : undefined;
    return { input, fault: leaked ?? faultOf(error, ["input", "credentials"]) };
  }
}

const TOML_VALUES = [
  "1979-05-27",
  "[1,2]",
  "{a=1}",
  "true",
  "1e9",
  "nan",
  '"""\na\n"""',
  '"\\u0000"',
  '""',
  "99999999999999999999",
  '"a b"',
  '"http://x/y?z"',
  '"\u202e"',
  `"${"x".repeat(5000)}"`,
];

function withTomlValue(chance: Chance): Buffer {
  const lines = CONFIG.toString().split("\n");
  const places = lines.flatMap((line, i) => (line.includes("=") ? [i] : []));
  const at = chance.pick(places);
  lines[at] = `${lines[at]?.split("=")[0]}= ${chance.pick(TOML_VALUES)}`;
  return Buffer.from(lines.join("\n"));
}

const PARTS = [
  "..",
  ".",
  "/",
  "\\",
  "\0",
  "a",
  "usage",
  "~",
  "%2e%2e%2f",
  "C:",
  "\n",
  "date=2026-11-01",
  "granularity=day",
  "jobs.client",
  ".parquet",
  "-",
  "\u202e",
  "x".repeat(300),
];

/** Names with paths: an id stays a name in its folder, and a slice's path has one spelling and stays in the lake. */
export function tryName(chance: Chance): Tried {
  const input = Array.from({ length: 1 + chance.below(7) }, () => chance.pick(PARTS)).join("");
  try {
    const key = parseSlicePath(input);
    if (key && slicePath(key) !== input)
      return { input, fault: "a slice of a path that is spelled otherwise" };
    const grouping = tryGrouping(input);
    if (grouping !== undefined && /[^a-z-]/.test(grouping))
      return { input, fault: "a grouping that is a path" };
    const date = `2026-11-01${input}` as Day;
    if (input !== "" && tryDay(date) !== undefined) return { input, fault: "a day that is a path" };
  } catch (error) {
    return { input, fault: faultOf(error, []) };
  }
  for (const check of [checkId, parseGrouping]) {
    try {
      check(input);
      if (check === checkId && /[/\\\0\n]|\.\./.test(input)) return { input, fault: "an id that is a path" };
    } catch (error) {
      const fault = faultOf(error, ["input"]);
      if (fault !== undefined) return { input, fault };
    }
  }
  return { input, fault: undefined };
}
