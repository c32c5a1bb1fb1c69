import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REGIONS, regionDomain } from "../../src/genesys/regions.ts";
import { resolveSettings, type Settings, type SettingsInput } from "../../src/genesys/settings.ts";
import { GcUsageError } from "../../src/support/errors.ts";

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "gc-usage-settings-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function config(text: string): Promise<void> {
  await mkdir(join(home, ".gc"), { recursive: true });
  await writeFile(join(home, ".gc", "config.toml"), text);
}

const resolve = (input: Partial<SettingsInput> = {}): Promise<Settings> =>
  resolveSettings({ env: {}, home, ...input });

async function failure(promise: Promise<unknown>): Promise<GcUsageError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GcUsageError) return error;
  throw new Error("expected a GcUsageError");
}

const ENV = {
  GENESYSCLOUD_REGION: "eu-west-1",
  GENESYSCLOUD_OAUTHCLIENT_ID: "env-id",
  GENESYSCLOUD_OAUTHCLIENT_SECRET: "env-secret",
};

/** As written by a person. */
const WRITTEN = `
# mine
[DEFAULT]
environment = "mypurecloud.de"
client_credentials = "default-id"
client_secret = "default-secret"
grant_type = "1"

[Emea]
environment = "usw2.pure.cloud"
client_credentials = "emea-id"
client_secret = "emea-secret"
gateway_protocol = "https"
gateway_host = "gateway.example.com"
gateway_port = "8443"
gateway_pathparams = "{login: auth/x, api: y}"
`;

/** As rewritten by gc when it caches a token. */
const REWRITTEN = `
[default]
client_credentials = 'default-id'
client_secret = 'default-secret'
environment = 'mypurecloud.de'
gateway_host = '127.0.0.1'
gateway_port = 8080
gateway_protocol = 'http'
grant_type = '1'
oauth_token_data = '{"access_token":"cached-by-gc","oauth_token_expiry":"2026-11-20T12:00:00Z"}'
`;

describe("regions", () => {
  it.each([
    ["us-east-1", "mypurecloud.com"],
    ["US-WEST-2", "usw2.pure.cloud"],
    [" mypurecloud.com.au ", "mypurecloud.com.au"],
    ["https://api.mypurecloud.ie", "mypurecloud.ie"],
    ["https://apps.usw2.pure.cloud/directory/#/admin", "usw2.pure.cloud"],
    ["login.mypurecloud.de", "mypurecloud.de"],
    ["https://api.mypurecloud.jp:443/", "mypurecloud.jp"],
    ["eusc-de-east-1", "edee1.eusc-pure.cloud"],
    ["use2.us-gov-pure.cloud", "use2.us-gov-pure.cloud"],
    ["new1.pure.cloud", "new1.pure.cloud"],
  ])("reads %s", (text, domain) => {
    expect(regionDomain(text, "--region")).toBe(domain);
  });

  it("knows every region by name and by domain", () => {
    for (const [name, domain] of Object.entries(REGIONS)) {
      expect(regionDomain(name, "x")).toBe(domain);
      expect(regionDomain(`https://api.${domain}`, "x")).toBe(domain);
    }
  });

  it.each([
    "evilpure.cloud",
    "mypurecloud.xyz",
    "mypurecloud.com.evil.example",
    "pure.cloud",
    "",
    "a b.pure.cloud",
    "toString",
  ])("rejects %j, which would send the secret to a stranger", (text) => {
    expect(() => regionDomain(text, "--region")).toThrow(/^Invalid Genesys Cloud region/);
  });

  it("suggests similar names and reports the source of the text", () => {
    try {
      regionDomain("us-esat-1", "GENESYSCLOUD_REGION");
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        kind: "input",
        message: 'Invalid Genesys Cloud region "us-esat-1" (from GENESYSCLOUD_REGION).',
        hint: expect.stringContaining("Did you mean us-east-1") as string,
      });
    }
  });
});

