import { GcUsageError } from "../../support/errors.ts";

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
  const isBucket = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket);
  // A key may contain a slash, so the text before the @ can look like a bucket and a prefix.
  if (bucket.includes("@") || (!isBucket && text.includes("@"))) {
    throw new GcUsageError(
      "input",
      "Invalid lake location: a user or key before the bucket is not supported.",
      {
        hint: "Write s3://bucket/prefix, and set the keys with AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
      },
    );
  }
  if (!isBucket) {
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
