import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { hasTerminal, onTerminal } from "../helpers/terminal.ts";

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const HOUR_MS = 3_600_000;
const EMPTY = {
  status: 200,
  body: '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>',
};
const s3Error = (status: number, code: string, rest = "", headers = {}): Answer => ({
  status,
  headers,
  body: `<Error><Code>${code}</Code><Message>as the test says.</Message>${rest}</Error>`,
});
const stsError = (status: number, code: string, message: string): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
const ROLE_KEYS = {
  status: 200,
  body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>KEYOFROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${new Date(Date.now() + HOUR_MS).toISOString()}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/x/y</Arn><AssumedRoleId>A:y</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`,
};

let answer: (request: IncomingMessage, body: string) => Answer = () => EMPTY;
const signers: string[] = [];
const server = createServer((request, response) => {
  void text(request).then((body) => {
    const [, signer] = /Credential=([^/]+\/\d+\/[^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
    signers.push((signer ?? "").replace(/\/\d+\//, " "));
    const { status, headers = {}, body: answered = "" } = answer(request, body);
    response.writeHead(status, { "content-type": "text/xml", ...headers });
    response.end(request.method === "HEAD" ? "" : answered);
  });
});

let home = "";
let env: Record<string, string> = {};
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  home = await workFolder();
  env = {
    HOME: home,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "2",
    GC_USAGE_CACHE: join(home, "cache"),
  };
  const cache = join(home, ".aws", "sso", "cache");
  await mkdir(cache, { recursive: true });
  const keys = (name: string) => `[${name}]\naws_access_key_id = KEYOF${name}\naws_secret_access_key = s\n`;
  await writeFile(join(home, ".aws", "credentials"), keys("default") + keys("work"));
  const role = "role_arn = arn:aws:iam::123456789012:role/x";
  const sso = "sso_account_id = 123456789012\nsso_role_name = x";
  const start = (name: string) => `sso_start_url = https://${name}.example/start\nsso_region = eu-west-1`;
  await writeFile(
    join(home, ".aws", "config"),
    `[default]\nregion = eu-west-1
[profile work]\nregion = eu-west-2
[profile mfa]\nregion = eu-west-1\n${role}\nsource_profile = work\nmfa_serial = arn:aws:iam::123456789012:mfa/me
[profile lost]\nregion = eu-west-1\n${role}\nsource_profile = gone
[profile below]\nregion = eu-west-1\n${role}\nsource_profile = lost
[profile old-sso]\nregion = eu-west-1\n${start("old")}\n${sso}
[profile no-sso]\nregion = eu-west-1\nsso_session = never\n${sso}
[profile ended]\nregion = eu-west-1\nsso_session = ended\n${sso}
[profile astray]\nregion = eu-west-1\nsso_session = nowhere\n${sso}
[profile broken]\nregion = eu-west-1\ncredential_process = exit 3
[sso-session never]\n${start("never")}
[sso-session ended]\n${start("ended")}
`,
  );
  const token = (of: string, until: number) =>
    writeFile(
      join(cache, `${createHash("sha1").update(of).digest("hex")}.json`),
      JSON.stringify({ accessToken: "t", expiresAt: new Date(Date.now() + until).toISOString() }),
    );
  await token("https://old.example/start", -HOUR_MS);
  await token("ended", HOUR_MS);
});
afterAll(() => new Promise((resolve) => server.close(() => resolve(undefined))));

const status = (flags: readonly string[] = [], more: Record<string, string> = {}) =>
  gcUsage(["status", "--lake", "s3://bucket", ...flags], { env: { ...env, ...more } });

describe("--aws-profile and --aws-region", () => {
  it("come before keys, profiles and regions of the environment", async () => {
    answer = () => EMPTY;
    signers.length = 0;
    const set = { AWS_ACCESS_KEY_ID: "KEYOFENV", AWS_SECRET_ACCESS_KEY: "s", AWS_PROFILE: "default" };
    const runs = [
      await status(["--aws-profile", "work"], set),
      await status(["--aws-profile", "work", "--aws-region", "us-west-2"], {
        ...set,
        AWS_REGION: "eu-west-3",
      }),
      await status(["--aws-region", "us-west-2"]),
    ];
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect([...new Set(signers)]).toEqual([
      "KEYOFwork eu-west-2",
      "KEYOFwork us-west-2",
      "KEYOFdefault us-west-2",
    ]);
    const { stdout } = await gcUsage(["config", "--aws-profile", "work", "--json"], { env });
    expect(stdout).toContain('"--aws-profile"');
  });

  it("are options of every command that has a lake or a stack", async () => {
    const without: string[] = [];
    for (const { name } of COMMANDS) {
      const { stdout } = await gcUsage(["help", name]);
      const mayCallAws = /--stack <name>|--sns-topic|s3:\/\/bucket\/prefix/.test(stdout);
      if (mayCallAws && !/--aws-profile[\s\S]*--aws-region/.test(stdout)) without.push(name);
    }
    expect(without).toEqual([]);
    const { stdout } = await gcUsage(["help", "aws", "deploy"]);
    expect(stdout).toContain("--aws-profile, --profile <name>");
  });

  it("are suggested where --profile or --region was meant for AWS", async () => {
    const unknown = await status(["--profile", "work"]);
    expect(unknown.stderr).toContain("Did you mean --aws-profile?");
    expect((await status(["--region", "eu-west-1"])).stderr).toContain("Did you mean --aws-region?");
    const sync = ["sync", "--last", "2d", "--lake", "s3://bucket", "--profile", "work"];
    const { stderr, exitCode } = await gcUsage(sync, { env });
    expect(stderr).toContain("--profile is for Genesys Cloud: for AWS, use --aws-profile.");
    expect(exitCode).toBe(2);
    const region = await gcUsage(["status", "--lake", "s3://bucket"], {
      env: { ...env, AWS_CONFIG_FILE: "/dev/null" },
    });
    expect(region.stderr).toContain("Set --aws-region or AWS_REGION, for example to eu-central-1");
  });
});

