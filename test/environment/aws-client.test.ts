import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { awsClientConfig } from "../../src/environment/aws-client.ts";
import { awsIdentity, profileSettings, shownAccessKey } from "../../src/environment/aws-identity.ts";
import { homeFolder } from "../../src/environment/home.ts";
import type { AwsOptions } from "../../src/support/aws.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gc-usage-aws-client-"));
  await writeFile(
    join(folder, "config"),
    "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-west-2\n[sso-session corp]\nsso_region = us-east-1\n",
  );
  await writeFile(join(folder, "credentials"), "[keys]\naws_access_key_id = K\naws_secret_access_key = S\n");
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const config = (options: AwsOptions, env: Record<string, string>) => {
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  return awsClientConfig(options, env);
};

describe("the settings of an AWS client", () => {
  it.each([
    ["--region", { region: "eu west" }, {}],
    ["AWS_REGION", {}, { AWS_REGION: "eu_west", AWS_DEFAULT_REGION: "eu-west-1" }],
    ["AWS_DEFAULT_REGION", {}, { AWS_DEFAULT_REGION: "https://eu-west-1" }],
    ["--endpoint-url", { endpointUrl: "notaurl" }, {}],
    ["--endpoint-url", { endpointUrl: "localhost:4566" }, {}],
    ["AWS_ENDPOINT_URL", {}, { AWS_ENDPOINT_URL: "localhost:4566" }],
    ["AWS_ENDPOINT_URL_S3", {}, { AWS_ENDPOINT_URL_S3: "ftp://127.0.0.1" }],
    ["AWS_ENDPOINT_URL_STS", {}, { AWS_ENDPOINT_URL_STS: "ftp://127.0.0.1" }],
  ])("are rejected if %s is invalid", async (name, options, env) => {
    await expect(config(options, env)).rejects.toMatchObject({
      kind: "input",
      message: expect.stringMatching(new RegExp(`^Invalid .* in ${name}: "`)) as unknown,
    });
  });

  it("are rejected without the value if it may be a secret", async () => {
    const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    for (const env of [{ AWS_REGION: secret }, { AWS_ENDPOINT_URL: `s3://me:${secret}@host` }]) {
      const error = await config({}, env).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "input" });
      expect(String(error)).not.toContain(secret);
    }
  });

  it("let the SDK try six times, unless the user has set the number", async () => {
    expect(await config({}, {})).toMatchObject({ maxAttempts: 6 });
    expect(await config({}, { AWS_MAX_ATTEMPTS: "2" })).not.toHaveProperty("maxAttempts");
  });

  it("prefer a flag to the environment, and treat empty variables as not set", async () => {
    const env = { AWS_REGION: "", AWS_DEFAULT_REGION: "eu-west-1", AWS_ENDPOINT_URL: "" };
    expect(await config({}, env)).toMatchObject({ region: "eu-west-1" });
    const flags = { region: "us-gov-east-1", endpointUrl: "http://127.0.0.1:1" };
    expect(await config(flags, { ...env, AWS_ENDPOINT_URL: "nonsense" })).toMatchObject({
      region: "us-gov-east-1",
      endpoint: "http://127.0.0.1:1",
    });
  });

  it("list the existing profiles if the requested one does not exist", async () => {
    for (const [options, env, source] of [
      [{ profile: "nope" }, {}, "--profile"],
      [{}, { AWS_PROFILE: "nope" }, "AWS_PROFILE"],
      [{}, { AWS_PROFILE: "nope", AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "S" }, "AWS_PROFILE"],
    ] as const) {
      await expect(config(options, env)).rejects.toMatchObject({
        kind: "credentials",
        message: `No AWS profile "nope" (from ${source}).`,
        hint: expect.stringMatching(/^Profiles found: default, work, keys\./) as unknown,
      });
    }
    await expect(config({}, {})).resolves.toBeDefined();
  });
});

/** The behavior of AWS CLI 1.46, which test/aws/identity.test.ts runs for comparison. */
describe("AWS's identity", () => {
  const KEYS = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "S" };
  it.each([
    [undefined, {}, undefined, undefined],
    [undefined, { AWS_PROFILE: "work" }, "work", undefined],
    [undefined, { ...KEYS, AWS_PROFILE: "work" }, "work", "A"],
    ["work", KEYS, "work", undefined],
    [undefined, { AWS_DEFAULT_PROFILE: "a", AWS_PROFILE: "b" }, "a", undefined],
    [undefined, { AWS_DEFAULT_PROFILE: "", AWS_PROFILE: "b" }, "b", undefined],
    [undefined, { AWS_PROFILE: "" }, undefined, undefined],
    [undefined, { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "S" }, undefined, undefined],
    [undefined, { AWS_SECRET_ACCESS_KEY: "S" }, undefined, undefined],
    [undefined, { AWS_SESSION_TOKEN: "T" }, undefined, undefined],
  ])("of --profile %s and %j is the profile %s with the key %s", (flag, env, profile, key) => {
    const identity = awsIdentity(flag, env);
    expect(identity.profile?.value).toBe(profile);
    expect(identity.keys?.accessKeyId).toBe(key);
  });

  it("prefers AWS_SECURITY_TOKEN to AWS_SESSION_TOKEN, and ignores empty values", () => {
    const token = (env: Record<string, string>) =>
      awsIdentity(undefined, { ...KEYS, ...env }).keys?.sessionToken;
    expect(token({ AWS_SESSION_TOKEN: "1", AWS_SECURITY_TOKEN: "2" })).toBe("2");
    expect(token({ AWS_SESSION_TOKEN: "1", AWS_SECURITY_TOKEN: "" })).toBe("1");
    expect(token({ AWS_SESSION_TOKEN: "" })).toBeUndefined();
  });

  it.each([{ AWS_ACCESS_KEY_ID: "A" }, { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "" }])(
    "is rejected if half of it is set: %j",
    (env) => {
      expect(() => awsIdentity(undefined, env)).toThrow(
        "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not.",
      );
    },
  );

  it("shows only the end of an access key, and nothing of any other value", () => {
    expect(shownAccessKey("AKIAIOSFODNN7EXAMPLE")).toBe("****MPLE");
    expect(shownAccessKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")).toBe("set");
  });

  it("needs no files", async () => {
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "none"));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "none"));
    expect(await profileSettings(awsIdentity(undefined, {}))).toEqual({});
  });
});

it.each([
  [{ HOME: "/home/me" }, "/home/me"],
  [{ HOME: "" }, userInfo().homedir],
  [{ HOME: "relative" }, userInfo().homedir],
  [{}, userInfo().homedir],
  [{ HOME: "/nonexistent" }, undefined],
  [{ HOME: undefined, USERPROFILE: "/users/me" }, "/users/me"],
])("the home folder of %j is %s", (env, home) => {
  expect(homeFolder(env)).toBe(home);
});