describe("settings", () => {
  it("come from the environment", async () => {
    expect(await resolve({ env: ENV })).toMatchObject({
      apiBase: "https://api.mypurecloud.ie",
      loginBase: "https://login.mypurecloud.ie",
      credentials: { kind: "client", clientId: "env-id", clientSecret: "env-secret" },
      sources: {
        place: "GENESYSCLOUD_REGION",
        clientId: "GENESYSCLOUD_OAUTHCLIENT_ID",
        clientSecret: "GENESYSCLOUD_OAUTHCLIENT_SECRET",
      },
    });
  });

  it("come from flags first, with the secret from a file or standard input", async () => {
    const file = join(home, "secret");
    await writeFile(file, "file-secret\n");
    const flags = { region: "us-east-1", clientId: "flag-id", clientSecretFile: file, env: ENV };
    expect(await resolve(flags)).toMatchObject({
      domain: "mypurecloud.com",
      credentials: { clientId: "flag-id", clientSecret: "file-secret" },
    });
    const stdin = (async function* () {
      yield await Promise.resolve(Buffer.from("stdin-"));
      yield Buffer.from("secret\r\n");
    })();
    expect(await resolve({ ...flags, clientSecretFile: "-", stdin })).toMatchObject({
      credentials: { clientSecret: "stdin-secret" },
      sources: { clientSecret: "--client-secret-file (standard input)" },
    });
  });

  it("come from the DEFAULT profile as people write it and as gc rewrites it", async () => {
    await config(WRITTEN);
    expect(await resolve()).toMatchObject({
      apiBase: "https://api.mypurecloud.de",
      credentials: { clientId: "default-id", clientSecret: "default-secret" },
      sources: { place: "profile DEFAULT of ~/.gc/config.toml" },
    });
    await config(REWRITTEN);
    expect(await resolve()).toMatchObject({
      apiBase: "http://127.0.0.1:8080",
      credentials: { kind: "client", clientId: "default-id" },
      sources: { place: "profile default of ~/.gc/config.toml" },
    });
    expect(await readFile(join(home, ".gc", "config.toml"), "utf8")).toBe(REWRITTEN);
  });

  it("come from a named profile in any case, including gateway and path prefixes", async () => {
    await config(WRITTEN);
    expect(await resolve({ profile: "eMEA" })).toMatchObject({
      apiBase: "https://gateway.example.com:8443/y",
      loginBase: "https://gateway.example.com:8443/auth/x",
      credentials: { clientId: "emea-id", clientSecret: "emea-secret" },
    });
  });

  it("take each missing one from the next level, and warn if the environment overrides --profile", async () => {
    await config(WRITTEN);
    const settings = await resolve({ profile: "emea", env: { GENESYSCLOUD_REGION: "eu-west-2" } });
    expect(settings).toMatchObject({ domain: "euw2.pure.cloud", credentials: { clientId: "emea-id" } });
    expect(settings.warnings).toEqual([
      "GENESYSCLOUD_REGION in the environment takes precedence over profile Emea.",
    ]);
  });

  it("never pair a client id with the secret of another", async () => {
    await config(WRITTEN);
    const error = await failure(resolve({ env: { ...ENV, GENESYSCLOUD_OAUTHCLIENT_SECRET: "" } }));
    expect(error).toMatchObject({
      kind: "credentials",
      message: "Found a client id (from GENESYSCLOUD_OAUTHCLIENT_ID) but no client secret.",
    });
  });

  it("need no profile if nothing is missing, but warn about an unreadable file", async () => {
    await config("this is = = no TOML");
    const settings = await resolve({ env: ENV });
    expect(settings).toMatchObject({ domain: "mypurecloud.ie" });
    expect(settings.warnings).toEqual([
      expect.stringMatching(
        /^~\/\.gc\/config\.toml is not valid TOML at line 1, .* Its proxy settings, if any, are ignored\.$/,
      ),
    ]);
  });
});

