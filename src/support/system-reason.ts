import { systemCodeOf } from "./errors.ts";

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

/** Why a system call failed, in words, or the bare code if it has no text. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error) ?? "";
  return REASONS[code] ?? (code || String(error));
}
