import { tmpdir } from "node:os";
import {
  codeOf,
  EXIT_CODES,
  GcUsageError,
  isGcUsageError,
  messageOf,
  systemCodeOf,
} from "../support/errors.ts";

/** An error as it is reported: with a kind, a message and a hint, unless it is a bug. */
export function knownError(error: unknown, signal: AbortSignal): unknown {
  if (isGcUsageError(error)) return error;
  // A stream that our signal aborted fails with a platform error; report the signal's reason instead.
  if (signal.aborted) return signal.reason as unknown;
  return temporaryFolderError(error) ?? systemError(error) ?? error;
}

/** The exit code of the process if it ends with this error. */
export function exitCodeOf(error: unknown, signal: AbortSignal): number {
  const known = knownError(error, signal);
  return isGcUsageError(known) ? EXIT_CODES[known.kind] : 1;
}

/** The temporary folder does not come from the command line, so the message must explain how to set it. */
function temporaryFolderError(error: unknown): GcUsageError | undefined {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "mkdtemp")) return undefined;
  const code = codeOf(error) ?? "";
  return ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS"].includes(code)
    ? new GcUsageError("input", `Cannot write to the temporary folder ${tmpdir()} (${code}).`, {
        hint: "Set TMPDIR to a writable folder.",
        cause: error,
      })
    : undefined;
}

/** System errors (disk full, no permission …) are not bugs: they are reported as errors of the lake or a file. */
function systemError(error: unknown): GcUsageError | undefined {
  const hints: Record<string, string> = {
    ENOSPC: "The disk is full. Free some space and run the same command again: it resumes where it stopped.",
    EDQUOT: "The disk quota is used up. Free some space and run the same command again.",
    EROFS: "The file system is read-only. Set --lake to a writable folder.",
    EACCES: "Check the permissions of the file or folder.",
    EPERM: "Check the permissions of the file or folder.",
    ENOENT: "Check the path.",
    ENOTDIR: "Check the path: part of it is a file, not a folder.",
    EISDIR: "Give a file, not a folder.",
    EEXIST: "A file or folder with that name already exists.",
    EMFILE: "Too many open files: raise the limit with `ulimit -n 4096`.",
    ENFILE: "Too many open files on this machine.",
  };
  const code = systemCodeOf(error);
  if (code === undefined) return undefined;
  // Errors of Node's own API have a code too, but no failed system call.
  const isOfSystem = hints[code] !== undefined || (error instanceof Error && "syscall" in error);
  if (!isOfSystem) return undefined;
  const hint = hints[code] ?? "Check the disk or device, then run the same command again.";
  return new GcUsageError("lake", `${messageOf(error)}.`, { hint, cause: error });
}