describe("a profile whose name has dots", () => {
  const table = (name: string, id: string): string =>
    `[${name}]\nenvironment = "mypurecloud.de"\nclient_credentials = "${id}"\nclient_secret = "secret-of-${id}"\n`;
  const idOf = async (profile: string): Promise<unknown> => {
    const { credentials } = await resolve({ profile });
    return credentials.kind === "client" ? credentials.clientId : undefined;
  };

  it.each([
    ["my.org", "my.org", "dotted"],
    ["MY.Org", "my.org", "dotted"],
    ["my.org", "My.ORG", "dotted"],
    ["a.b.c", "a.b.c", "dotted"],
    ["my.org", '"my.org"', "dotted"],
    ["my.org", "my.'org'", "dotted"],
    ["a.b.c", 'a."b.c"', "dotted"],
  ])("is found as %s if the file has [%s]", async (wanted, written, id) => {
    await config(`${table("DEFAULT", "default")}${table(written, id)}`);
    expect(await idOf(wanted)).toBe(id);
  });

  it("differs from the profile whose name is a prefix of its name", async () => {
    await config(`${table("my.org", "long")}${table("my", "short")}${table("my.org.dev", "longer")}`);
    expect([await idOf("my"), await idOf("my.org"), await idOf("my.org.dev")]).toEqual([
      "short",
      "long",
      "longer",
    ]);
  });

  it("is found as gc writes it, next to inline tables and values of other types", async () => {
    await config(
      `emea = { environment = "mypurecloud.de", client_credentials = 4711, client_secret = 12345678901234567890 }\n` +
        "[my.org]\nautopagination_enabled = true\nenvironment = 'mypurecloud.de'\nclient_credentials = 'x'\nclient_secret = 'y'\nlast = 2026-01-01\n",
    );
    expect(await resolve({ profile: "emea" })).toMatchObject({
      credentials: { clientId: "4711", clientSecret: "12345678901234567890" },
    });
    expect(await idOf("my.org")).toBe("x");
  });

  it("is matched exactly before it is matched in another case, and never guessed", async () => {
    await config(`${table("Emea", "one")}${table("emea", "two")}`);
    expect([await idOf("Emea"), await idOf("emea")]).toEqual(["one", "two"]);
    const error = await failure(resolve({ profile: "EMEA" }));
    expect(error.message).toContain("is ambiguous");
    expect(error.hint).toContain('"Emea", "emea"');
  });

  it("is listed with the others if the requested name does not exist", async () => {
    await config(
      `${table("DEFAULT", "a")}${table("my.org", "b")}${table('"x.y"', "c")}[only.above.it]\nenvironment = "e"\n`,
    );
    for (const wanted of ["my.orgs", "only", "only.above", ""]) {
      const near = { "my.orgs": "my.org", "only.above": "only.above.it" }[wanted];
      const meant = near === undefined ? "" : `Did you mean ${near}? `;
      expect((await failure(resolve({ profile: wanted }))).hint).toBe(
        `${meant}Profiles found: DEFAULT, my.org, x.y, only.above.it.`,
      );
    }
  });

  it.each([
    ["client_credentials = true", "client_credentials"],
    ["client_secret = ['a-list-of-secrets']", "client_secret"],
    ["environment = 'x'\nclient_secret = { a = 'a-table-of-secrets', b = ['a-list'] }", "client_secret"],
    ["gateway_port = 1.5\ngateway_protocol = { a = 1 }", "gateway_protocol"],
  ])("is bad input if a value is not text: %s", async (lines, key) => {
    await config(`[my.org]\n${lines}\n`);
    const error = await failure(resolve({ profile: "my.org" }));
    expect(error.message).toBe(`Invalid "${key}" in profile "my.org" of ~/.gc/config.toml: expected text.`);
  });
});

describe("without a home folder", () => {
  it("variables with all settings are enough", async () => {
    expect(await resolve({ home: undefined, env: ENV })).toMatchObject({ domain: "mypurecloud.ie" });
  });

  it("a requested profile is an error", async () => {
    const error = await failure(resolve({ home: undefined, profile: "emea", env: ENV }));
    expect(error).toMatchObject({ kind: "input", hint: "Set HOME, or use the GENESYSCLOUD_* variables." });
    expect(error.message).toContain("no home folder");
  });
});

