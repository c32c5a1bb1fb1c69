import { access } from "node:fs/promises";
import { awsRegion, caBundle } from "../environment/aws-client.ts";
import {
  type AwsIdentity,
  awsIdentity,
  PROFILE_FLAG,
  profileSettings,
  shownAccessKey,
} from "../environment/aws-identity.ts";
import {
  environmentProxies,
  type ProxyRules,
  shownEnvironmentProxies,
  shownRoute,
} from "../environment/proxies.ts";
import { regionName, type Settings, storeKind } from "../index.ts";
import { serviceUrl } from "../support/aws-partition.ts";
import { codeOf, isGcUsageError } from "../support/errors.ts";
import { shownClientId } from "../support/secret-shape.ts";
import { type Check, ok, problem, warning } from "./checks.ts";

/** The Genesys Cloud settings in effect and where each comes from. For secrets, only that they are set. */
export function* settingsChecks(settings: Settings, env: NodeJS.ProcessEnv): Generator<Check> {
  const { sources, credentials, apiBase, loginBase, domain } = settings;
  const region = domain === undefined ? "gateway" : `region ${regionName(domain) ?? domain}`;
  yield ok("endpoints", `API ${apiBase}, sign-in ${loginBase} (${region}, from ${sources.place})`);
  yield ok(
    "credentials",
    credentials.kind === "token"
      ? `an access token, set (from ${sources.accessToken})`
      : `client id ${shownClientId(credentials.clientId)} (from ${sources.clientId}), secret set (from ${sources.clientSecret})`,
  );
  for (const message of settings.warnings ?? []) yield warning("settings", message);
  if (settings.proxies) {
    const routes = routesText(settings.proxies, [apiBase, loginBase]);
    const unused = shownEnvironmentProxies(env).filter((set) => !routes.includes(set.split(" ")[0] ?? ""));
    yield ok("proxy", unused.length === 0 ? routes : `${routes}; also set: ${unused.join(", ")}`);
  }
}

/** `api.x and login.x through http://proxy:3128 (from HTTPS_PROXY)`, or `none`. */
function routesText(rules: ProxyRules, bases: readonly string[]): string {
  const hosts = new Map<string, string[]>();
  for (const url of new Set(bases.map((base) => new URL(base).origin))) {
    const route = shownRoute(rules.routeTo(new URL(url)));
    hosts.set(route, [...(hosts.get(route) ?? []), new URL(url).host]);
  }
  if ([...hosts.keys()].every((route) => route === "directly")) return "none";
  return [...hosts].map(([route, names]) => `${names.join(" and ")} ${route}`).join("; ");
}

/** Certificate and AWS settings of the environment. Makes no calls. */
export async function machineChecks(env: NodeJS.ProcessEnv): Promise<Check[]> {
  return [...(await certificates(env["NODE_EXTRA_CA_CERTS"])), ...(await aws(env))];
}

async function certificates(file: string | undefined): Promise<Check[]> {
  if (!file) return [];
  try {
    await access(file);
    return [ok("certificates", `Node's own and those in ${file} (from NODE_EXTRA_CA_CERTS)`)];
  } catch (error) {
    const why = codeOf(error) ?? "unknown error";
    const hint = "Node ignores it: set NODE_EXTRA_CA_CERTS to a file of PEM certificates, or unset it.";
    return [warning("certificates", `Cannot read ${file} (from NODE_EXTRA_CA_CERTS): ${why}`, hint)];
  }
}

const AWS_VARIABLES = [
  PROFILE_FLAG,
  "AWS_ACCESS_KEY_ID",
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/** The identity that would sign AWS calls, if the environment configures AWS. */
async function aws(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const isLakeOnS3 = !storeKind(env["GC_USAGE_LAKE"] ?? "").isLocal;
  const isSetUp = AWS_VARIABLES.some((name) => env[name]);
  if (!isLakeOnS3 && !isSetUp) return [];
  try {
    const identity = awsIdentity(undefined, env);
    const settings = await profileSettings(identity);
    const region = awsRegion(undefined, env);
    const ofProfile = settings["region"];
    const bundle = caBundle(settings["ca_bundle"], env);
    const where = region
      ? `region ${region.value} (from ${region.source})`
      : ofProfile
        ? `region ${ofProfile} (from the AWS profile)`
        : "no region";
    const trust = bundle ? `, certificates of ${bundle.value} (from ${bundle.source})` : "";
    const service = new URL(serviceUrl("s3", region?.value ?? ofProfile ?? "us-east-1"));
    const route = shownRoute(environmentProxies(env).routeTo(service));
    const web =
      identity.keys === undefined && env["AWS_WEB_IDENTITY_TOKEN_FILE"] && !settings["role_arn"]
        ? "a web identity (from AWS_WEB_IDENTITY_TOKEN_FILE)"
        : undefined;
    const message = `${web ?? identityText(identity)}, ${where}${trust}, called ${route}`;
    return [ok("aws", message), ...differingRegions(env)];
  } catch (error) {
    // A lake in a folder does not need AWS.
    const found = problem("aws", error);
    return [isLakeOnS3 || !isGcUsageError(error) ? found : { ...found, status: "warning" }];
  }
}

function identityText({ keys, profile }: AwsIdentity): string {
  const named =
    profile === undefined
      ? "the profile default, if there is one"
      : `profile ${profile.value} (from ${profile.source})`;
  if (keys === undefined) return named;
  const before = profile === undefined ? "" : `, which comes before ${named}`;
  return `access key ${shownAccessKey(keys.accessKeyId)} (from AWS_ACCESS_KEY_ID)${before}`;
}

function differingRegions(env: NodeJS.ProcessEnv): Check[] {
  const [sdk, cli] = [env["AWS_REGION"], env["AWS_DEFAULT_REGION"]];
  if (!sdk || !cli || sdk === cli) return [];
  return [
    warning(
      "aws",
      `AWS_REGION (${sdk}) and AWS_DEFAULT_REGION (${cli}) differ: gc-usage and AWS CLI 2 use the first, AWS CLI 1 the second.`,
    ),
  ];
}
