import { URL_SUFFIXES } from "../support/aws-partition.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { type Problem, unexpanded, windowsPath } from "./local/folder-text.ts";
import { STORES, storeKind } from "./stores.ts";

/**
 * Checks a lake's location as written by the user: a folder, or `s3://bucket/prefix`. Anything else that would become a
 * folder with an odd name is rejected with a suggestion. A leading `./` means a folder with exactly that name.
 *
 * @param source where it was set, for messages: `--lake`, `GC_USAGE_LAKE`.
 * @throws {GcUsageError} input.
 */
export function checkLocation(text: string, source: string): string {
  const problem = problemOf(text);
  if (problem === undefined) return text;
  const [why, hint] = problem;
  throw new GcUsageError("input", `Invalid lake location ${quoted(withoutUser(text))} (${source}): ${why}.`, {
    hint,
  });
}

function problemOf(text: string): Problem {
  if (text === "") return ["it is empty", ANY];
  if (text === "-") return ["a lake is a folder or an S3 location, not a stream", ANY];
  if (text !== text.trim()) {
    return ["it begins or ends with a space", `Remove the space: ${quoted(text.trim())}.`];
  }
  if (/^[a-z0-9]+:\/\/[^/\\]/i.test(text) && !storeKind(text).isLocal) return undefined;
  return onS3(text) ?? otherAddress(text) ?? unexpanded(text) ?? windowsPath(text);
}

const ANY = `Use ${STORES.map(({ form }) => form)
  .reverse()
  .join(" or ")}.`;

/** The rest of a host of S3, in any partition. */
const AWS_HOST = String.raw`[.-][a-z0-9.-]*(?:${URL_SUFFIXES.map((suffix) => suffix.replaceAll(".", String.raw`\.`)).join("|")})`;

/** Recognizes an S3 location in another notation. */
function onS3(text: string): Problem {
  const [, place] = /^s3[an]?(?::[\\/]*|\/\/+)(.*)$/i.exec(text) ?? [];
  if (place !== undefined) {
    if (place === "") return ["the bucket is missing", "Write s3://bucket or s3://bucket/prefix."];
    return ["it is not an s3:// location", `Write ${s3Uri(place)}.`];
  }
  const meant =
    /^arn:aws[a-z-]*:s3:::(.+)$/i.exec(text)?.[1] ??
    new RegExp(String.raw`^https?://s3${AWS_HOST}/(.+)$`, "i").exec(text)?.[1] ??
    new RegExp(String.raw`^https?://([a-z0-9.-]+?)\.s3${AWS_HOST}(/.*)?$`, "i").exec(text)?.slice(1).join("");
  return meant === undefined ? undefined : ["it is not an s3:// location", `Write ${s3Uri(meant)}.`];
}

function s3Uri(place: string): string {
  const parts = withoutUser(`//${place}`)
    .split(/[\\/]+/)
    .filter((part) => part !== "");
  return `s3://${parts.join("/")}`;
}

/** Schemes of other stores, recognized even without slashes. */
const SCHEMES =
  "abfss?|adl|arn|az|azure|cos|dbfs|file|ftps?|gc?s|hdfs|https?|minio|nfs|obs|oss|r2|sftp|smb|ssh|swift|wasbs?|webdav";
const OTHER = new RegExp(String.raw`^(?:(?:${SCHEMES}):|[a-z][a-z0-9+.-]+:[\\/])`, "i");

function otherAddress(text: string): Problem {
  const [, file] = /^file:(?:\/\/(?:localhost)?(?=\/))?(.*)$/i.exec(text) ?? [];
  if (file) return ["file: URLs are not supported", `Write ${file}.`];
  return OTHER.test(text) || text.includes("://")
    ? ["it is neither a folder nor an S3 location", ANY]
    : undefined;
}

/** A user or key before a bucket or a host may be a secret. */
function withoutUser(text: string): string {
  return text.replace(/([\\/]{2,}|^[a-z0-9]+:[\\/]*).*@/i, "$1");
}
