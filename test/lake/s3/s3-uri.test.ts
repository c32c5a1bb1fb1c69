import { describe, expect, it } from "vitest";
import { cacheFolder, parseS3Uri } from "../../../src/lake/s3/s3-uri.ts";

describe("the address of a lake in S3", () => {
  it.each([
    ["s3://my-bucket", { bucket: "my-bucket", prefix: "", uri: "s3://my-bucket" }],
    ["s3://my-bucket/", { bucket: "my-bucket", prefix: "", uri: "s3://my-bucket" }],
    ["s3://my.bucket/a/b", { bucket: "my.bucket", prefix: "a/b/", uri: "s3://my.bucket/a/b" }],
    ["S3://my-bucket/a/", { bucket: "my-bucket", prefix: "a/", uri: "s3://my-bucket/a" }],
  ])("%s is parsed", (text, place) => {
    expect(parseS3Uri(text)).toEqual(place);
  });

  it.each([
    "s3://",
    "s3:///a",
    "s3://A/b",
    "s3://ab/",
    "s3://-abc",
    "s3://bucket//a",
    "s3://bucket/../a",
    "s3://bucket/a//",
  ])("%s is rejected", (text) => {
    expect(() => parseS3Uri(text)).toThrow(expect.objectContaining({ kind: "input" }));
  });
});

describe("the cache of a lake in S3", () => {
  const uri = "s3://my-bucket";

  it("is in GC_USAGE_CACHE, or else XDG_CACHE_HOME, or else ~/.cache", () => {
    expect(cacheFolder(uri, { GC_USAGE_CACHE: "/own", XDG_CACHE_HOME: "/xdg", HOME: "/home/me" })).toMatch(
      /^\/own\/lakes\/[0-9a-f]{32}$/,
    );
    expect(cacheFolder(uri, { XDG_CACHE_HOME: "/xdg", HOME: "/home/me" })).toMatch(
      /^\/xdg\/gc-usage\/lakes\//,
    );
    expect(cacheFolder(uri, { HOME: "/home/me" })).toMatch(/^\/home\/me\/\.cache\/gc-usage\/lakes\//);
  });

  it("differs for another bucket, prefix or endpoint", () => {
    const env = { HOME: "/home/me" };
    const folders = [
      cacheFolder(uri, env),
      cacheFolder(`${uri}/a`, env),
      cacheFolder(uri, { ...env, AWS_ENDPOINT_URL: "http://127.0.0.1:1" }),
      cacheFolder(uri, {
        ...env,
        AWS_ENDPOINT_URL: "http://127.0.0.1:1",
        AWS_ENDPOINT_URL_S3: "http://127.0.0.1:2",
      }),
    ];
    expect(new Set(folders).size).toBe(4);
  });
});
