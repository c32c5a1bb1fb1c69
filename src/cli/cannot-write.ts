import { GcUsageError, isGcUsageError, systemCodeOf } from "../support/errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBADF: "it is closed",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be too large",
  EINVAL: "it does not accept data",
  EIO: "input/output error",
  EISDIR: "it is a folder",
  ELOOP: "its symbolic links form a loop",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "part of its path is a file, not a folder",
  ENXIO: "nothing reads from its other end",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space, or write to another disk.",
  EDQUOT: "Free some space, or write to another disk.",
};

/** Why a system call failed, in words, or the bare code if it has no text. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error) ?? "";
  return REASONS[code] ?? (code || String(error));
}

/**
 * A failed write, as an error for the person who named the destination. Other errors are returned unchanged.
 *
 * @param what the destination: `standard output`, or a path.
 */
export function cannotWrite(what: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === undefined || isGcUsageError(error)) return error;
  return new GcUsageError("lake", `Cannot write to ${what}: ${reasonOf(error)} (${code}).`, {
    hint: HINTS[code] ?? "Check where the output goes, then run the command again.",
    cause: error,
  });
}
