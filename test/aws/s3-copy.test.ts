import { join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { copyLake } from "../../src/sync/copy.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { putSlice, sliceKey } from "../helpers/lakes.ts";
import { gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { between, newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const OPTIONS = { force: false, dryRun: false, onProgress: () => {} };

async function folderLake(): Promise<Lake> {
  return new Lake(new FolderStore(join(await workFolder(), "lake")));
}

describe("copying to S3 and back", () => {
  it("fails if the data read back differs from the data written", async () => {
    const from = await folderLake();
    await putSlice(from, sliceKey("2026-11-01"), { requests: 5 });
    const Bucket = await newBucket(aws, "otherwise");
    let written = false;
    // Another program writes after our write, and before we read it back.
    const meddled = await between(aws, async ({ method, url = "" }) => {
      if (method === "PUT") written = true;
      if (!written || !url.includes("list-type")) return undefined;
      written = false;
      const Key = slicePath(sliceKey("2026-11-01"));
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: "other" }));
      return undefined;
    });
    const uri = `s3://${Bucket}`;
    const to = new Lake((await openStore(meddled, uri)).store);
    await expect(copyLake({ ...OPTIONS, from, to })).rejects.toMatchObject({
      kind: "lake",
      message: expect.stringMatching(/^1 of 1 objects differ from what was written/) as unknown,
    });
  });

  it("fails if the data is changed on the way", async () => {
    const from = await folderLake();
    await putSlice(from, sliceKey("2026-11-01"), { requests: 5 });
    const meddled = await between(aws, ({ method }) => (method === "PUT" ? "flip-sent" : undefined));
    const to = new Lake((await openStore(meddled, `s3://${await newBucket(aws, "sent")}`)).store);
    // S3 would reject it; moto stores it with the checksum of the request, which then does not match the bytes.
    await expect(copyLake({ ...OPTIONS, from, to })).rejects.toThrow("Checksum mismatch");
  });

  it("skips files that are not data, and copies the rest", async () => {
    const Bucket = await newBucket(aws, "strays");
    const folder = "gc_usage_api_source/granularity=month";
    for (const name of ["x", "x/y.json", "z.json"]) {
      await s3.send(new PutObjectCommand({ Bucket, Key: `${folder}/${name}`, Body: name }));
    }
    const uri = `s3://${Bucket}`;
    const from = new Lake((await openStore(aws, uri)).store);
    const to = await folderLake();
    const { sources, kept, foreign } = await copyLake({ ...OPTIONS, from, to });
    expect(sources).toEqual({ copied: 1, same: 0, kept: 0 });
    expect(kept).toEqual([]);
    expect(foreign.map(({ path }) => path)).toEqual([`${folder}/x`, `${folder}/x/y.json`]);
    const done = await gcUsage(aws, ["copy", uri, to.uri], { GC_USAGE_CACHE: await workFolder() });
    expect(done.exitCode).toBe(0);
    expect(done.stderr).toContain(`Not copied, because it is not data: ${folder}/x (`);
    expect(done.stderr).not.toContain("--force");
  });

  it.each([
    ["s3://b-1/x", "S3://b-1/x/"],
    ["S3://b-1", "s3://b-1/"],
  ])("recognizes %s and %s as the same lake", async (from, to) => {
    const done = await gcUsage(aws, ["copy", from, to]);
    expect(done).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("are the same lake") as unknown,
    });
  });
});
