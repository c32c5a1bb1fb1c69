import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { type Handler, SECRET, sendJson, startServer, type TestServer } from "./server.ts";

const Report = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ name: z.string(), status: z.string(), message: z.string(), hint: z.string().optional() }),
  ),
});

const ID = "5e8b1c4d-0000-4000-8000-000000000001";

let home = "";
let server: TestServer | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "gc-usage-doctor-"));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(home, { recursive: true, force: true });
});

async function env(handler: Handler, signIn?: Handler): Promise<Record<string, string>> {
  server = await startServer(handler, signIn);
  return {
    GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
    GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
    GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
    GENESYSCLOUD_OAUTHCLIENT_ID: ID,
    GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET,
  };
}

function doctor(args: readonly string[], variables: Record<string, string>): Promise<Ran> {
  return gcUsage(["doctor", ...args], { cwd: home, env: variables });
}

const read = (result: Ran): z.infer<typeof Report> => Report.parse(JSON.parse(result.stdout));

const LIMITS = {
  "inin-ratelimit-count": "12",
  "inin-ratelimit-allowed": "300",
  "inin-ratelimit-reset": "41",
};

const healthy: Handler = (response, { url }) =>
  url.startsWith("/api/v2/oauth/clients")
    ? sendJson(response, 200, { entities: [] }, LIMITS)
    : sendJson(response, 404, { message: "not found" }, LIMITS);

const refuse =
  (what: RegExp): Handler =>
  (response, request, n) =>
    what.test(request.url)
      ? sendJson(response, 403, { message: "missing usage:organization:view", contextId: "ctx-9" }, LIMITS)
      : healthy(response, request, n);

