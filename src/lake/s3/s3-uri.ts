import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { homeFolder } from "../../environment/home.ts";
import { UsageError } from "../../support/errors.ts";
import { checkFolder } from "../location.ts";

/** A lake's address in S3. */
export interface S3Location {
  readonly bucket: string;
  /** What every key of the lake begins with: empty, or ending in `/`. */
  readonly prefix: string;
  /** `s3://bucket` or `s3://bucket/prefix`, without a `/` at its end. */
  readonly uri: string;
}

/** @throws {UsageError} input, for what is no `s3://bucket[/prefix]`. */
export function parseS3Uri(text: string): S3Location {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? [];
  if (bucket.includes("@")) {
    throw new UsageError(
      "input",
      "The lake's address has a user or a key before its bucket, which is not supported.",
      {
        hint: "Write s3://bucket/prefix, and give the keys with AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
      },
    );
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new UsageError("input", `${text} names no bucket: ${JSON.stringify(bucket)} is no bucket's name.`, {
      hint: "Write s3://bucket or s3://bucket/prefix.",
    });
  }
  const prefix = path.replace(/\/$/, "");
  if (prefix !== "" && prefix.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new UsageError("input", `${text} has an empty part, . or .. in its prefix.`, {
      hint: "Write s3://bucket/prefix, with one / between the parts.",
    });
  }
  const uri = prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/`, uri };
}

/**
 * The folder on this machine for a lake in S3: its mirror, and what is not committed yet. The same bucket behind
 * another endpoint is another lake.
 */
export function cacheFolder(uri: string, env: Env): string {
  const endpoint = env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || "";
  const name = createHash("sha256").update(`${uri}\n${endpoint}`).digest("hex").slice(0, 32);
  const own = env["GC_USAGE_CACHE"];
  const cache = own ? checkFolder(own, "GC_USAGE_CACHE") : join(caches(env), "gc-usage");
  return join(cache, "lakes", name);
}

type Env = Readonly<Record<string, string | undefined>>;

function caches(env: Env): string {
  const home = homeFolder(env);
  const named = env["XDG_CACHE_HOME"];
  // The specification has relative paths ignored: https://specifications.freedesktop.org/basedir-spec/
  const folder = named && isAbsolute(named) ? named : home && join(home, ".cache");
  if (folder) return folder;
  throw new UsageError(
    "input",
    "No home folder is set, so there is no folder for the mirror of a lake on S3.",
    {
      hint: "Set GC_USAGE_CACHE to a folder that can be written, or HOME.",
    },
  );
}
