import { lstat, mkdir, mkdtemp, realpath, rmdir, statfs } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join, sep } from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { sweepWorkspaces, Workspace } from "../../lake/workspace.ts";
import { codeOf, GcUsageError, messageOf } from "../../support/errors.ts";

/** A DuckDB in memory with its own temporary folder, which only this user can read and which is deleted on close. */
export interface PrivateDuckDb {
  readonly instance: DuckDBInstance;
  /** Absolute, with links resolved, separated by `/`. */
  readonly folder: string;
  close(): Promise<void>;
}

export interface DuckDbOptions {
  /** Bytes of memory that DuckDB may use. Default: half of the memory available to the process, but at most 4 GB. */
  readonly memoryLimit?: number | undefined;
  /** Bytes that it may also write to the temporary folder. Default: 10 GB, but at most half of the free space. */
  readonly spillLimit?: number | undefined;
}

const DEFAULT_SPILL_BYTES = 10e9;

/**
 * @throws {GcUsageError} input, if the temporary folder cannot be written; sql, if DuckDB cannot start.
 */
export async function openPrivateDuckDb(options: DuckDbOptions = {}): Promise<PrivateDuckDb> {
  const { workspace, parent } = await openWorkspace();
  const close = async (): Promise<void> => {
    await workspace.close();
    // Fails while another process uses it.
    await rmdir(parent).catch(() => undefined);
  };
  try {
    // DuckDB compares real paths, and the path of the temporary folder often contains a link.
    const folder = (await realpath(workspace.folder)).split(sep).join("/");
    const instance = await startDuckDb({
      memory_limit: `${options.memoryLimit ?? defaultMemory()}B`,
      temp_directory: `${folder}/spill`,
      max_temp_directory_size: `${options.spillLimit ?? (await defaultSpill(workspace.folder))}B`,
    });
    return {
      instance,
      folder,
      close: async () => {
        instance.closeSync();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a DuckDB in memory that does not download extensions. */
export async function startDuckDb(settings: Readonly<Record<string, string>>): Promise<DuckDBInstance> {
  try {
    return await duckdb.DuckDBInstance.create(":memory:", {
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      ...settings,
    });
  } catch (error) {
    throw new GcUsageError("sql", `DuckDB cannot start: ${messageOf(error)}.`, {
      hint: "Free some memory, or raise the limit of this process (ulimit -v), then run the same command again.",
      cause: error,
    });
  }
}

const TRIES = 10;

/** Opens a folder with a lease in this user's own folder, after removing the folders of killed processes. */
async function openWorkspace(): Promise<{ workspace: Workspace; parent: string }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const parent = await privateFolder();
      await sweepWorkspaces(parent);
      return { workspace: await Workspace.open(parent, "spill"), parent };
    } catch (error) {
      // Another process has just removed the folder on exit.
      if (["ENOENT", "EEXIST"].includes(codeOf(error) ?? "") && attempt < TRIES) continue;
      throw codeOf(error) === undefined
        ? error
        : new GcUsageError("input", `Cannot write to the temporary folder ${tmpdir()} (${codeOf(error)}).`, {
            hint: "Set TMPDIR to a writable folder.",
            cause: error,
          });
    }
  }
}

/** All users share the temporary folder, so do not use a folder of ours that another user created. */
async function privateFolder(): Promise<string> {
  const uid = process.getuid?.();
  const folder = join(tmpdir(), `gc-usage${uid === undefined ? "" : `-${uid}`}`);
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw error;
  });
  const info = await lstat(folder);
  const isOurs = uid === undefined || (info.uid === uid && (info.mode & 0o077) === 0);
  return info.isDirectory() && isOurs ? folder : await mkdtemp(join(tmpdir(), "gc-usage-"));
}

/** If DuckDB needs more memory, it writes to the temporary folder. */
function defaultMemory(): number {
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.floor(Math.min(available / 2, 4e9));
}

async function defaultSpill(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(Math.min(DEFAULT_SPILL_BYTES, (bavail * bsize) / 2));
}
