import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

const ID = "bf2bfea0-2367-494b-a695-3a262ceef0c8";
const SECRET = "kQpuVhho2QJ9UmymxDeKht7ZvedpdS6rAjfU45yUbFQ";

interface Listed {
  group: string;
  name: string;
  value: string | null;
  source: string | null;
  unused?: string;
  error?: { kind: string; message: string };
}

let cwd: string;
beforeAll(async () => {
  cwd = await workFolder();
  await mkdir(join(cwd, ".gc"));
  const profiles = `[DEFAULT]\nenvironment = "mypurecloud.de"\nclient_credentials = "${ID}"\nclient_secret = "${SECRET}"\n[emea]\naccess_token = "${SECRET}"\nenvironment = "eu-west-2"\n`;
  await writeFile(join(cwd, ".gc", "config.toml"), profiles);
});

async function config(
  env: Record<string, string>,
  ...args: string[]
): Promise<(name: string) => Listed | undefined> {
  const { exitCode, stdout } = await gcUsage(["config", "--json", ...args], { cwd, env });
  expect(exitCode).toBe(0);
  const { settings } = JSON.parse(stdout) as { settings: Listed[] };
  return (name) => settings.find((setting) => `${setting.group} ${setting.name}` === name);
}

describe("config", () => {
  it("shows each value with its source: option, variable, profile, default", async () => {
    const profile = "profile DEFAULT of ~/.gc/config.toml";
    const variables = {
      GENESYSCLOUD_REGION: "us-east-1",
      GC_USAGE_LAKE: "s3://bucket/lake",
      GC_USAGE_MEMORY_LIMIT: "8GB",
    };
    const of = await config(variables, "--client-id", ID.replace("b", "c"), "--labels", "x.csv");
    expect(of("Genesys Cloud region")).toMatchObject({
      value: "mypurecloud.com",
      source: "GENESYSCLOUD_REGION",
    });
    expect(of("Genesys Cloud client id")).toMatchObject({
      value: ID.replace("b", "c"),
      source: "--client-id",
    });
    expect(of("gc-usage lake")).toMatchObject({ value: "s3://bucket/lake", source: "GC_USAGE_LAKE" });
    expect(of("gc-usage labels")).toMatchObject({ value: "x.csv", source: "--labels" });
    expect(of("gc-usage memory limit")).toMatchObject({ source: "GC_USAGE_MEMORY_LIMIT" });
    expect(of("gc-usage Athena price")).toMatchObject({ value: "5", source: "default" });
    const bare = await config({});
    expect(bare("Genesys Cloud region")).toMatchObject({ value: "mypurecloud.de", source: profile });
    expect(bare("Genesys Cloud client secret")).toMatchObject({ value: "set (hidden)", source: profile });
    expect(bare("Genesys Cloud profile")).toMatchObject({ value: "DEFAULT", source: "~/.gc/config.toml" });
    expect(bare("gc-usage lake")).toMatchObject({ value: "usage-lake", source: "default" });
    const emea = await config({}, "--profile", "emea");
    expect(emea("Genesys Cloud access token")).toMatchObject({ value: "set (hidden)" });
    expect(emea("Genesys Cloud client id")).toMatchObject({ value: null, source: null });
  });

  it("says which of two settings has precedence", async () => {
    const of = await config({
      GENESYSCLOUD_ACCESS_TOKEN: SECRET,
      GENESYSCLOUD_GATEWAY_HOST: "gateway.example.com",
    });
    expect(of("Genesys Cloud gateway")).toMatchObject({ value: "https://gateway.example.com" });
    expect(of("Genesys Cloud region")).toMatchObject({ unused: "the gateway has precedence" });
    expect(of("Genesys Cloud client id")).toMatchObject({ unused: "the access token has precedence" });
    expect(of("Genesys Cloud access token")?.unused).toBeUndefined();
  });

  it("shows invalid settings with their errors, next to the valid ones; --check fails", async () => {
    const env = {
      GENESYSCLOUD_REGION: "us-eats-1",
      GENESYSCLOUD_PROXY_PORT: "3128",
      GC_USAGE_SPILL_LIMIT: "lots",
      GC_USAGE_LAEK: "x",
      AWS_ACCESS_KEY_ID: "AKIAABCDEFGHIJKLMNOP",
    };
    const of = await config(env);
    expect(of("Genesys Cloud region")?.error?.message).toContain("Invalid Genesys Cloud region");
    expect(of("Genesys Cloud proxy")?.error?.message).toContain("GENESYSCLOUD_PROXY_HOST is not");
    expect(of("gc-usage spill limit")?.error?.message).toContain("Invalid GC_USAGE_SPILL_LIMIT");
    expect(of("AWS access key")?.error).toMatchObject({ kind: "credentials" });
    expect(of("Genesys Cloud client id")).toMatchObject({ value: ID });
    const { exitCode, stdout, stderr } = await gcUsage(["config", "--check"], { cwd, env });
    expect(exitCode).toBe(2);
    expect(stdout).toContain("error: Invalid GC_USAGE_SPILL_LIMIT");
    expect(stderr).toContain("Unknown variable GC_USAGE_LAEK: it has no effect. Did you mean GC_USAGE_LAKE");
    expect(stderr).toContain("Invalid settings: region, proxy, spill limit, access key.");
    const half = await config({ GENESYSCLOUD_OAUTHCLIENT_ID: ID.replace("b", "c"), HOME: "/nonexistent" });
    expect(half("Genesys Cloud client secret")?.error?.message).toContain("no client secret");
  });

  it("reads a broken profile file as one error, and a secret from standard input once", async () => {
    const home = await workFolder();
    await mkdir(join(home, ".gc"));
    await writeFile(join(home, ".gc", "config.toml"), "[DEFAULT\n");
    const broken = await gcUsage(["config"], { cwd: home });
    expect(broken.exitCode).toBe(0);
    expect(broken.stdout).toMatch(/profile +error: .*config\.toml/);
    expect(broken.stdout).toMatch(/lake +usage-lake \(default\)/);
    const args = ["config", "--client-secret-file", "-", "--json"];
    const piped = await gcUsage(args, {
      cwd,
      env: { GENESYSCLOUD_OAUTHCLIENT_ID: ID },
      input: `${SECRET}\n`,
    });
    expect(piped.stdout).toContain('"value":"set (hidden)","source":"--client-secret-file (standard input)"');
    expect(piped.stdout).not.toContain(SECRET);
  });

  it.each([
    "GENESYSCLOUD_REGION",
    "GENESYSCLOUD_OAUTHCLIENT_ID",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET",
    "GENESYSCLOUD_ACCESS_TOKEN",
    "GENESYSCLOUD_GATEWAY_HOST",
    "GENESYSCLOUD_PROXY_HOST",
    "GC_USAGE_LAKE",
    "GC_USAGE_CACHE",
    "GC_USAGE_LABELS",
    "GC_USAGE_QUESTIONS",
    "GC_USAGE_MEMORY_LIMIT",
    "GC_USAGE_ATHENA_USD_PER_TB",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "HTTPS_PROXY",
    "NO_PROXY",
  ])("never prints a secret, not even in %s", async (name) => {
    for (const args of [["config"], ["config", "--json"]]) {
      const { stdout, stderr } = await gcUsage(args, { cwd, env: { [name]: SECRET } });
      expect(stdout + stderr).not.toContain(SECRET.slice(0, 12));
    }
  });
});
