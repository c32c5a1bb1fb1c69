import { writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

const KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555";
const EMPTY =
  '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>';

const requests: { readonly method: string; readonly headers: IncomingHttpHeaders }[] = [];
let isDenied = false;
const server = createServer((request, response) => {
  const { method = "", headers } = request;
  requests.push({ method, headers });
  request.resume().on("end", () => {
    if (method === "HEAD") response.writeHead(404).end();
    else if (method === "PUT" && isDenied)
      response.writeHead(403).end("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    else if (method === "PUT") response.writeHead(200, { etag: '"1"' }).end();
    else if (request.url?.includes("list-type")) response.writeHead(200).end(EMPTY);
    else response.writeHead(404).end("<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>");
  });
});
let folder = "";
let env: Record<string, string> = {};
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  folder = await workFolder();
  env = {
    HOME: folder,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "s",
    GC_USAGE_CACHE: join(folder, "cache"),
  };
  await writeFile(
    join(folder, "rows.ndjson"),
    '{"clientId":"c","requests":1,"status200":1,"date":"2026-03-03T00:00:00Z"}\n',
  );
});
afterAll(() => server.close());

/** Loads a file into a lake on S3, and returns what was sent. */
async function load(demands: Readonly<Record<string, string>>) {
  requests.length = 0;
  const args = ["load", join(folder, "rows.ndjson"), "--granularity", "day", "--lake", "s3://bucket"];
  const done = await gcUsage(args, { env: { ...env, ...demands } });
  return { ...done, writes: requests.filter(({ method }) => method === "PUT") };
}

it("names the bucket's owner in every call, and the key in every write", async () => {
  const { exitCode, stderr, writes } = await load({
    GC_USAGE_S3_BUCKET_OWNER: "123456789012",
    GC_USAGE_S3_ENCRYPTION: KEY,
  });
  expect(exitCode, stderr).toBe(0);
  expect(requests.length).toBeGreaterThan(3);
  for (const { headers } of requests) expect(headers["x-amz-expected-bucket-owner"]).toBe("123456789012");
  // The slice, and what the lake keeps about itself.
  expect(writes.length).toBeGreaterThan(1);
  for (const { headers } of writes) {
    expect(headers).toMatchObject({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": KEY,
    });
  }
});

it.each([
  ["AES256", { "x-amz-server-side-encryption": "AES256" }],
  ["aws:kms", { "x-amz-server-side-encryption": "aws:kms" }],
])("sends %s without a key", async (GC_USAGE_S3_ENCRYPTION, expected) => {
  const { writes } = await load({ GC_USAGE_S3_ENCRYPTION });
  expect(writes[0]?.headers).toMatchObject(expected);
  expect(writes[0]?.headers).not.toHaveProperty("x-amz-server-side-encryption-aws-kms-key-id");
});

it("names no owner and no key without these settings, and points to them if S3 denies a write", async () => {
  isDenied = true;
  const { exitCode, stderr, writes } = await load({});
  isDenied = false;
  for (const { headers } of writes) {
    expect(headers).not.toHaveProperty("x-amz-server-side-encryption");
    expect(headers).not.toHaveProperty("x-amz-expected-bucket-owner");
  }
  expect(exitCode).toBe(4);
  expect(stderr).toContain("If the bucket demands a header for encryption, set GC_USAGE_S3_ENCRYPTION.");
});

it.each([
  [
    { GC_USAGE_S3_BUCKET_OWNER: "1234" },
    'Invalid GC_USAGE_S3_BUCKET_OWNER: "1234" (expected an account id).',
  ],
  [{ GC_USAGE_S3_ENCRYPTION: "kms" }, 'Invalid GC_USAGE_S3_ENCRYPTION: "kms" (expected AES256,'],
])("rejects %o before any call", async (demands, message) => {
  const { exitCode, stderr } = await load(demands);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
  expect(requests).toEqual([]);
});