describe("misplaced secrets", () => {
  const secret = "k3JvQm8ZrT2xLw9Bn5Yc7Hd4Fg6Ks1Pa0Ue3Io2Rt";
  const said = async (input: Partial<SettingsInput>): Promise<string> => {
    const error = await failure(resolve(input));
    return `${error.message} ${error.hint} ${JSON.stringify(error.details)}`.toLowerCase();
  };

  it.each([
    ["the region", { env: { ...ENV, GENESYSCLOUD_REGION: secret } }],
    ["the region as a host", { env: { ...ENV, GENESYSCLOUD_REGION: `https://me:${secret}@example.com/x` } }],
    ["--profile", { env: ENV, profile: secret }],
    ["the gateway's host", { env: { ...ENV, GENESYSCLOUD_GATEWAY_HOST: `svc:${secret}@gw.example.com` } }],
    [
      "the gateway's port",
      { env: { ...ENV, GENESYSCLOUD_GATEWAY_HOST: "gw", GENESYSCLOUD_GATEWAY_PORT: secret } },
    ],
    [
      "the gateway's protocol",
      { env: { ...ENV, GENESYSCLOUD_GATEWAY_HOST: "gw", GENESYSCLOUD_GATEWAY_PROTOCOL: secret } },
    ],
    ["the client id, with no secret", { clientId: secret }],
  ])("are not repeated: a secret as %s", async (_where, input) => {
    await config(WRITTEN.replace("[DEFAULT]", "[other]"));
    expect(await said(input)).not.toContain(secret.slice(0, 8).toLowerCase());
  });

  it("cause a warning if client id and secret look swapped", async () => {
    const env = {
      ...ENV,
      GENESYSCLOUD_OAUTHCLIENT_ID: secret,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: "5e8b1c4d-0000-4000-8000-000000000001",
    };
    const { warnings } = await resolve({ env });
    expect(warnings).toEqual([
      "The client id (from GENESYSCLOUD_OAUTHCLIENT_ID) is not a UUID, but the client secret (from GENESYSCLOUD_OAUTHCLIENT_SECRET) is: they may be swapped.",
    ]);
  });
});

describe("an access token", () => {
  it("yields to a client at the same level or above, and wins over one below", async () => {
    const token = { GENESYSCLOUD_ACCESS_TOKEN: "env-token" };
    expect((await resolve({ env: { ...ENV, ...token } })).credentials.kind).toBe("client");
    await config(WRITTEN);
    expect(await resolve({ env: token })).toMatchObject({
      credentials: { kind: "token", accessToken: "env-token" },
      sources: { accessToken: "GENESYSCLOUD_ACCESS_TOKEN" },
    });
    const file = join(home, "token");
    await writeFile(file, "file-token");
    expect((await resolve({ env: ENV, accessTokenFile: file })).credentials).toEqual({
      kind: "token",
      accessToken: "file-token",
    });
  });

  it("is used if the client has no secret", async () => {
    const env = {
      ...ENV,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: undefined,
      GENESYSCLOUD_ACCESS_TOKEN: "t-o-k-e-n",
    };
    expect((await resolve({ env })).credentials.kind).toBe("token");
  });
});

