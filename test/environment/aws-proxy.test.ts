import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { type ProxyOptions, startTestProxy, type TestProxy } from "../helpers/proxy.ts";
import { CERTIFICATE, startTlsServer, type TlsSeen } from "../helpers/tls-server.ts";

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of closing.splice(0).reverse()) await server.close();
});

/** Without this suite's secret marks, because the profiles' files and the SDK's own cache contain the secret. */
const KEY = "aws0of1these2tests3k3JvQm8ZrT2xLw9Bn5Yc7H";
const BASE = {
  AWS_CA_BUNDLE: CERTIFICATE,
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_REGION: "us-east-1",
  AWS_MAX_ATTEMPTS: "2",
  GC_USAGE_LAKE: "s3://the-lake",
};
const BUCKET = "CONNECT the-lake.s3.us-east-1.amazonaws.com:443";

/** The parts of AWS that an empty bucket, STS and SSO need. */
function aws({ host, url, body }: TlsSeen, response: ServerResponse): void {
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  if (host.startsWith("sts.") && body.includes("Action=AssumeRole")) {
    const credentials = `<AccessKeyId>ASIAOFTHEROLE0000000</AccessKeyId><SecretAccessKey>${KEY}</SecretAccessKey><SessionToken>${KEY}_token</SessionToken><Expiration>${expires}</Expiration>`;
    response.writeHead(200, { "content-type": "text/xml" });
    response.end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  } else if (host.startsWith("oidc.")) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ accessToken: `${KEY}_refreshed`, expiresIn: 3600, refreshToken: `${KEY}_again` }),
    );
  } else if (host.startsWith("portal.sso.")) {
    const roleCredentials = {
      accessKeyId: "ASIAOFTHESSOROLE0000",
      secretAccessKey: KEY,
      sessionToken: `${KEY}_token`,
      expiration: Date.parse(expires),
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ roleCredentials }));
  } else if (host.startsWith("the-lake.") && url.includes("list-type=2")) {
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(
      '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>the-lake</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>',
    );
  } else {
    response.writeHead(404, { "content-type": "application/xml" });
    response.end("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
  }
}

async function start(options: ProxyOptions = {}) {
  const server = await startTlsServer(aws);
  closing.push(server);
  const proxy = await startTestProxy({ to: () => server.port, ...options });
  closing.push(proxy);
  return { server, proxy };
}

async function home(config: string, credentials = ""): Promise<string> {
  const folder = await workFolder();
  await mkdir(join(folder, ".aws", "sso", "cache"), { recursive: true });
  await writeFile(join(folder, ".aws", "config"), config);
  await writeFile(join(folder, ".aws", "credentials"), credentials);
  return folder;
}

const status = (env: Record<string, string>, cwd?: string) =>
  gcUsage(["status", "--json"], { env: { ...BASE, ...env }, ...(cwd === undefined ? {} : { cwd }) });

const lines = ({ asked }: TestProxy): string[] => [...new Set(asked.map(({ line }) => line))];

describe("AWS calls go through HTTPS_PROXY", () => {
  it("to S3 and to STS, for a role of a profile, with user and password sent like curl sends them", async () => {
    const { proxy, server } = await start({ user: "me:50%off" });
    const cwd = await home(
      "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/loader\nsource_profile = base\n",
      `[base]\naws_access_key_id = AKIAOFTHEBASE0000000\naws_secret_access_key = ${KEY}\n`,
    );
    const HTTPS_PROXY = `http://me:50%off@127.0.0.1:${proxy.port}`;
    const done = await status({ AWS_PROFILE: "role", HTTPS_PROXY }, cwd);
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(proxy)).toEqual(["CONNECT sts.us-east-1.amazonaws.com:443", BUCKET]);
    expect(server.seen.at(-1)?.headers.authorization).toContain("Credential=ASIAOFTHEROLE0000000/");
    expect(done.stdout + done.stderr).not.toContain("50%off");
  });

  it("to SSO and its token service, for a profile of IAM Identity Center whose token has expired", async () => {
    const { proxy, server } = await start();
    const cwd = await home(
      "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = reader\n" +
        "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n",
    );
    const cache = join(
      cwd,
      ".aws",
      "sso",
      "cache",
      `${createHash("sha1").update("corp").digest("hex")}.json`,
    );
    const token = {
      accessToken: "expired",
      expiresAt: new Date(Date.now() - 1000).toISOString(),
      refreshToken: "refresh",
      clientId: "client",
      clientSecret: "client-secret",
      registrationExpiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      region: "us-east-1",
      startUrl: "https://corp.awsapps.com/start",
    };
    await writeFile(cache, JSON.stringify(token));
    const done = await status({ AWS_PROFILE: "sso", HTTPS_PROXY: proxy.url }, cwd);
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(proxy)).toEqual([
      "CONNECT oidc.us-east-1.amazonaws.com:443",
      "CONNECT portal.sso.us-east-1.amazonaws.com:443",
      BUCKET,
    ]);
    expect(server.seen.at(-1)?.headers.authorization).toContain("Credential=ASIAOFTHESSOROLE0000/");
    // The SDK itself stores the new token, like the AWS CLI.
    expect(await readFile(cache, "utf8")).toContain("refreshed");
    expect(done.stdout + done.stderr).not.toContain(KEY);
  });

  it("to STS, for a web identity", async () => {
    const { proxy } = await start();
    const cwd = await home("");
    await writeFile(join(cwd, "token"), "a-web-identity");
    const web = {
      AWS_WEB_IDENTITY_TOKEN_FILE: join(cwd, "token"),
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/x",
    };
    await status({ ...web, HTTPS_PROXY: proxy.url }, cwd);
    expect(lines(proxy)[0]).toBe("CONNECT sts.us-east-1.amazonaws.com:443");
  });
});

