import { execFileSync } from "node:child_process";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { workFolder } from "../helpers/folders.ts";
import { putSlice, sliceKey } from "../helpers/lakes.ts";
import { gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const DAY = "usage/granularity=day/date=2026-11-01";
const SOURCE = "gc_usage_api_source/granularity=day";

describe("an object in S3 that is not data", () => {
  it("does not block readers, whatever its key, and is reported by status", async () => {
    const Bucket = await newBucket(aws, "strays");
    const uri = `s3://${Bucket}/some/prefix`;
    const { store } = await openStore(aws, uri);
    const lake = new Lake(store);
    await putSlice(lake, sliceKey("2026-11-01"), { requests: 5 });
    const strays = [
      `${DAY}/jobs.client-uri-method-DESKTOP-1A2B.parquet`,
      `${DAY}/jobs.client-uri-method.parquet/x`,
      `${DAY}/${"n".repeat(300)}.parquet`,
      `${SOURCE}/${"n".repeat(300)}.json`,
      `${SOURCE}/${"ö".repeat(126)}.json`,
      `${SOURCE}/${"deep/".repeat(150)}x.json`,
      `${SOURCE}/../x.json`,
      `${SOURCE}/./x.json`,
      `${SOURCE}//x.json`,
      `${SOURCE}/a\\b.json`,
      `${SOURCE}/`,
      `${SOURCE}/x.json/`,
      "usage/",
      "usage/control\u0001character",
      "usage/a b+c%2f&<>\"'.txt",
    ];
    for (const path of strays) {
      await s3.send(new PutObjectCommand({ Bucket, Key: `some/prefix/${path}`, Body: new Uint8Array() }));
    }
    const cache = { GC_USAGE_CACHE: await workFolder() };
    const sum = await gcUsage(
      aws,
      ["sql", "--lake", uri, "--output", "csv", "SELECT sum(requests) FROM usage"],
      cache,
    );
    expect(sum, sum.stderr).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/\n5\s*$/) as string,
    });
    const status = await gcUsage(aws, ["status", "--lake", uri, "--json"], cache);
    const { foreign } = JSON.parse(status.stdout) as { foreign: { path: string; why: string }[] };
    expect(foreign.map(({ path }) => path).sort()).toEqual([...strays].sort());
    const why = new Map(foreign.map((stray) => [stray.path, stray.why]));
    expect(why.get(`${SOURCE}/${"n".repeat(300)}.json`)).toBe("its name is not a valid file name");
    expect(why.get(`${SOURCE}/`)).toBe("the marker of an empty folder");
    expect(
      execFileSync("find", [cache.GC_USAGE_CACHE, "-type", "f", "-name", "*.parquet"]).toString(),
    ).toMatch(/^\S+jobs\.client-uri-method\.parquet\n$/);
  });
});
