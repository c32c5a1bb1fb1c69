import { codeOf, GcUsageError, messageOf } from "../../support/errors.ts";

/** Errors of this machine when a file is written or read. Network errors have other codes. */
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

/** True if a retry cannot help: a full disk, a missing permission. */
export function isLocal(error: unknown): boolean {
  // A firewall on this machine makes a connection fail with EPERM or EACCES.
  const connecting = error instanceof Error && "syscall" in error && error.syscall === "connect";
  return !connecting && LOCAL.includes(codeOf(error) ?? "");
}

/** Adds the folder to the message, because the code alone would look like an error of the store. */
export function localError(error: unknown, folder: string): unknown {
  if (!isLocal(error)) return error;
  return new GcUsageError("lake", `Cannot mirror the lake in ${folder}: ${messageOf(error)}.`, {
    hint: "Free space or fix the permissions there, or set GC_USAGE_CACHE to another folder. Then run the same command again: complete downloads are kept.",
    cause: error,
  });
}