describe("gc-usage doctor", () => {
  it("exits with 0 if everything is fine, submits nothing and shows no secret", async () => {
    const result = await doctor(["--json", "--debug"], await env(healthy));
    expect(result.exitCode).toBe(0);
    const { ok, checks } = read(result);
    expect(ok).toBe(true);
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "program ok",
      "duckdb ok",
      "endpoints ok",
      "credentials ok",
      "proxy ok",
      "sign-in ok",
      "organization ok",
      "jobs ok",
      "legacy ok",
      "clients ok",
      "clock ok",
      "rate limit ok",
    ]);
    expect(checks.at(-1)?.message).toBe("12 of 300 calls used, resets in 41 s");
    expect(server?.seen.every(({ method }) => method === "GET")).toBe(true);
    for (const secret of [SECRET, "token-1"]) {
      expect(`${result.stdout}${result.stderr}`).not.toContain(secret);
    }
  });

  it("reports the source of each setting", async () => {
    const { GENESYSCLOUD_GATEWAY_PORT: port } = await env(healthy);
    await mkdir(join(home, ".gc"));
    await writeFile(
      join(home, ".gc", "config.toml"),
      `[default]\nclient_credentials = '${ID}'\nclient_secret = '${SECRET}'\ngateway_protocol = 'http'\n` +
        `gateway_host = '127.0.0.1'\ngateway_port = ${port}\n`,
    );
    const result = await doctor([], {});
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain(
      `client id ${ID} (from profile default of ~/.gc/config.toml), secret set`,
    );
    expect(result.stdout).not.toContain(SECRET);
  });

  it("names the missing permission and exits with 4", async () => {
    const result = await doctor([], await env(refuse(/aggregates/)));
    expect(result.exitCode).toBe(4);
    expect(result.stdout).toMatch(/problem {2}jobs .*missing usage:organization:view.*contextId ctx-9/);
    expect(result.stdout).toContain("Give the OAuth client a role with usage:organization:view");
    expect(result.stderr).toContain("1 problem was found: jobs.");
  });

  it("only warns about an optional permission", async () => {
    const result = await doctor(["--json"], await env(refuse(/oauth\/clients/)));
    expect(result.exitCode).toBe(0);
    expect(read(result).checks.find(({ name }) => name === "clients")?.status).toBe("warning");
  });

  it("reports wrong credentials and exits with 3", async () => {
    const variables = await env(healthy, (response) =>
      sendJson(response, 401, { error: "invalid_client", description: "authentication failed" }),
    );
    const result = await doctor([], variables);
    expect(result.exitCode).toBe(3);
    expect(result.stdout).toContain("Could not sign in: 401 authentication failed.");
    expect(result.stdout).toContain("from GENESYSCLOUD_OAUTHCLIENT_SECRET");
  });

  it("reports missing credentials and exits with 3", async () => {
    const result = await doctor(["--json"], {});
    expect(result.exitCode).toBe(3);
    expect(read(result).checks.at(-1)).toMatchObject({
      name: "settings",
      status: "problem",
      message: "No credentials for Genesys Cloud were found.",
    });
  });

  it("lists the settings it found if some are missing", async () => {
    const result = await doctor(["--json", "--region", "eu-west-1"], {
      GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET,
    });
    expect(result.exitCode).toBe(3);
    expect(read(result).checks.slice(2)).toMatchObject([
      {
        name: "found",
        status: "ok",
        message: "region eu-west-1 (from --region), client secret set (from GENESYSCLOUD_OAUTHCLIENT_SECRET)",
      },
      { name: "settings", status: "problem", message: expect.stringContaining("no client id") as string },
    ]);
    await mkdir(join(home, ".gc"));
    await writeFile(join(home, ".gc", "config.toml"), `[emea]\nclient_credentials = '${ID}'\n`);
    const profile = await doctor(["--profile", "emea"], { GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET });
    expect(profile.exitCode).toBe(2);
    expect(profile.stdout).toMatch(
      /ok +found +client id 5e8b1c4d-0000-4000-8000-000000000001 \(from profile emea of ~\/\.gc\/config\.toml\), client secret set \(from GENESYS.*\)\n.*No Genesys Cloud region is set/,
    );
    expect(result.stdout + profile.stdout).not.toContain(SECRET);
  });

  it("reports an unreachable service and exits with 5", async () => {
    const variables = await env(healthy);
    await server?.close();
    const result = await doctor([], variables);
    expect(result.exitCode).toBe(5);
    expect(result.stdout).toContain("the connection was refused");
  });

  it("warns about a wrong clock, and shows a proxy's address without its password", async () => {
    const variables = await env((response, request, n) => {
      response.setHeader("date", "Fri, 20 Nov 2020 12:00:00 GMT");
      healthy(response, request, n);
    });
    const result = await doctor(["--json"], {
      ...variables,
      HTTPS_PROXY: "http://me:proxy-password@proxy.example:3128",
    });
    expect(result.exitCode).toBe(0);
    const { checks } = read(result);
    expect(checks.find(({ name }) => name === "clock")).toMatchObject({ status: "warning" });
    expect(checks.find(({ name }) => name === "proxy")?.message).toBe(
      "none; also set: HTTPS_PROXY http://proxy.example:3128",
    );
    expect(result.stdout).not.toContain("proxy-password");
  });

  it("shows the AWS identity and route if the environment has AWS settings", async () => {
    await mkdir(join(home, ".aws"));
    await writeFile(
      join(home, ".aws", "config"),
      "[profile work]\nregion = eu-west-2\nca_bundle = /etc/ca.pem\n",
    );
    const aws = async (variables: Record<string, string>) => {
      const { checks } = read(await doctor(["--json"], variables));
      return checks.filter(({ name }) => name === "aws");
    };
    const keys = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: SECRET };
    expect(await aws({})).toEqual([]);
    expect(
      await aws({
        ...keys,
        AWS_PROFILE: "work",
        HTTPS_PROXY: "http://me:pw@proxy.example:1",
        NO_PROXY: ".amazonaws.com",
      }),
    ).toEqual([
      {
        name: "aws",
        status: "ok",
        message:
          "access key ****MPLE (from AWS_ACCESS_KEY_ID), which comes before profile work (from AWS_PROFILE), region eu-west-2 " +
          "(from the AWS profile), certificates of /etc/ca.pem (from ca_bundle of the AWS profile), called directly (NO_PROXY contains .amazonaws.com)",
      },
    ]);
    expect(await aws({ AWS_PROFILE: "nope" })).toMatchObject([
      { status: "warning", message: 'No AWS profile "nope" (from AWS_PROFILE).' },
    ]);
    expect(await aws({ AWS_PROFILE: "nope", GC_USAGE_LAKE: "s3://b" })).toMatchObject([
      { status: "problem" },
    ]);
    expect(await aws({ ...keys, AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-2" })).toMatchObject([
      { status: "ok" },
      { status: "warning", message: expect.stringContaining("differ") as string },
    ]);
  });

  it("treats an unknown region as bad input", async () => {
    const result = await doctor(["--region", "us-esat-1"], {
      GENESYSCLOUD_OAUTHCLIENT_ID: "x",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET,
    });
    expect(result.exitCode).toBe(2);
    expect(result.stdout).toContain("Did you mean us-east-1");
  });
});
