import { describe, expect, it } from "vitest";
import { parseS3Uri } from "../../../src/lake/s3/s3-uri.ts";

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

  it.each([
    "s3://me:not-a-secret@bucket",
    "s3://me:/with/slashes/not-a-secret@bucket",
    "s3://:a/not-a-secret@b",
  ])("%s is rejected without showing what is before the bucket", (text) => {
    expect(() => parseS3Uri(text)).toThrow(/^(?!.*not-a-secret).*user or key/);
  });
});
