import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendJson, startServer, type TestServer } from "../genesys/server.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

let server: TestServer;
let gateway: Record<string, string>;
beforeAll(async () => {
  server = await startServer((response) => sendJson(response, 200, { results: [], queryStatus: "Complete" }));
  gateway = {
    GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
    GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
    GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
  };
});
afterAll(() => server.close());

const RESULTS = ["results", "4d3c1d4e-6a5e-4d0e-9d3c-1f2e3d4c5b6a"];

describe.concurrent("credentials that cannot be sent in a header", () => {
  it.each([
    [
      { GENESYSCLOUD_ACCESS_TOKEN: "abc\u200bdefghijkl" },
      "access token (from GENESYSCLOUD_ACCESS_TOKEN)",
      "U+200B",
    ],
    [
      { GENESYSCLOUD_ACCESS_TOKEN: "abc\ndefghijkl" },
      "access token (from GENESYSCLOUD_ACCESS_TOKEN)",
      "U+000A",
    ],
    [
      { GENESYSCLOUD_OAUTHCLIENT_ID: "the-id", GENESYSCLOUD_OAUTHCLIENT_SECRET: "sécret-of-nobody" },
      "client secret (from GENESYSCLOUD_OAUTHCLIENT_SECRET)",
      "U+00E9",
    ],
    [
      { GENESYSCLOUD_OAUTHCLIENT_ID: "the\u2060id", GENESYSCLOUD_OAUTHCLIENT_SECRET: "secret-of-nobody" },
      "client id (from GENESYSCLOUD_OAUTHCLIENT_ID)",
      "U+2060",
    ],
  ])("%j is reported with its source before anything is sent", async (env, name, code) => {
    const ran = await gcUsage(RESULTS, { env: { ...gateway, ...env }, cwd: await workFolder() });
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(`error: Invalid ${name}: it has`);
    expect(ran.stderr).toContain(code);
    expect(ran.stderr).not.toMatch(/Tried|defghijkl|sécret/);
  });

  it("are reported with their file or profile", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "token"), "\uFEFFabc\u200ddefghijkl\n");
    const file = await gcUsage([...RESULTS, "--access-token-file", "token"], { env: gateway, cwd });
    expect(file).toMatchObject({ exitCode: 3, stdout: "" });
    expect(file.stderr).toContain("Invalid access token (from --access-token-file token): it has");
    await mkdir(join(cwd, ".gc"));
    await writeFile(
      join(cwd, ".gc", "config.toml"),
      '[DEFAULT]\nclient_credentials = "id"\nclient_secret = "abc\\u00a0def"\n',
    );
    const profile = await gcUsage(RESULTS, { env: gateway, cwd });
    expect(profile.exitCode).toBe(3);
    expect(profile.stderr).toContain(
      "Invalid client secret (from profile DEFAULT of ~/.gc/config.toml): it has a space",
    );
  });
});

it("whitespace around a token or secret is ignored", async () => {
  const cwd = await workFolder();
  await writeFile(join(cwd, "token"), "\uFEFF  the-token-of-nobody \r\n\n");
  const run = (args: readonly string[], env: Record<string, string>) =>
    gcUsage([...RESULTS, ...args], { env: { ...gateway, ...env }, cwd });
  expect(await run(["--access-token-file", "token"], {})).toMatchObject({ exitCode: 0 });
  expect(await run([], { GENESYSCLOUD_ACCESS_TOKEN: "the-token-of-nobody\n" })).toMatchObject({
    exitCode: 0,
  });
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
    "Bearer the-token-of-nobody",
    "Bearer the-token-of-nobody",
  ]);
});
