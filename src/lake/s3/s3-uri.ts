import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { homeFolder } from "../../environment/home.ts";
import { GcUsageError } from "../../support/errors.ts";
import { checkFolder } from "../location.ts";

/** A lake's address in S3. */
export interface S3Location {
  readonly bucket: string;
  /** The prefix of every key of the lake: empty, or ending in `/`. */
  readonly prefix: string;
  /** `s3://bucket` or `s3://bucket/prefix`, without a trailing `/`. */
  readonly uri: string;
}

/** @throws {GcUsageError} input, for anything but `s3://bucket[/prefix]`. */
export function parseS3Uri(text: string): S3Location {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? [];
  if (bucket.includes("@")) {
    throw new GcUsageError(
      "input",
      "Invalid lake location: a user or key before the bucket is not supported.",
      {
        hint: "Write s3://bucket/prefix, and set the keys with AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
      },
    );
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new GcUsageError(
      "input",
      `Invalid lake location ${text}: ${JSON.stringify(bucket)} is not a valid bucket name.`,
      {
        hint: "Write s3://bucket or s3://bucket/prefix.",
      },
    );
  }
  const prefix = path.replace(/\/$/, "");
  if (prefix !== "" && prefix.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new GcUsageError("input", `Invalid lake location ${text}: its prefix has an empty part, . or ...`, {
      hint: "Write s3://bucket/prefix, with one / between the parts.",
    });
  }
  const uri = prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/`, uri };
}

/**
 * The folder on this machine for a lake in S3: its mirror, and uncommitted files. The same bucket behind another endpoint is
 * a different lake.
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
  // The specification says to ignore relative paths: https://specifications.freedesktop.org/basedir-spec/
  const folder = named && isAbsolute(named) ? named : home && join(home, ".cache");
  if (folder) return folder;
  throw new GcUsageError("input", "Cannot mirror a lake in S3: no home folder is set.", {
    hint: "Set GC_USAGE_CACHE to a writable folder, or set HOME.",
  });
}
