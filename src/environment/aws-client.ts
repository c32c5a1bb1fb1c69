import { readFile } from "node:fs/promises";
import type { AwsOptions } from "../support/aws.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { looksSecret } from "../support/secret-shape.ts";
import { reasonOf } from "../support/system-reason.ts";
import {
  type AwsIdentity,
  type AwsKeys,
  awsIdentity,
  type Env,
  first,
  hideCredentials,
  type Named,
  type ProfileSettings,
  profileSettings,
  REGION_FLAG,
} from "./aws-identity.ts";
import { mfaCodeFor, sharedRole, signInError } from "./aws-sign-in.ts";
import { homeFolder } from "./home.ts";
import { environmentProxies } from "./proxies.ts";

/**
 * The configuration of every AWS SDK client: region, identity, transport.
 *
 * @throws {GcUsageError} input, for an invalid region or address, with the flag or variable it comes from; credentials, if half
 *   of a key is missing or the requested profile does not exist.
 */
export async function awsClientConfig(options: AwsOptions, env: Env) {
  const region = awsRegion(options.region, env)?.value;
  checkAddresses(options.endpointUrl, env);
  const identity = awsIdentity(options.profile, env);
  const settings = await profileSettings(identity);
  const { AwsTransport } = await import("./aws-transport.ts");
  const bundle = caBundle(settings["ca_bundle"], env);
  const requestHandler = new AwsTransport(environmentProxies(env), () => readBundle(bundle, env));
  return {
    ...(region === undefined ? {} : { region }),
    ...(identity.profile === undefined ? {} : { profile: identity.profile.value }),
    ...(options.endpointUrl ? { endpoint: options.endpointUrl } : {}),
    credentials: await credentialsOf(identity, settings, requestHandler, env),
    requestHandler,
    customUserAgent: "gc-usage",
    // The user's own setting wins. The SDK's default of three attempts is used up quickly if an account is busy.
    ...(env["AWS_MAX_ATTEMPTS"] ? {} : { maxAttempts: 6 }),
  };
}

/**
 * The SDK's own providers, in the AWS CLI's order and with our transport for the clients that they create for STS and SSO.
 * The CLI tries a role to assume, then a web identity, then IAM Identity Center, then keys. The SDK's chain instead takes a
 * profile's keys before its other settings, and any profile before a web identity from the environment.
 */
async function credentialsOf(
  identity: AwsIdentity,
  settings: ProfileSettings,
  requestHandler: object,
  env: Env,
) {
  const { keys, profile } = identity;
  if (keys !== undefined) return hideCredentials(keys);
  const name = profile?.value ?? "default";
  const mfaCodeProvider = mfaCodeFor(identity);
  const common = { profile: name, logger: SILENT, clientConfig: { requestHandler }, mfaCodeProvider };
  const provider = (await earlierInCli(identity, settings, env, common)) ?? (await chain(common));
  return async (properties?: Parameters<typeof provider>[0]) => {
    const provide = (): Promise<AwsKeys> => provider(properties);
    try {
      return hideCredentials(await (settings.role_arn ? sharedRole(name, env, provide) : provide()));
    } catch (error) {
      throw signInError(error, identity, settings);
    }
  };
}

interface Common {
  readonly profile: string;
  readonly logger: typeof SILENT;
  readonly clientConfig: { readonly requestHandler: object };
  readonly mfaCodeProvider: (serial: string) => Promise<string>;
}

async function earlierInCli({ profile }: AwsIdentity, settings: ProfileSettings, env: Env, common: Common) {
  const { role_arn: role, web_identity_token_file: tokenFile } = settings;
  if (role && !tokenFile) return undefined;
  const isFromEnvironment =
    !profile?.source.startsWith("--") && env["AWS_WEB_IDENTITY_TOKEN_FILE"] && env["AWS_ROLE_ARN"];
  if (isFromEnvironment || (role && tokenFile)) {
    const { fromTokenFile } = await import("@aws-sdk/credential-provider-web-identity");
    const ofProfile = { webIdentityTokenFile: tokenFile ?? "", roleArn: role ?? "" };
    const session = settings["role_session_name"];
    return fromTokenFile({
      ...common,
      ...(isFromEnvironment ? {} : { ...ofProfile, ...(session ? { roleSessionName: session } : {}) }),
    });
  }
  if (!settings["sso_account_id"] || !settings["sso_role_name"]) return undefined;
  const { fromSSO } = await import("@aws-sdk/credential-provider-sso");
  return fromSSO(common);
}

async function chain(common: Common) {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  // Naming a profile keeps the chain away from the keys in the environment, which have already been considered.
  return defaultProvider(common);
}

/** The SDK would print a long warning if a profile and keys are both set. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * The region and its source; undefined if only the profile or the machine has one. The AWS CLI 1 reads only
 * AWS_DEFAULT_REGION, while the CLI 2 and the SDKs prefer AWS_REGION: people have either.
 */
export function awsRegion(flag: string | undefined, env: Env): Named | undefined {
  const named = flag
    ? { value: flag, source: "--region" }
    : first(env, [REGION_FLAG, "AWS_REGION", "AWS_DEFAULT_REGION"]);
  if (named === undefined || /^[a-z0-9-]{1,40}$/.test(named.value)) return named;
  throw new GcUsageError("input", `Invalid AWS region in ${named.source}${shownIfPlain(named.value)}.`, {
    hint: "Expected a region such as eu-central-1.",
  });
}

const ADDRESSES = ["", "_ATHENA", "_CLOUDFORMATION", "_GLUE", "_S3", "_STS", "_SSO", "_SSO_OIDC"].map(
  (of) => `AWS_ENDPOINT_URL${of}`,
);

function checkAddresses(endpointUrl: string | undefined, env: Env): void {
  const given = endpointUrl
    ? [["--endpoint-url", endpointUrl] as const]
    : ADDRESSES.map((name) => [name, env[name]] as const);
  for (const [from, address] of given) {
    if (!address || (/^https?:\/\//.test(address) && URL.canParse(address))) continue;
    throw new GcUsageError("input", `Invalid URL in ${from}${shownIfPlain(address)}.`, {
      hint: "Expected a URL with a scheme, for example http://127.0.0.1:5000.",
    });
  }
}

function shownIfPlain(value: string): string {
  return looksSecret(value) || value.includes("@") ? "" : `: ${quoted(value)}`;
}

/**
 * The certificates that AWS calls trust instead of Node's: AWS_CA_BUNDLE, the profile's `ca_bundle`, REQUESTS_CA_BUNDLE, in
 * the AWS CLI's order.
 */
export function caBundle(ofProfile: string | undefined, env: Env): Named | undefined {
  return (
    first(env, ["AWS_CA_BUNDLE"]) ??
    (ofProfile
      ? { value: ofProfile, source: "ca_bundle of the AWS profile" }
      : first(env, ["REQUESTS_CA_BUNDLE"]))
  );
}

async function readBundle(bundle: Named | undefined, env: Env): Promise<Buffer | undefined> {
  if (bundle === undefined) return undefined;
  const file = bundle.value.replace(/^~(?=\/)/, homeFolder(env) ?? "~");
  try {
    return await readFile(file);
  } catch (error) {
    throw new GcUsageError(
      "input",
      `Cannot read the CA bundle ${file} (from ${bundle.source}): ${reasonOf(error)}.`,
      {
        hint: `Set ${bundle.source} to a file with PEM certificates, or unset it.`,
        cause: error,
      },
    );
  }
}
