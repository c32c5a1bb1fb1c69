import { isUsageError, systemCodeOf, UsageError } from "../support/errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBADF: "it is closed",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be too large",
  EINVAL: "it does not take data",
  EIO: "input/output error",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "there is no such file",
  ENOSPC: "no space left on the device",
  ENOTDIR: "part of its path is a file, not a folder",
  ENXIO: "nothing takes data at its other end",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space, or write to another disk.",
  EDQUOT: "Free some space, or write to another disk.",
};

/** Why a system call failed, in words; the bare code where there are none for it. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error) ?? "";
  return REASONS[code] ?? (code || String(error));
}

/**
 * A failed write, for the person who named the place. What is no error of the system is returned as it is.
 *
 * @param what what was written to: `standard output`, or a path.
 */
export function cannotWrite(what: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === undefined || isUsageError(error)) return error;
  return new UsageError("lake", `Cannot write to ${what}: ${reasonOf(error)} (${code}).`, {
    hint: HINTS[code] ?? "Check where the output goes, and run the command again.",
    cause: error,
  });
}