it.each([
  ["CloudFormation", ["aws", "outputs"], "POST http://aws.example.test/"],
  ["Athena", ["sql", "SELECT 1", "--engine", "athena", "--workgroup", "w"], "POST http://aws.example.test/"],
  ["S3", ["status", "--lake", "s3://the-lake"], "GET http://the-lake.aws.example.test/"],
])("%s goes through http_proxy if its endpoint is plain HTTP", async (_service, args, line) => {
  const { proxy } = await start({ refuse: 403 });
  const plain = { http_proxy: proxy.url, AWS_ENDPOINT_URL: "http://aws.example.test", GC_USAGE_LAKE: "" };
  await gcUsage(args, { env: { ...BASE, ...KEYS, ...plain } });
  expect(proxy.asked[0]?.line.replace(/\?.*/, "")).toBe(line);
});

const KEYS = { AWS_ACCESS_KEY_ID: "AKIAOFTHEVARIABLES00", AWS_SECRET_ACCESS_KEY: KEY };

it("AWS calls bypass the proxy for hosts in NO_PROXY, and trust AWS_CA_BUNDLE, or the profile's ca_bundle", async () => {
  const { proxy } = await start();
  const cwd = await home(`[default]\nca_bundle = ${CERTIFICATE}\n`);
  const env = { ...KEYS, HTTPS_PROXY: proxy.url };
  const direct = await status({ ...env, NO_PROXY: ".amazonaws.com" });
  expect(direct.exitCode).not.toBe(0);
  expect(proxy.asked).toEqual([]);
  expect(await status({ ...env, AWS_CA_BUNDLE: "" }, cwd)).toMatchObject({ exitCode: 0 });
  const untrusted = await status({ ...env, AWS_CA_BUNDLE: "" });
  expect(untrusted).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining("certificate is not trusted"),
  });
  const missing = await status({ ...env, AWS_CA_BUNDLE: "/nowhere/ca.pem" });
  expect(missing).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(
      "Cannot read the CA bundle /nowhere/ca.pem (from AWS_CA_BUNDLE): no such file or folder.",
    ),
  });
});

describe("a proxy that opens no tunnel to AWS", () => {
  it("is reported for a 407", async () => {
    const { proxy } = await start({ user: "me:right-pass" });
    const done = await status({ ...KEYS, HTTPS_PROXY: `http://me:wrong-pass@127.0.0.1:${proxy.port}` });
    expect(done.exitCode).toBe(3);
    expect(done.stderr).toContain(`The proxy ${proxy.url} (from HTTPS_PROXY) rejected the user and password`);
    expect(done.stderr).not.toMatch(/wrong-pass|not AWS/);
    expect(proxy.asked).toHaveLength(1);
  });

  it("is reported by its address if nothing listens there, or if it is invalid", async () => {
    const { proxy } = await start();
    await proxy.close();
    const gone = await status({ ...KEYS, HTTPS_PROXY: proxy.url });
    expect(gone.exitCode).toBe(5);
    expect(gone.stderr).toContain(`hrough the proxy ${proxy.url} (from HTTPS_PROXY)`);
    const none = await status({ ...KEYS, HTTPS_PROXY: "http://me:pass-word@p:port" });
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain("Invalid proxy in HTTPS_PROXY");
    expect(none.stderr).not.toContain("pass-word");
  });
});
