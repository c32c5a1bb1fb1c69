import { codeOf, messageOf, UsageError } from "../../support/errors.ts";

/** What this machine refuses when a file is written or read. The network has other codes. */
const LOCAL: readonly string[] = [
  "EACCES",
  "EDQUOT",
  "EEXIST",
  "EFBIG",
  "EIO",
  "EISDIR",
  "EMFILE",
  "ENAMETOOLONG",
  "ENFILE",
  "ENOENT",
  "ENOSPC",
  "ENOTDIR",
  "ENOTEMPTY",
  "EPERM",
  "EROFS",
];

/** True for what no second try mends: a full disk, a missing permission. */
export function isLocal(error: unknown): boolean {
  // A firewall on this machine answers EPERM or EACCES to a connection.
  const connecting = error instanceof Error && "syscall" in error && error.syscall === "connect";
  return !connecting && LOCAL.includes(codeOf(error) ?? "");
}

/** Says which folder it was, which nobody has named: the code alone reads as if S3 had refused. */
export function localError(error: unknown, folder: string): unknown {
  if (!isLocal(error)) return error;
  return new UsageError("lake", `Cannot mirror the lake in ${folder}: ${messageOf(error)}.`, {
    hint: "Make room or access there, or name another folder with GC_USAGE_CACHE, and run it again: what has arrived is kept.",
    cause: error,
  });
}
