import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { putSlice, sliceKey } from "../helpers/lakes.ts";
import { clientOptions } from "./harness/env.ts";
import { readCalls } from "./harness/moto.ts";
import { between, fileOf, listening, mirrorAll, newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const PATH = "gc_usage_api_source/granularity=month/one.json";
const PART = 5 * 1024 * 1024;

async function text(folder: string, path = PATH): Promise<string> {
  return readFile(join(folder, path), "utf8");
}

async function openUploads(Bucket: string): Promise<number> {
  return (await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0;
}

describe("a write to S3", () => {
  it("creates files, replaces expected versions, and keeps others", async () => {
    const { store } = await openStore(aws, `s3://${await newBucket(aws, "write")}/a/b`);
    expect(await store.head(PATH)).toBeUndefined();
    expect(await store.replace(PATH, await fileOf("1\n"), undefined)).toBe(true);
    const first = await store.head(PATH);
    expect(first).toMatchObject({ path: PATH, bytes: 2 });
    expect(await store.replace(PATH, await fileOf("22\n"), undefined)).toBe(false);
    expect(await store.replace(PATH, await fileOf("22\n"), '"0123456789abcdef0123456789abcdef"')).toBe(false);
    expect(await store.replace(PATH, await fileOf("22\n"), first?.version)).toBe(true);
    expect(await store.list("")).toEqual([await store.head(PATH)]);
    expect(await text(await mirrorAll(store))).toBe("22\n");
  });

  it("accepts an empty file, and a name in many scripts", async () => {
    const { store } = await openStore(aws, `s3://${await newBucket(aws, "names")}`);
    const path = "gc_usage_api_source/granularity=month/a +%=é😀.json";
    expect(await store.replace(path, await fileOf(""), undefined)).toBe(true);
    expect((await store.list("gc_usage_api_source/")).map((object) => object.path)).toEqual([path]);
    expect(await text(await mirrorAll(store), path)).toBe("");
  });

  it("fails if the expected version was deleted", async () => {
    const Bucket = await newBucket(aws, "gone");
    const { store } = await openStore(aws, `s3://${Bucket}`);
    await store.replace(PATH, await fileOf("1"), undefined);
    const before = await store.head(PATH);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: PATH }));
    expect(await store.replace(PATH, await fileOf("2"), before?.version)).toBe(false);
    expect(await store.head(PATH)).toBeUndefined();
  });

  it("succeeds for only one of twenty at the same time", async () => {
    const uri = `s3://${await newBucket(aws, "race")}`;
    const { store } = await openStore(aws, uri);
    const writers = Array.from({ length: 20 }, (_, i) => String(i));
    for (let round = 0; round < 3; round++) {
      const expected = (await store.head(PATH))?.version;
      const won = await Promise.all(
        writers.map(async (name) => {
          const file = await fileOf(`${round} ${name}`);
          return (await store.replace(PATH, file, expected)) ? [name] : [];
        }),
      );
      expect(won.flat()).toHaveLength(1);
      expect(await text(await mirrorAll(store))).toBe(`${round} ${won.flat()[0]}`);
    }
  });

  it("uploads large files in parts, with the same condition, and leaves no parts behind", async () => {
    const Bucket = await newBucket(aws, "parts");
    const { store } = await openStore(aws, `s3://${Bucket}`, { partBytes: PART });
    const large = Buffer.alloc(2 * PART + 12_345, "parts of a whole ");
    const before = (await readCalls(aws.record)).length;
    expect(await store.replace(PATH, await fileOf(large), undefined)).toBe(true);
    const calls = (await readCalls(aws.record)).slice(before);
    expect(calls.filter(({ query }) => query.includes("partNumber"))).toHaveLength(3);
    expect((await store.head(PATH))?.bytes).toBe(large.length);
    expect((await readFile(join(await mirrorAll(store), PATH))).equals(large)).toBe(true);
    expect(await store.replace(PATH, await fileOf(large), undefined)).toBe(false);
    expect(await openUploads(Bucket)).toBe(0);
  });

  it("restarts if another write is in progress (409), in one or several parts", async () => {
    const Bucket = await newBucket(aws, "conflict");
    let conflicts = 0;
    const meddled = await between(aws, ({ method, url = "" }) => {
      const ends =
        (method === "PUT" && !url.includes("partNumber")) || (method === "POST" && /uploadId/.test(url));
      return ends && conflicts++ % 3 < 2 ? 409 : undefined;
    });
    const { store } = await openStore(meddled, `s3://${Bucket}`, { partBytes: PART });
    expect(await store.replace(PATH, await fileOf("small"), undefined)).toBe(true);
    expect(conflicts).toBe(3);
    const large = await fileOf(Buffer.alloc(PART + 1));
    expect(await store.replace(PATH, large, (await store.head(PATH))?.version)).toBe(true);
    expect(meddled.seen.filter((line) => line.startsWith("POST") && line.endsWith("uploads="))).toHaveLength(
      3,
    );
    expect(await openUploads(Bucket)).toBe(0);
    expect((await store.head(PATH))?.bytes).toBe(PART + 1);
  });

  it("distinguishes a lost response from a lost race", async () => {
    let lost = 0;
    const meddled = await between(aws, ({ method }) =>
      method === "PUT" && lost++ === 0 ? "lose" : undefined,
    );
    const { store } = await openStore(meddled, `s3://${await newBucket(aws, "lost")}`);
    expect(await store.replace(PATH, await fileOf("mine"), undefined)).toBe(true);
    expect(lost).toBe(2);
  });

  it("is retried while S3 is busy, and then reports S3's error", async () => {
    let busy = 0;
    const meddled = await between(aws, ({ method }) => (method === "PUT" && busy++ < 2 ? 503 : undefined));
    const uri = `s3://${await newBucket(aws, "busy")}`;
    const { store } = await openStore(meddled, uri);
    expect(await store.replace(PATH, await fileOf("1"), undefined)).toBe(true);
    busy = Number.NEGATIVE_INFINITY;
    await expect(store.replace(PATH, await fileOf("2"), undefined)).rejects.toMatchObject({
      kind: "service",
      retryable: true,
      message: `Cannot write ${uri}/${PATH}: AWS is temporarily unavailable. meddled.`,
    });
  });
});

