import { GcUsageError, messageOf } from "../support/errors.ts";
import { shellWord } from "../support/quote.ts";
import type { AwsIdentity, AwsKeys, Env, ProfileSettings } from "./aws-identity.ts";

/** Asks a person for the one-time code of an MFA device. */
export type AskMfaCode = (question: string) => Promise<string>;

/** Where to ask; undefined if nobody can be asked. Set by the program, because a client is created far below it. */
export const mfa: { ask: AskMfaCode | undefined } = { ask: undefined };

/** The SDK's callback for a profile with `mfa_serial`. */
export function mfaCodeFor({ profile }: AwsIdentity): (serial: string) => Promise<string> {
  const name = profile?.value ?? "default";
  return async (serial) => {
    if (mfa.ask !== undefined) return await mfa.ask(`MFA code for ${serial}: `);
    throw new GcUsageError(
      "credentials",
      `The AWS profile ${name} needs a code of the MFA device ${serial}, but standard input is not a terminal.`,
      {
        hint: `Run the command on a terminal, or sign in first: eval "$(aws configure export-credentials --profile ${shellWord(name)} --format env)"`,
      },
    );
  };
}

const roles = new Map<string, Promise<AwsKeys>>();
const FILES = [
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "HOME",
  "AWS_ENDPOINT_URL_STS",
  "AWS_ENDPOINT_URL",
];
/** The SDK renews credentials this long before they expire. */
const EARLY_MS = 300_000;

/** Each service has its own client, but a code of an MFA device works only once: they share the keys of a role. */
export async function sharedRole(
  profile: string,
  env: Env,
  provide: () => Promise<AwsKeys>,
): Promise<AwsKeys> {
  const key = JSON.stringify([profile, ...FILES.map((name) => env[name])]);
  const held = await roles.get(key)?.catch(() => undefined);
  if (held !== undefined && (held.expiration?.getTime() ?? 0) - Date.now() > EARLY_MS) return held;
  const provided = provide();
  roles.set(key, provided);
  return await provided;
}

/** What a person can do about an error of the SDK's credential providers. Other errors stay unchanged. */
export function signInError(error: unknown, { profile }: AwsIdentity, settings: ProfileSettings): unknown {
  const name = profile?.value ?? "default";
  const message = messageOf(error);
  const failed = (why: string, hint: string) => new GcUsageError("credentials", why, { hint, cause: error });
  if (/MultiFactorAuthentication failed|MFA one time pass/i.test(message)) {
    return failed(
      `AWS rejected the MFA code of the profile ${name}.`,
      "Each code works once. Wait for the next one, then run the same command again.",
    );
  }
  if (settings["sso_account_id"] && /\b(expired|SSO session|SSO Token|Unauthorized)/i.test(message)) {
    return failed(
      `The AWS SSO session of the profile ${name} has expired, or you are not signed in.`,
      `Sign in: aws sso login --profile ${shellWord(name)}`,
    );
  }
  if (settings["credential_process"] && !(error instanceof Error && "$metadata" in error)) {
    return failed(
      `The credential_process of the AWS profile ${name} provided no credentials. ${message}`,
      `Run it yourself to see why: aws configure get credential_process --profile ${shellWord(name)}`,
    );
  }
  return error;
}
