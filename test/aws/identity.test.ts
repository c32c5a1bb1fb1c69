import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

const aws = inject("aws");

/** The signer of a call: the key id and region of its Authorization header, and the session token. */
interface Signed {
  readonly key: string | undefined;
  readonly region: string | undefined;
  readonly token: string | undefined;
}

const calls: Signed[] = [];
const server = createServer((request, response) => {
  void text(request).then((body) => answer(request, body, response));
});

/** STS and SSO return keys named after the request; everything else is an empty bucket. */
function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const expires = new Date(Date.now() + 3_600_000);
  const [, action] = /Action=(AssumeRole\w*)/.exec(body) ?? [];
  if (action !== undefined) {
    const keys = `<AccessKeyId>KEYOF${action.toUpperCase()}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expires.toISOString()}</Expiration>`;
    response.writeHead(200, { "content-type": "text/xml" });
    response.end(
      `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>${keys}</Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/x/y</Arn><AssumedRoleId>A:y</AssumedRoleId></AssumedRoleUser></${action}Result></${action}Response>`,
    );
    return;
  }
  if (request.url?.startsWith("/federation/credentials") ?? false) {
    const roleCredentials = {
      accessKeyId: "KEYOFSSO",
      secretAccessKey: "s",
      sessionToken: "t",
      expiration: expires.getTime(),
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ roleCredentials }));
    return;
  }
  const [, key, region] =
    /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
  const token = request.headers["x-amz-security-token"];
  calls.push({ key, region, token: typeof token === "string" ? token : undefined });
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>',
  );
}

const START = "https://corp.awsapps.com/start";

let home = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  home = await workFolder();
  await mkdir(path.join(home, ".aws"));
  const keys = (name: string): string =>
    `[${name}]\naws_access_key_id = KEYOF${name.toUpperCase()}\naws_secret_access_key = of-${name}\n`;
  await writeFile(
    path.join(home, ".aws", "credentials"),
    ["default", "work", "web", "sso"].map(keys).join(""),
  );
  await writeFile(
    path.join(home, ".aws", "config"),
    "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-west-2\n[profile process]\nregion = eu-west-3\n" +
      `credential_process = echo '{"Version": 1, "AccessKeyId": "KEYOFPROCESS", "SecretAccessKey": "of-process"}'\n` +
      "[profile role]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = work\n" +
      `[profile web]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = ${home}/web-token\n` +
      `[profile sso]\nregion = eu-west-1\nsso_start_url = ${START}\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = x\n`,
  );
  await writeFile(path.join(home, "web-token"), "a-web-identity");
  const cache = path.join(home, ".aws", "sso", "cache");
  await mkdir(cache, { recursive: true });
  await writeFile(
    path.join(cache, `${createHash("sha1").update(START).digest("hex")}.json`),
    JSON.stringify({
      startUrl: START,
      region: "eu-west-1",
      accessToken: "t",
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    }),
  );
});
afterAll(() => new Promise((resolve) => server.close(() => resolve(undefined))));

async function signers(
  env: Record<string, string>,
): Promise<{ cli: Signed | string; ours: Signed | string }> {
  const { port } = server.address() as AddressInfo;
  const whole = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
    ...env,
    ...(env["WEB"] === undefined
      ? {}
      : {
          AWS_WEB_IDENTITY_TOKEN_FILE: `${home}/web-token`,
          AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/x",
        }),
  };
  const before = calls.length;
  const cli = await execa(path.join(aws.tools.bin, "aws"), ["s3api", "list-objects-v2", "--bucket", "lake"], {
    env: whole,
    extendEnv: false,
    reject: false,
  });
  const theirs = calls.slice(before).at(-1) ?? cli.stderr.trim();
  const between = calls.length;
  const done = await gcUsage(["status", "--lake", "s3://lake"], { env: whole, cwd: home });
  return { cli: theirs, ours: calls.slice(between).at(-1) ?? done.stderr.trim() };
}

const KEYS = { AWS_ACCESS_KEY_ID: "KEYOFVARIABLES", AWS_SECRET_ACCESS_KEY: "of-variables" };

describe("gc-usage uses the same identity as the AWS CLI", () => {
  it.each([
    [{}, "KEYOFDEFAULT"],
    [{ AWS_PROFILE: "work" }, "KEYOFWORK"],
    [{ AWS_DEFAULT_PROFILE: "work" }, "KEYOFWORK"],
    [{ AWS_DEFAULT_PROFILE: "work", AWS_PROFILE: "default" }, "KEYOFWORK"],
    [{ AWS_PROFILE: "process" }, "KEYOFPROCESS"],
    [{ AWS_PROFILE: "role" }, "KEYOFASSUMEROLE"],
    [{ AWS_PROFILE: "web" }, "KEYOFASSUMEROLEWITHWEBIDENTITY"],
    [{ AWS_PROFILE: "sso" }, "KEYOFSSO"],
    [{ WEB: "yes" }, "KEYOFASSUMEROLEWITHWEBIDENTITY"],
    [{ WEB: "yes", AWS_PROFILE: "sso" }, "KEYOFASSUMEROLEWITHWEBIDENTITY"],
    [{ WEB: "yes", AWS_PROFILE: "role" }, "KEYOFASSUMEROLE"],
    [{ ...KEYS, WEB: "yes", AWS_PROFILE: "role" }, "KEYOFVARIABLES"],
    [{ ...KEYS, AWS_PROFILE: "work" }, "KEYOFVARIABLES"],
    [{ ...KEYS, AWS_DEFAULT_PROFILE: "work" }, "KEYOFVARIABLES"],
    [{ ...KEYS, AWS_SESSION_TOKEN: "token-1" }, "KEYOFVARIABLES"],
    [{ ...KEYS, AWS_SESSION_TOKEN: "token-1", AWS_SECURITY_TOKEN: "token-2" }, "KEYOFVARIABLES"],
    [{ AWS_SECRET_ACCESS_KEY: "of-nobody" }, "KEYOFDEFAULT"],
    [{ ...KEYS, AWS_ACCESS_KEY_ID: "" }, "KEYOFDEFAULT"],
    [{ AWS_SESSION_TOKEN: "of-nobody" }, "KEYOFDEFAULT"],
    [{ AWS_PROFILE: "work", AWS_DEFAULT_REGION: "us-west-2" }, "KEYOFWORK"],
  ])("with %j", async (env, key) => {
    const { cli, ours } = await signers(env);
    expect(ours).toEqual(cli);
    expect(ours).toMatchObject({ key });
  });

  it.each([
    [
      { AWS_PROFILE: "nope" },
      /profile \(nope\) could not be found/,
      /No AWS profile "nope" \(from AWS_PROFILE\)/,
    ],
    [{ ...KEYS, AWS_PROFILE: "nope" }, /profile \(nope\) could not be found/, /No AWS profile "nope"/],
    [{ AWS_ACCESS_KEY_ID: "A" }, /missing: AWS_SECRET_ACCESS_KEY/, /AWS_SECRET_ACCESS_KEY is not/],
  ])("and neither has an identity with %j", async (env, theirs, oursSay) => {
    const { cli, ours } = await signers(env);
    expect(cli).toMatch(theirs);
    expect(ours).toMatch(oursSay);
  });
});