describe("a listing of S3", () => {
  it("is not confused with a network's sign-in page, which would parse as an empty one", async () => {
    const page = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Sign in</body></html>");
    });
    const { store } = await openStore({ url: await listening(page) }, "s3://any-bucket");
    for (const opened of [store.exists(), store.list("usage/"), mirrorAll(store)]) {
      await expect(opened).rejects.toMatchObject({
        kind: "service",
        message: expect.stringMatching(
          /^Cannot (open|list) s3:.*: the response is not from S3\.$/,
        ) as unknown,
        hint: expect.stringContaining("AWS_ENDPOINT_URL") as unknown,
      });
    }
  });

  it("reads all pages, in order, and skips hidden and dangerous names", async () => {
    const Bucket = await newBucket(aws, "pages");
    const names = Array.from(
      { length: 2100 },
      (_, i) => `usage/granularity=day/date=2026-01-01/${10_000 + i}.parquet`,
    );
    const odd = [
      "usage/_SUCCESS",
      "usage/.x",
      "usage/../../escape.parquet",
      "usage//x",
      "usage/folder/",
      "usage/a\\b",
    ];
    const keys = [...names, ...odd];
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(
        keys
          .slice(i, i + 50)
          .map((Key) => s3.send(new PutObjectCommand({ Bucket, Key: `lake/${Key}`, Body: "x" }))),
      );
    }
    const { store } = await openStore(aws, `s3://${Bucket}/lake/`);
    expect((await store.list("usage/")).map(({ path }) => path)).toEqual(names);
    expect(await store.list("usage/granularity=day/date=2026-01-01/1209")).toHaveLength(10);
  });
});

describe("a lake in S3", () => {
  it("stores slices like a folder: they can be written and read, and are not replaced by slices that cover less", async () => {
    const { store } = await openStore(aws, `s3://${await newBucket(aws, "lake")}/usage-lake`);
    const lake = new Lake(store);
    expect(await putSlice(lake, sliceKey("2026-11-01"), { requests: 5 })).toBe("written");
    expect(
      await putSlice(lake, sliceKey("2026-11-01"), { requests: 4 }, { metrics: ["requests"] }),
    ).toHaveProperty("kept");
    expect(await putSlice(lake, sliceKey("2026-11-01"), { requests: 6 }, { id: "job-2" })).toBe("written");
    expect(await putSlice(lake, sliceKey("2026-11-02"), { requests: 7 })).toBe("written");
    const slices = await lake.slices();
    expect(slices.map(({ key, provenance }) => [key.date, provenance?.id])).toEqual([
      ["2026-11-01", "job-2"],
      ["2026-11-02", "job-1"],
    ]);
    expect((await lake.slice(sliceKey("2026-11-01")))?.object.path).toBe(slicePath(sliceKey("2026-11-01")));
    await lake.close();
  });
});
