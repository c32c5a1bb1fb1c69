import { lstat, mkdir, mkdtemp, realpath, rmdir, statfs } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join, sep } from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { sweepWorkspaces, Workspace } from "../../lake/workspace.ts";
import { codeOf, messageOf, UsageError } from "../../support/errors.ts";

/** A DuckDB in memory with a temporary folder of its own, which only this user can read and which goes with it. */
export interface PrivateDuckDb {
  readonly instance: DuckDBInstance;
  /** Absolute and without links, with `/` between the parts. */
  readonly folder: string;
  close(): Promise<void>;
}

export interface DuckDbOptions {
  /** Bytes of memory that DuckDB may use. Default: half of what the process may have, 4 GB at most. */
  readonly memoryLimit?: number | undefined;
  /** Bytes that it may write to the temporary folder beyond that. Default: 10 GB, and half of what is free at most. */
  readonly spillLimit?: number | undefined;
}

const DEFAULT_SPILL_BYTES = 10e9;

/**
 * @throws {UsageError} input, where the temporary folder cannot be written; sql, where DuckDB does not start.
 */
export async function openPrivateDuckDb(options: DuckDbOptions = {}): Promise<PrivateDuckDb> {
  const { workspace, parent } = await openWorkspace();
  const close = async (): Promise<void> => {
    await workspace.close();
    // Fails where another process works there.
    await rmdir(parent).catch(() => undefined);
  };
  try {
    // DuckDB compares real paths, and temporary folders are often behind a link.
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

/** Starts a DuckDB in memory that fetches no extensions. */
export async function startDuckDb(settings: Readonly<Record<string, string>>): Promise<DuckDBInstance> {
  try {
    return await duckdb.DuckDBInstance.create(":memory:", {
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      ...settings,
    });
  } catch (error) {
    throw new UsageError("sql", `DuckDB does not start: ${messageOf(error)}.`, {
      hint: "Free some memory, or raise the limit of this process (ulimit -v), then run the same command again.",
      cause: error,
    });
  }
}

const TRIES = 10;

/** A folder with a lease below this user's own folder, after what killed processes have left there is removed. */
async function openWorkspace(): Promise<{ workspace: Workspace; parent: string }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const parent = await privateFolder();
      await sweepWorkspaces(parent);
      return { workspace: await Workspace.open(parent, "spill"), parent };
    } catch (error) {
      // The last process that worked there has just removed it, as it was about to be used.
      if (["ENOENT", "EEXIST"].includes(codeOf(error) ?? "") && attempt < TRIES) continue;
      throw codeOf(error) === undefined
        ? error
        : new UsageError("input", `The temporary folder ${tmpdir()} cannot be written (${codeOf(error)}).`, {
            hint: "Set TMPDIR to a folder that can.",
            cause: error,
          });
    }
  }
}

/** The temporary folder is everybody's: a folder that another user made there under our name is not used. */
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

/** Beyond it DuckDB writes to the temporary folder. */
function defaultMemory(): number {
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.floor(Math.min(available / 2, 4e9));
}

async function defaultSpill(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(Math.min(DEFAULT_SPILL_BYTES, (bavail * bsize) / 2));
}