describe("a gateway", () => {
  const gateway = { ...ENV, GENESYSCLOUD_GATEWAY_HOST: "gw.example.com" };

  it("replaces the region, with https by default", async () => {
    expect(await resolve({ env: gateway })).toMatchObject({
      apiBase: "https://gw.example.com",
      loginBase: "https://gw.example.com",
      sources: { place: "GENESYSCLOUD_GATEWAY_HOST" },
    });
  });

  it("accepts port, protocol and path prefixes", async () => {
    const env = {
      ...gateway,
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PORT: "4711",
      GENESYSCLOUD_GATEWAY_PATH_NAME: "login,api",
      GENESYSCLOUD_GATEWAY_PATH_VALUE: "/l,a/b/",
    };
    const settings = await resolve({ env });
    expect(settings).toMatchObject({
      apiBase: "http://127.0.0.1:4711/a/b",
      loginBase: "http://127.0.0.1:4711/l",
    });
    expect(settings.warnings).toEqual([]);
  });

  it("causes a warning if plain HTTP leaves this machine", async () => {
    const settings = await resolve({ env: { ...gateway, GENESYSCLOUD_GATEWAY_PROTOCOL: "http" } });
    expect(settings.warnings?.[0]).toContain("plain HTTP");
  });

  it("yields to --region", async () => {
    expect(await resolve({ env: gateway, region: "us-east-1" })).toMatchObject({ domain: "mypurecloud.com" });
  });

  it.each([
    ["ftp", "gw.example.com", undefined],
    ["https", "gw.example.com/path", undefined],
    ["https", "user@gw.example.com", undefined],
    ["https", "gw.example.com:1", "2"],
    ["https", "gw.example.com", "http"],
    ["https", "gw example", undefined],
  ])("is rejected as %s %s %s", async (protocol, host, port) => {
    const env = {
      ...ENV,
      GENESYSCLOUD_GATEWAY_PROTOCOL: protocol,
      GENESYSCLOUD_GATEWAY_HOST: host,
      GENESYSCLOUD_GATEWAY_PORT: port,
    };
    expect((await failure(resolve({ env }))).kind).toBe("input");
  });
});

describe("an error about missing or wrong settings", () => {
  it("says what to do without any settings", async () => {
    const error = await failure(resolve());
    expect(error).toMatchObject({
      kind: "credentials",
      message: "No credentials for Genesys Cloud were found.",
    });
    expect(error.hint).toContain("gc-usage demo");
  });

  it("says what to do without a region", async () => {
    const error = await failure(resolve({ env: { ...ENV, GENESYSCLOUD_REGION: undefined } }));
    expect(error).toMatchObject({ kind: "input", message: "No Genesys Cloud region is set." });
  });

  it("says what to do if a profile does not exist", async () => {
    expect((await failure(resolve({ profile: "x" }))).message).toContain("does not exist");
    await config(WRITTEN);
    const error = await failure(resolve({ profile: "x", env: ENV }));
    expect(error.message).toBe('No profile "x" in ~/.gc/config.toml (from --profile).');
    expect(error.hint).toBe("Profiles found: DEFAULT, Emea.");
  });

  it("shows the position in the profile, not the text, which may be the secret", async () => {
    await config('[DEFAULT]\nclient_secret = "do-not-show\nenvironment = "x"\n');
    const error = await failure(resolve());
    expect(error.message).toMatch(/not valid TOML at line \d+/);
    expect(`${error.message}${error.hint}${String(error.cause)}`).not.toContain("do-not-show");
  });

  it.each([
    ["", "is empty"],
    ["one two", "more than one word"],
    ["one\ntwo\n", "more than one word"],
  ])("reports a secret file that holds %j", async (content, why) => {
    const file = join(home, "secret");
    await writeFile(file, content);
    expect((await failure(resolve({ env: ENV, clientSecretFile: file }))).message).toContain(why);
  });

  it("reports a secret file that does not exist", async () => {
    const error = await failure(resolve({ env: ENV, clientSecretFile: join(home, "none") }));
    expect(error).toMatchObject({ kind: "input" });
    expect(error.message).toContain("no such file or folder");
    const folder = await failure(resolve({ env: ENV, clientSecretFile: home }));
    expect(folder).toMatchObject({ kind: "input", message: expect.stringContaining("it is a folder.") });
  });

  it("reports an invalid proxy URL without repeating it", async () => {
    const error = await failure(resolve({ env: { ...ENV, HTTPS_PROXY: "user:proxypass" } }));
    expect(error.message).not.toContain("proxypass");
  });
});
