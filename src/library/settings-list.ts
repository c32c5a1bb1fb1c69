import { tmpdir } from "node:os";
import { DEFAULT_USD_PER_TB } from "../engine/athena/cost.ts";
import { awsRegion, caBundle } from "../environment/aws-client.ts";
import { awsIdentity, PROFILE_FLAG, REGION_FLAG, shownAccessKey } from "../environment/aws-identity.ts";
import { homeFolder } from "../environment/home.ts";
import { environmentProxies, shownProxy } from "../environment/proxies.ts";
import { ENCRYPTION_VARIABLE, OWNER_VARIABLE, s3Demands } from "../environment/s3-demands.ts";
import {
  attempt,
  type FoundSetting,
  findEachSetting,
  type GenesysSetting,
  HIDDEN_VALUE,
} from "../genesys/found-settings.ts";
import { cacheRoot } from "../lake/mirror/cache-folder.ts";
import { lakeUri } from "../lake/open.ts";
import { didYouMean } from "../support/nearest.ts";
import { athenaPrice } from "./athena-price.ts";
import { sizeIn } from "./engines.ts";
import { ownFolder } from "./own-folder.ts";
import type { Connection, Variables } from "./settings.ts";
import { labelsFile } from "./shown-names.ts";

/** What the command line and the environment set. */
export interface SettingsSources {
  readonly env: Variables;
  readonly options: Connection & {
    readonly lake?: string | undefined;
    readonly labels?: string | undefined;
    readonly questions?: string | undefined;
  };
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

/** A setting of the program: for `gc-usage config`, and for the reference. */
export interface Setting {
  readonly group: "Genesys Cloud" | "gc-usage" | "AWS" | "machine";
  readonly name: string;
  readonly option?: string;
  readonly variables: readonly string[];
  /** A phrase without a period. */
  readonly meaning: string;
  readonly fallback?: string;
  /** Finds the value as the commands do. */
  readonly find: (sources: SettingsSources, genesys: Genesys) => FoundSetting | Promise<FoundSetting>;
}

type Genesys = Readonly<Record<GenesysSetting, FoundSetting>>;

const ofGenesys =
  (key: GenesysSetting): Setting["find"] =>
  (_sources, genesys) =>
    genesys[key];

/** The option if it is set, else the first variable that is, else the default. */
function sourceOf(
  option: string | undefined,
  flag: string,
  variables: readonly string[],
  env: Variables,
): string {
  return option === undefined ? (variables.find((name) => env[name]) ?? "default") : flag;
}

/** Every setting. docs/cli.md is generated from this list, and `gc-usage config` prints it. */
export const SETTINGS: readonly Setting[] = [
  {
    group: "Genesys Cloud",
    name: "region",
    option: "--region",
    variables: ["GENESYSCLOUD_REGION"],
    meaning: "region, as an AWS region name or a domain",
    find: ofGenesys("region"),
  },
  {
    group: "Genesys Cloud",
    name: "client id",
    option: "--client-id",
    variables: ["GENESYSCLOUD_OAUTHCLIENT_ID"],
    meaning: "OAuth client id",
    find: ofGenesys("clientId"),
  },
  {
    group: "Genesys Cloud",
    name: "client secret",
    option: "--client-secret-file",
    variables: ["GENESYSCLOUD_OAUTHCLIENT_SECRET"],
    meaning: "OAuth client secret",
    find: ofGenesys("clientSecret"),
  },
  {
    group: "Genesys Cloud",
    name: "access token",
    option: "--access-token-file",
    variables: ["GENESYSCLOUD_ACCESS_TOKEN"],
    meaning: "access token instead of a client",
    find: ofGenesys("accessToken"),
  },
  {
    group: "Genesys Cloud",
    name: "profile",
    option: "--profile",
    variables: [],
    meaning: "profile of the gc CLI for settings that are not set otherwise",
    fallback: "DEFAULT",
    find: ofGenesys("profile"),
  },
  {
    group: "Genesys Cloud",
    name: "gateway",
    variables: ["HOST", "PORT", "PROTOCOL", "PATH_NAME", "PATH_VALUE"].map(
      (part) => `GENESYSCLOUD_GATEWAY_${part}`,
    ),
    meaning: "API gateway that all calls go through",
    find: ofGenesys("gateway"),
  },
  {
    group: "Genesys Cloud",
    name: "proxy",
    variables: ["HOST", "PORT", "PROTOCOL", "AUTH_USERNAME", "AUTH_PASSWORD"].map(
      (part) => `GENESYSCLOUD_PROXY_${part}`,
    ),
    meaning: "proxy for calls to Genesys Cloud only",
    find: ofGenesys("proxy"),
  },
  {
    group: "gc-usage",
    name: "lake",
    option: "--lake",
    variables: ["GC_USAGE_LAKE"],
    meaning: "lake, as a folder or s3://bucket/prefix",
    fallback: "./usage-lake",
    find: ({ options: { lake }, env }) => ({
      value: lakeUri(lake, env),
      source: sourceOf(lake, "--lake", ["GC_USAGE_LAKE"], env),
    }),
  },
  {
    group: "gc-usage",
    name: "labels",
    option: "--labels",
    variables: ["GC_USAGE_LABELS"],
    meaning: "CSV file of labels and owners",
    fallback: "labels.csv in the lake",
    find: ({ options: { labels }, env }) => {
      const file = labelsFile(labels, env);
      return file ? { value: file.path, source: file.from } : {};
    },
  },
  {
    group: "gc-usage",
    name: "questions",
    option: "--questions",
    variables: ["GC_USAGE_QUESTIONS"],
    meaning: "folder of your own questions",
    find: ({ options: { questions }, env }) => {
      const folder = ownFolder(questions, env);
      return folder ? { value: folder.path, source: folder.from } : {};
    },
  },
  {
    group: "gc-usage",
    name: "webhook",
    option: "--webhook",
    variables: ["GC_USAGE_WEBHOOK"],
    meaning: "address that `check` sends its news to",
    find: ({ env }) => hidden(["GC_USAGE_WEBHOOK"], env),
  },
  {
    group: "gc-usage",
    name: "webhook secret",
    variables: ["GC_USAGE_WEBHOOK_SECRET"],
    meaning: "key that signs these messages",
    find: ({ env }) => hidden(["GC_USAGE_WEBHOOK_SECRET"], env),
  },
  {
    group: "gc-usage",
    name: "read-only token",
    option: "--read-only-token",
    variables: ["GC_USAGE_READ_ONLY_TOKEN"],
    meaning: "token of the link for wall displays that `serve` prints",
    find: ({ env }) => hidden(["GC_USAGE_READ_ONLY_TOKEN"], env),
  },
  {
    group: "gc-usage",
    name: "cache",
    variables: ["GC_USAGE_CACHE", "XDG_CACHE_HOME"],
    meaning: "folder for the mirrors of lakes on S3, and for costs recorded on this machine",
    fallback: "~/.cache/gc-usage",
    find: ({ env }) => ({
      value: cacheRoot(env),
      source: sourceOf(undefined, "", ["GC_USAGE_CACHE", "XDG_CACHE_HOME"], env),
    }),
  },
  {
    group: "gc-usage",
    name: "memory limit",
    variables: ["GC_USAGE_MEMORY_LIMIT"],
    meaning: "memory of SQL on DuckDB, for example 8GB",
    fallback: "half of the memory, at most 4 GB",
    find: limit("GC_USAGE_MEMORY_LIMIT"),
  },
  {
    group: "gc-usage",
    name: "spill limit",
    variables: ["GC_USAGE_SPILL_LIMIT"],
    meaning: "disk space of SQL on DuckDB",
    fallback: "10 GB",
    find: limit("GC_USAGE_SPILL_LIMIT"),
  },
  {
    group: "gc-usage",
    name: "Athena price",
    variables: ["GC_USAGE_ATHENA_USD_PER_TB"],
    meaning: "US dollars per terabyte scanned, for cost estimates",
    fallback: String(DEFAULT_USD_PER_TB),
    find: ({ env }) => ({
      value: String(athenaPrice(env).usdPerTb),
      source: sourceOf(undefined, "", ["GC_USAGE_ATHENA_USD_PER_TB"], env),
    }),
  },
  {
    group: "AWS",
    name: "access key",
    variables: ["AWS_ACCESS_KEY_ID"],
    meaning: "access key, which has precedence over a profile",
    find: ({ env }) => {
      const { keys } = awsIdentity(undefined, env);
      return keys ? { value: shownAccessKey(keys.accessKeyId), source: "AWS_ACCESS_KEY_ID" } : {};
    },
  },
  {
    group: "AWS",
    name: "secret key",
    variables: ["AWS_SECRET_ACCESS_KEY"],
    meaning: "secret of the access key",
    find: ({ env }) => hidden(["AWS_SECRET_ACCESS_KEY"], env),
  },
  {
    group: "AWS",
    name: "session token",
    variables: ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"],
    meaning: "session token of the access key",
    find: ({ env }) => hidden(["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"], env),
  },
  {
    group: "AWS",
    name: "profile",
    option: PROFILE_FLAG,
    variables: ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"],
    meaning: "profile in ~/.aws",
    fallback: "default",
    find: ({ env }) => {
      // Incomplete keys are reported with the access key.
      const { profile } = awsIdentity(undefined, { ...env, AWS_ACCESS_KEY_ID: undefined });
      return profile ?? { value: "default", source: "default" };
    },
  },
  {
    group: "AWS",
    name: "region",
    option: REGION_FLAG,
    variables: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    meaning: "AWS region",
    fallback: "the profile's",
    find: ({ env }) => awsRegion(undefined, env) ?? {},
  },
  {
    group: "AWS",
    name: "certificates",
    variables: ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"],
    meaning: "certificates that AWS calls trust instead of Node's",
    find: ({ env }) => caBundle(undefined, env) ?? {},
  },
  {
    group: "AWS",
    name: "bucket owner",
    variables: [OWNER_VARIABLE],
    meaning: "account that must own the lake's bucket; S3 denies every call otherwise",
    fallback: "the stack's account, for a bucket that it created",
    find: ({ env }) => {
      const { owner } = s3Demands({ [OWNER_VARIABLE]: env[OWNER_VARIABLE] });
      return owner === undefined ? {} : { value: owner, source: OWNER_VARIABLE };
    },
  },
  {
    group: "AWS",
    name: "encryption",
    variables: [ENCRYPTION_VARIABLE],
    meaning: "encryption header of every write to S3: AES256, aws:kms, or a KMS key",
    fallback: "the stack's KmsKeyArn, else the bucket's default",
    find: ({ env }) => {
      const { encryption } = s3Demands({ [ENCRYPTION_VARIABLE]: env[ENCRYPTION_VARIABLE] });
      return encryption === undefined ? {} : { value: encryption, source: ENCRYPTION_VARIABLE };
    },
  },
  {
    group: "machine",
    name: "https proxy",
    variables: ["https_proxy", "all_proxy"],
    meaning: "proxy for https addresses; upper case also counts",
    find: ({ env }) => proxyFor("https://example.com", env),
  },
  {
    group: "machine",
    name: "http proxy",
    variables: ["http_proxy", "all_proxy"],
    meaning: "proxy for http addresses; upper case also counts",
    find: ({ env }) => proxyFor("http://example.com", env),
  },
  {
    group: "machine",
    name: "no proxy",
    variables: ["no_proxy", "NO_PROXY"],
    meaning: "hosts that are called directly",
    find: ({ env }) => plain(["no_proxy", "NO_PROXY"], env),
  },
  {
    group: "machine",
    name: "certificates",
    variables: ["NODE_EXTRA_CA_CERTS"],
    meaning: "certificates that all calls trust in addition",
    find: ({ env }) => plain(["NODE_EXTRA_CA_CERTS"], env),
  },
  {
    group: "machine",
    name: "temporary folder",
    variables: ["TMPDIR", "TMP", "TEMP"],
    meaning: "folder for temporary files",
    fallback: "the system's",
    find: ({ env }) => ({ value: tmpdir(), source: sourceOf(undefined, "", ["TMPDIR", "TMP", "TEMP"], env) }),
  },
  {
    group: "machine",
    name: "colors",
    variables: ["NO_COLOR", "FORCE_COLOR"],
    meaning: "colors off, or on",
    fallback: "on a terminal",
    find: ({ env }) => plain(["NO_COLOR", "FORCE_COLOR"], env),
  },
];

function limit(name: string): Setting["find"] {
  return ({ env }) => {
    const bytes = sizeIn(env, name);
    return bytes === undefined ? {} : { value: `${env[name]} (${bytes} bytes)`, source: name };
  };
}

function plain(variables: readonly string[], env: Variables): FoundSetting {
  const name = variables.find((variable) => env[variable]);
  return name === undefined ? {} : { value: env[name], source: name };
}

function hidden(variables: readonly string[], env: Variables): FoundSetting {
  const found = plain(variables, env);
  return found.value === undefined ? found : { ...found, value: HIDDEN_VALUE };
}

function proxyFor(url: string, env: Variables): FoundSetting {
  // The rules for single hosts do not matter here.
  const { proxy } = environmentProxies({ ...env, no_proxy: "", NO_PROXY: "" }).routeTo(new URL(url));
  return proxy ? { value: shownProxy(proxy).replace(/ \(from .*/, ""), source: proxy.source } : {};
}

export interface ListedSetting extends FoundSetting {
  readonly setting: Setting;
}

/** All settings with their values. An invalid one is listed with its error. */
export async function listSettings(sources: SettingsSources): Promise<ListedSetting[]> {
  const { options, env, stdin } = sources;
  const genesys = await findEachSetting({ ...options, env, home: homeFolder(env), stdin });
  const listed: ListedSetting[] = [];
  for (const setting of SETTINGS) {
    const found = await attempt(() => setting.find(sources, genesys));
    listed.push({ setting, ...(found.value ?? { error: found.error }) });
  }
  return listed;
}

/** Variables that look like settings of this program, but are none: misspelled names, with the nearest known ones. */
export function unknownVariables(env: Variables): { name: string; hint: string | undefined }[] {
  const known = SETTINGS.flatMap(({ variables }) => variables);
  return Object.keys(env)
    .filter((name) => name.startsWith("GC_USAGE_") && !known.includes(name))
    .sort()
    .map((name) => ({ name, hint: didYouMean(name, known) }));
}

/** The names of all variables that the program reads. */
export function settingVariables(): string[] {
  return [...new Set(SETTINGS.flatMap(({ variables }) => variables))];
}
