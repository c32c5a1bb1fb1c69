import { UsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

/**
 * A lake's location as it was written: a folder, or `s3://bucket/prefix`. What is neither, and would become a folder of
 * an odd name, is refused with what was probably meant. `./` before a folder's name says that it is meant as it stands.
 *
 * @param source where it was written, for messages: `--lake`, `GC_USAGE_LAKE`.
 * @throws {UsageError} input.
 */
export function checkLocation(text: string, source: string): string {
  const problem = problemOf(text);
  if (problem === undefined) return text;
  const [why, hint] = problem;
  throw new UsageError("input", `Invalid lake location ${quoted(withoutUser(text))} (${source}): ${why}.`, {
    hint,
  });
}

/** The same for a folder that is no lake. */
export function checkFolder(text: string, source: string): string {
  const problem = unexpanded(text) ?? windowsPath(text);
  if (problem === undefined) return text;
  const [why, hint] = problem;
  throw new UsageError("input", `Invalid folder ${quoted(text)} (${source}): ${why}.`, { hint });
}

type Problem = readonly [why: string, hint: string] | undefined;

function problemOf(text: string): Problem {
  if (text === "") return ["it is empty", ANY];
  if (text === "-") return ["a lake is a folder or a place on S3, not a stream", ANY];
  if (text !== text.trim()) {
    return ["it begins or ends with a blank", `Leave the blank out: ${quoted(text.trim())}.`];
  }
  if (/^s3:\/\/[^/\\]/i.test(text)) return undefined;
  return onS3(text) ?? otherAddress(text) ?? unexpanded(text) ?? windowsPath(text);
}

const ANY = "Give a folder or s3://bucket/prefix.";

/** What was meant as a place on S3 and is not written as one. */
function onS3(text: string): Problem {
  const [, place] = /^s3[an]?(?::[\\/]*|\/\/+)(.*)$/i.exec(text) ?? [];
  if (place !== undefined) {
    if (place === "") return ["it names no bucket", "Write s3://bucket or s3://bucket/prefix."];
    return ["it is not written as a place on S3", `Write ${s3Uri(place)}.`];
  }
  const meant =
    /^arn:aws[a-z-]*:s3:::(.+)$/i.exec(text)?.[1] ??
    /^https?:\/\/s3[.-][a-z0-9.-]*amazonaws\.com[a-z.]*\/(.+)$/i.exec(text)?.[1] ??
    /^https?:\/\/([a-z0-9.-]+?)\.s3[.-][a-z0-9.-]*amazonaws\.com[a-z.]*(\/.*)?$/i
      .exec(text)
      ?.slice(1)
      .join("");
  return meant === undefined ? undefined : ["it is not written as a place on S3", `Write ${s3Uri(meant)}.`];
}

function s3Uri(place: string): string {
  const parts = withoutUser(`//${place}`)
    .split(/[\\/]+/)
    .filter((part) => part !== "");
  return `s3://${parts.join("/")}`;
}

/** Schemes of other stores, which are taken for one also without slashes. */
const SCHEMES =
  "abfss?|adl|arn|az|azure|cos|dbfs|file|ftps?|gc?s|hdfs|https?|minio|nfs|obs|oss|r2|sftp|smb|ssh|swift|wasbs?|webdav";
const OTHER = new RegExp(String.raw`^(?:(?:${SCHEMES}):|[a-z][a-z0-9+.-]+:[\\/])`, "i");

function otherAddress(text: string): Problem {
  const [, file] = /^file:(?:\/\/(?:localhost)?(?=\/))?(.*)$/i.exec(text) ?? [];
  if (file) return ["a folder is written without file:", `Write ${file}.`];
  return OTHER.test(text) || text.includes("://")
    ? ["it is neither a folder nor a place on S3", ANY]
    : undefined;
}

/** What a shell would have replaced, where it was quoted or stood in a file or a service's settings. */
function unexpanded(text: string): Problem {
  if (text.startsWith("~")) {
    const meant =
      text === "~" || text.startsWith("~/") ? `"$HOME${text.slice(1)}"` : "the folder's whole path";
    return [
      "~ is replaced by a shell only, where it begins a word that is not quoted",
      `Write ${meant}, or ./${text} for a folder of that name.`,
    ];
  }
  if (/^\.\.?[\\/]/.test(text)) return undefined;
  const [, variable] = /(?:^|[\\/])(\$\w+|\$\{[^/\\}]*\}?|%\w+%|\$env:\w+)(?=$|[\\/])/.exec(text) ?? [];
  return variable === undefined
    ? undefined
    : [`${variable} is a variable that nothing has replaced by its value`, "Write the whole path."];
}

function windowsPath(text: string): Problem {
  if (process.platform === "win32" || !/^(?:[a-z]:(?:[\\/]|$)|\\\\)/i.test(text)) return undefined;
  return [
    "it is a path of Windows, and this is not Windows",
    "Write a path of this machine; in WSL, C: is /mnt/c.",
  ];
}

/** A key before a bucket or a host is a secret. */
function withoutUser(text: string): string {
  return text.replace(/([\\/]{2,}|^[a-z0-9]+:[\\/]*)[^\\/]*@/i, "$1");
}