describe("a sign-in to AWS that fails", () => {
  it.each([
    ["nope", 'No AWS profile "nope" (from --aws-profile).', "Profiles found: "],
    ["lost", 'The AWS profile lost names the source_profile "gone", which does not exist.', "~/.aws/config"],
    ["below", 'The AWS profile lost names the source_profile "gone", which does not exist.', "~/.aws/config"],
    [
      "astray",
      'The AWS profile astray names the sso_session "nowhere", which does not exist.',
      "sso_session",
    ],
    ["old-sso", "The AWS SSO session of the profile old-sso has expired", "aws sso login --profile old-sso"],
    ["no-sso", "The AWS SSO session of the profile no-sso has expired", "aws sso login --profile no-sso"],
    ["ended", "The AWS SSO session of the profile ended has expired", "aws sso login --profile ended"],
    [
      "broken",
      "The credential_process of the AWS profile broken provided no credentials.",
      "aws configure get",
    ],
    [
      "mfa",
      "The AWS profile mfa needs a code of the MFA device arn:aws:iam::123456789012:mfa/me",
      "on a terminal",
    ],
  ])("with the profile %s is reported in one sentence", async (profile, sentence, hint) => {
    answer = ({ url = "" }) =>
      url.startsWith("/federation")
        ? {
            status: 401,
            headers: { "content-type": "application/json", "x-amzn-errortype": "UnauthorizedException" },
            body: '{"message":"Session token not found or invalid"}',
          }
        : EMPTY;
    const { exitCode, stderr } = await status(["--aws-profile", profile]);
    expect(exitCode).toBe(3);
    const [first, second, ...more] = stderr.trimEnd().split("\n");
    expect(first).toContain(`error: ${sentence}`);
    expect(second).toContain(hint);
    expect(more).toEqual([]);
  });

  it("asks for an MFA code once, on a terminal, for all services", async () => {
    if (!hasTerminal()) return;
    const codes: (string | null)[] = [];
    const described = `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>s</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Description>gc-usage: a lake</Description><Outputs>${[
      ["Region", "eu-west-1"],
      ["LakeUri", "s3://bucket"],
      ["FirstDay", "2025-01-01"],
      ...["LakeBucket", "SourceUri", "ResultsBucket", "Database", "WorkGroup", "Crawler"].map((key) => [
        key,
        "x",
      ]),
      ...["LoaderPolicyArn", "ReaderPolicyArn"].map((key) => [key, "x"]),
    ]
      .map(
        ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
      )
      .join("")}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
    answer = (_request, body) => {
      const form = new URLSearchParams(body);
      if (form.get("Action") === "DescribeStacks") return { status: 200, body: described };
      if (form.get("Action") !== "AssumeRole") return EMPTY;
      codes.push(form.get("TokenCode"));
      return form.get("TokenCode") === "123456"
        ? ROLE_KEYS
        : stsError(
            403,
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
          );
    };
    const args = ["status", "--stack", "s", "--aws-profile", "mfa"];
    const question = /MFA code for arn:aws:iam::123456789012:mfa\/me: /;
    const right = await onTerminal(args, { cwd: home, env, keys: [{ after: question, type: "123456\r" }] });
    expect(right.shown).toContain("no slices yet");
    expect(codes).toEqual(["123456"]);
    const wrong = await onTerminal(args, { cwd: home, env, keys: [{ after: question, type: "654321\r" }] });
    expect(wrong.shown).toContain("AWS rejected the MFA code of the profile mfa.");
    expect(wrong.exitCode).toBe(3);
  });
});

describe("a bucket in another region", () => {
  const elsewhere: Readonly<Record<string, (method: string) => Answer>> = {
    "a 301 with the region in a header": () =>
      s3Error(301, "PermanentRedirect", "", { "x-amz-bucket-region": "eu-central-1" }),
    "a 301 with the region in the endpoint": () =>
      s3Error(301, "PermanentRedirect", "<Endpoint>bucket.s3.eu-central-1.amazonaws.com</Endpoint>"),
    AuthorizationHeaderMalformed: () =>
      s3Error(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
  };
  it.each(Object.keys(elsewhere))("is called there after %s, and only the first call fails", async (name) => {
    const isThere = ({ headers }: IncomingMessage) => headers.authorization?.includes("/eu-central-1/");
    const methods: string[] = [];
    answer = (request) => {
      methods.push(`${request.method} ${isThere(request) ? "there" : "elsewhere"}`);
      if (!isThere(request)) return elsewhere[name]?.("") ?? EMPTY;
      if (request.method === "HEAD") return { status: 404 };
      return request.method === "PUT" ? { status: 200, headers: { etag: '"1"' } } : EMPTY;
    };
    const rows = join(home, "rows.ndjson");
    await writeFile(rows, '{"clientId":"c","requests":1,"status200":1,"date":"2026-03-03T00:00:00Z"}\n');
    const load = ["upload", rows, "--granularity", "day", "--lake", "s3://bucket"];
    const done = await gcUsage(load, { env });
    expect(done.stderr).toContain("Uploaded 1 rows");
    expect(methods.filter((call) => call.endsWith("elsewhere"))).toHaveLength(1);
    expect(methods).toContain("PUT there");
  });

  it("is reported if S3 does not name the region, or names the same one", async () => {
    answer = () => s3Error(301, "PermanentRedirect");
    const unnamed = await status();
    expect(unnamed.exitCode).toBe(11);
    expect(unnamed.stderr).toContain("Cannot open s3://bucket: the bucket is in another AWS region.");
    answer = () => s3Error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
    expect((await status()).stderr).toContain("Set --aws-region eu-west-1.");
  });
});

describe("a clock that differs from AWS's", () => {
  const twoHoursAgo = () => ({ date: new Date(Date.now() - 2 * HOUR_MS).toUTCString() });
  it("is corrected after the first answer", async () => {
    answer = ({ headers }) => {
      const [, y, mo, d, h, mi, s] =
        /^(....)(..)(..)T(..)(..)(..)Z$/.exec(String(headers["x-amz-date"])) ?? [];
      const signed = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
      const isNear = Math.abs(signed - (Date.now() - 2 * HOUR_MS)) < HOUR_MS;
      return isNear
        ? { ...EMPTY, headers: twoHoursAgo() }
        : s3Error(403, "RequestTimeTooSkewed", "", twoHoursAgo());
    };
    expect(await status()).toMatchObject({ exitCode: 0 });
  });

  it("is reported with the difference if that does not help", async () => {
    answer = () => s3Error(403, "RequestTimeTooSkewed", "", twoHoursAgo());
    const ofS3 = await status();
    expect(ofS3.exitCode).toBe(3);
    expect(ofS3.stderr).toContain("AWS rejected the clock of this machine: it is 120 minutes ahead.");
    answer = () => ({
      ...stsError(403, "SignatureDoesNotMatch", "Signature not yet current: 20261128T1330Z is still later"),
      headers: twoHoursAgo(),
    });
    const ofStack = await gcUsage(["status", "--stack", "s"], { env });
    expect(ofStack.stderr).toContain("AWS rejected the clock of this machine: it is 120 minutes ahead.");
  });
});

it("a HEAD request that S3 denies has a reason that a person can act on", async () => {
  answer = ({ method }) => (method === "HEAD" ? { status: 403 } : EMPTY);
  const rows = join(home, "rows.ndjson");
  await writeFile(rows, '{"clientId":"c","requests":1,"status200":1,"date":"2026-03-03T00:00:00Z"}\n');
  const done = await gcUsage(["load", rows, "--granularity", "day", "--lake", "s3://bucket"], { env });
  expect(done.exitCode).toBe(4);
  expect(done.stderr).toContain("AWS denied access and gave no reason (HTTP 403).");
  expect(done.stderr).toContain("s3:ListBucket");
});

it("a home folder that cannot be written is reported with GC_USAGE_CACHE", async () => {
  answer = () => EMPTY;
  await writeFile(join(home, "file"), "");
  const keys = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s", AWS_REGION: "eu-west-1" };
  const places = [
    { HOME: join(home, "file"), GC_USAGE_CACHE: "" },
    { GC_USAGE_CACHE: join(home, "file", "cache") },
    { XDG_CACHE_HOME: join(home, "file"), GC_USAGE_CACHE: "" },
  ];
  for (const place of places) {
    const { exitCode, stderr } = await status([], { ...keys, ...place });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /Cannot write to the cache folder .*: part of its path is a file, not a folder\.\n/,
    );
    expect(stderr).toContain("Set GC_USAGE_CACHE to a writable folder.");
  }
});
