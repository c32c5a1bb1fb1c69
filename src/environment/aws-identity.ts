import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import { looksSecret } from "../support/secret-shape.ts";
import { ensureHome } from "./home.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Settings of AWS from the command line or a caller. They come before the variables. */
export interface AwsFlags {
  /** A profile in ~/.aws/config or ~/.aws/credentials. */
  readonly profile?: string | undefined;
  /** An AWS region, such as eu-central-1. */
  readonly region?: string | undefined;
}

/** The flags are kept with the variables, because they go the same way. No variable can have such a name. */
export const PROFILE_FLAG = "--aws-profile";
export const REGION_FLAG = "--aws-region";

export function withAwsFlags(env: Env, { profile, region }: AwsFlags): Env {
  return {
    ...env,
    ...(profile ? { [PROFILE_FLAG]: profile } : {}),
    ...(region ? { [REGION_FLAG]: region } : {}),
  };
}

/** A setting and its source. */
export interface Named {
  readonly value: string;
  readonly source: string;
}

/**
 * The source of the AWS identity, in the AWS CLI's order:
 * 1. `--aws-profile`, or `--profile` of the `gc-usage aws` commands;
 * 2. AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, even if a variable names a profile (which still provides the region);
 * 3. the profile named by AWS_DEFAULT_PROFILE or AWS_PROFILE, in this order, or else `default`; a web identity from the
 *    environment takes precedence over everything in a profile except a role to assume;
 * 4. the role of the machine (of a container or an instance).
 * An empty variable counts as not set.
 */
export interface AwsIdentity {
  /** Undefined if none is named; then `default` is used if it exists. */
  readonly profile: Named | undefined;
  /** The keys from the environment, if they are used. */
  readonly keys: AwsKeys | undefined;
}

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** @throws {GcUsageError} credentials, if one of the two keys is missing. */
export function awsIdentity(profile: string | undefined, env: Env): AwsIdentity {
  if (profile) return { profile: { value: profile, source: "--profile" }, keys: undefined };
  const flag = first(env, [PROFILE_FLAG]);
  if (flag !== undefined) return { profile: flag, keys: undefined };
  return { profile: first(env, ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"]), keys: keysOf(env) };
}

function keysOf(env: Env): AwsKeys | undefined {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  // A secret without an id is not an identity: the AWS CLI ignores it, too.
  if (!accessKeyId) return undefined;
  if (!secretAccessKey) {
    throw new GcUsageError("credentials", "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not.", {
      hint: "Set both, or unset AWS_ACCESS_KEY_ID and name a profile with AWS_PROFILE.",
    });
  }
  const sessionToken = first(env, ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"])?.value;
  const expiration = new Date(env["AWS_CREDENTIAL_EXPIRATION"] ?? "");
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(Number.isNaN(expiration.getTime()) ? {} : { expiration }),
  };
}

/** The first of the variables that is set and not empty. */
export function first(env: Env, names: readonly string[]): Named | undefined {
  for (const source of names) {
    const value = env[source];
    if (value) return { value, source };
  }
  return undefined;
}

/** The end of an access key id, like in the AWS CLI, if it has the form of one. */
export function shownAccessKey(id: string): string {
  return /^[A-Z0-9]{16,128}$/.test(id) ? `****${id.slice(-4)}` : "set";
}

/** The keys of a profile, in the spelling of the AWS CLI's files. */
export interface ProfileSettings extends Readonly<Record<string, string | undefined>> {
  readonly role_arn?: string | undefined;
  readonly web_identity_token_file?: string | undefined;
}

/**
 * The profile's settings in `~/.aws/config` and `~/.aws/credentials`, or in the files that the environment names.
 *
 * @throws {GcUsageError} credentials, if the requested profile is in neither file.
 */
export async function profileSettings({ profile }: AwsIdentity): Promise<ProfileSettings> {
  ensureHome();
  const { parseKnownFiles } = await import("@smithy/core/config");
  const profiles = (await parseKnownFiles({})) as Readonly<Record<string, ProfileSettings>>;
  const found = profiles[profile?.value ?? "default"];
  if (found !== undefined) await checkNamed(profile?.value ?? "default", profiles);
  if (found !== undefined || profile === undefined) return found ?? {};
  const names = Object.keys(profiles).filter(
    (name) => !looksSecret(name) && !/^(sso-session|services)\b/.test(name),
  );
  const list = names.length === 0 ? "none" : names.slice(0, 20).join(", ");
  throw new GcUsageError(
    "credentials",
    `No AWS profile ${looksSecret(profile.value) ? "with that name" : quoted(profile.value)} (from ${profile.source}).`,
    {
      hint: `Profiles found: ${list}. List them with \`aws configure list-profiles\`, or add one with \`aws configure sso\`.`,
    },
  );
}

/** The SDK would report a missing one as no credentials at all, or fail on it. */
async function checkNamed(
  profile: string,
  profiles: Readonly<Record<string, ProfileSettings>>,
): Promise<void> {
  const seen = new Set<string>();
  for (let name = profile; !seen.has(name); ) {
    seen.add(name);
    const { sso_session: session, source_profile: source } = profiles[name] ?? {};
    if (session) {
      const { loadSsoSessionData } = await import("@smithy/core/config");
      if (!(session in (await loadSsoSessionData({})))) throw missing("sso_session", session, name);
    }
    if (!source) return;
    if (profiles[source] === undefined) throw missing("source_profile", source, name);
    name = source;
  }
}

function missing(key: string, value: string, profile: string): GcUsageError {
  const shown = looksSecret(value) ? "" : ` ${quoted(value)}`;
  return new GcUsageError(
    "credentials",
    `The AWS profile ${profile} names the ${key}${shown}, which does not exist.`,
    { hint: `Add it to ~/.aws/config, or change ${key} in the profile.` },
  );
}

interface Credentials {
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly accessKeyId: string;
}

/** Registers a credential provider's result, so that no message shows it. */
export function hideCredentials<T extends Credentials>(credentials: T): T {
  secrets.add(credentials.secretAccessKey);
  secrets.add(credentials.sessionToken);
  if (looksSecret(credentials.accessKeyId)) secrets.add(credentials.accessKeyId);
  return credentials;
}
