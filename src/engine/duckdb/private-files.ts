import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { copyBytes } from "../../environment/files.ts";
import { unreadable } from "../../lake/footer.ts";
import { codeOf, GcUsageError, messageOf } from "../../support/errors.ts";
import { inParallel } from "../../support/parallel.ts";

/** A file of a lake and its copy. Both paths are absolute and separated by `/`. */
export interface CopiedFile {
  readonly file: string;
  readonly copy: string;
  /** True for raw rows. */
  readonly isRaw: boolean;
}

/** How many files are copied at the same time. */
const COPIES = 16;

/**
 * Copies files of the lake, so that DuckDB works only on copies. This protects the lake whatever a statement does:
 * DuckDB can write to every file that it can read (docs/decisions/asking.md).
 *
 * @throws {GcUsageError} lake, if a file cannot be read or was removed, or the temporary folder has no space.
 */
export async function copyFiles(files: Iterable<CopiedFile>, signal: AbortSignal | undefined): Promise<void> {
  const folders = new Map<string, Promise<unknown>>();
  const makeFolder = (folder: string): Promise<unknown> => {
    const made = folders.get(folder) ?? mkdir(folder, { recursive: true });
    folders.set(folder, made);
    return made;
  };
  await inParallel([...files], COPIES, async ({ file, copy }) => {
    try {
      signal?.throwIfAborted();
      await makeFolder(dirname(copy));
      await copyBytes(file, copy);
    } catch (error) {
      signal?.throwIfAborted();
      throw copyError(error, file);
    }
  });
}

function copyError(error: unknown, file: string): unknown {
  const code = codeOf(error) ?? "";
  if (code === "ENOENT") {
    return new GcUsageError("lake", `The file ${file} was removed while the lake was being read.`, {
      hint: "Run the same command again.",
      retryable: true,
      cause: error,
    });
  }
  if (["ENOSPC", "EDQUOT"].includes(code)) {
    return new GcUsageError("lake", `The temporary folder ${tmpdir()} has no space for a copy of ${file}.`, {
      hint: "SQL reads copies of the slices. Set TMPDIR to a folder with more space, or filter by date to read fewer slices.",
      cause: error,
    });
  }
  return unreadable(file, messageOf(error).split(",")[0] ?? "", error);
}
