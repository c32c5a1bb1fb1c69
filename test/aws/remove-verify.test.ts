import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { SLICES_FILE } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { putSlice, sliceKey } from "../helpers/lakes.ts";
import { gcUsage, type Ran } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { between, fileOf, newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const BEFORE = addDays(YESTERDAY, -1);

describe("a lake on S3", () => {
  let sandbox: Sandbox;
  let bucket: string;
  let cache: string;

  beforeAll(async () => {
    sandbox = await startSandbox({ jobDelayMs: 1 });
    bucket = await newBucket(aws, "remove");
    cache = await workFolder();
    const sync = ["sync", "--last", "2d", "--group-by", "method", "--keep-source"];
    expect(await run(...sync)).toMatchObject({ exitCode: 0 });
  });
  afterAll(() => sandbox.close());

  const run = async (...args: string[]): Promise<Ran> =>
    await gcUsage(aws, [...args, "--lake", `s3://${bucket}`], { ...sandbox.env, GC_USAGE_CACHE: cache });
  const keys = async (): Promise<string[]> =>
    ((await s3.listObjectsV2({ Bucket: bucket })).Contents ?? []).map(({ Key = "" }) => Key);

  it("is verified, first intact, then with a damaged slice and a foreign file", async () => {
    expect(await run("verify")).toMatchObject({ exitCode: 0, stderr: expect.any(String) });
    const Key = `usage/granularity=day/date=${BEFORE}/jobs.method.parquet`;
    const sound = await (await s3.getObject({ Bucket: bucket, Key })).Body?.transformToByteArray();
    await s3.putObject({ Bucket: bucket, Key, Body: (sound ?? new Uint8Array()).slice(0, 300) });
    await s3.putObject({ Bucket: bucket, Key: "usage/notes.txt", Body: "mine" });
    const ran = await run("verify", "--json");
    expect(ran.exitCode).toBe(9);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      slices: 2,
      ok: false,
      problems: [
        {
          path: Key,
          kind: "damaged",
          next: `gc-usage sync --refetch --from ${BEFORE} --to ${BEFORE} --group-by method --lake s3://${bucket}`,
        },
      ],
      notes: [{ path: "usage/notes.txt", kind: "foreign" }],
    });
    await s3.putObject({ Bucket: bucket, Key, Body: sound ?? "" });
  });

  it("is verified even without permission to read the claim", async () => {
    const reader = await between(aws, ({ url = "" }) => (url.includes("_gc-usage.json") ? 403 : undefined));
    const env = { GC_USAGE_CACHE: cache, AWS_ENDPOINT_URL: reader.url };
    for (const command of ["verify", "status"]) {
      const ran = await gcUsage(aws, [command, "--json", "--lake", `s3://${bucket}`], env);
      expect(ran.exitCode, ran.stderr).toBe(0);
    }
    expect(reader.seen.some((request) => request.includes("_gc-usage.json"))).toBe(true);
  });

  it("removes a slice, its raw rows and its row in the table slices, but no other objects", async () => {
    const before = await keys();
    const { ETag } = await s3.headObject({ Bucket: bucket, Key: SLICES_FILE });
    const ran = await run("remove", "--last", "1d", "--yes", "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ slices: 1, rawFiles: 1 });
    const gone = before.filter((key) => key.includes(YESTERDAY));
    expect(gone).toHaveLength(2);
    expect(await keys()).toEqual(before.filter((key) => !gone.includes(key)));
    expect((await s3.headObject({ Bucket: bucket, Key: SLICES_FILE })).ETag).not.toBe(ETag);
    const rest = await run("remove", "--service", "jobs", "--yes");
    expect(rest.exitCode, rest.stderr).toBe(0);
    expect((await keys()).sort()).toEqual(["_gc-usage.json", SLICES_FILE, "usage/notes.txt"]);
  });
});

describe("removing an object", () => {
  it("keeps a replaced object, and succeeds if it is already deleted or the response is lost", async () => {
    const uri = `s3://${await newBucket(aws, "remove")}`;
    const { store } = await openStore(aws, uri);
    const path = "usage/x.parquet";
    expect(await store.replace(path, await fileOf("one"), undefined)).toBe(true);
    const first = (await store.head(path))?.version ?? "";
    expect(await store.replace(path, await fileOf("two"), first)).toBe(true);
    expect(await store.remove(path, first)).toBe(false);
    const second = (await store.head(path))?.version ?? "";
    let lost = 0;
    const lossy = await between(aws, ({ method }) =>
      method === "DELETE" && lost++ === 0 ? "lose" : undefined,
    );
    const other = await openStore(lossy, uri);
    expect(await other.store.remove(path, second)).toBe(true);
    expect(await store.head(path)).toBeUndefined();
    expect(await store.remove(path, second)).toBe(true);
  });

  it("without permission fails with the permission that is needed", async () => {
    const bucket = await newBucket(aws, "remove");
    const { store } = await openStore(aws, `s3://${bucket}`);
    await putSlice(new Lake(store), sliceKey(BEFORE), { requests: 1 });
    const denying = await between(aws, ({ method }) => (method === "DELETE" ? 403 : undefined));
    const folder = await workFolder();
    const ran = await gcUsage(aws, ["remove", "--from", BEFORE, "--yes", "--lake", `s3://${bucket}`], {
      GC_USAGE_CACHE: folder,
      AWS_ENDPOINT_URL: denying.url,
    });
    expect(ran).toMatchObject({ exitCode: 4, stdout: "" });
    expect(ran.stderr).toMatch(/Cannot remove s3:\/\/[^]*docs\/aws\.md[^]*No slice was removed/);
  });
});
