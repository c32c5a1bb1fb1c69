import { mkdtemp, realpath, rm, statfs } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join, sep } from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";
import { messageOf, UsageError } from "../../support/errors.ts";

/** A DuckDB in memory with a temporary folder of its own, which only this user can read and which goes with it. */
export interface Workspace {
  readonly instance: DuckDBInstance;
  /** Absolute and without links, with `/` between the parts. */
  readonly folder: string;
  close(): Promise<void>;
}

export interface WorkspaceOptions {
  /** Bytes of memory that DuckDB may use. Default: half of what the process may have, 4 GB at most. */
  readonly memoryLimit?: number | undefined;
  /** Bytes that it may write to the temporary folder beyond that. Default: 10 GB, and half of what is free at most. */
  readonly spillLimit?: number | undefined;
}

const DEFAULT_SPILL_BYTES = 10e9;

export async function openWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  // Made with mode 0700, so that what DuckDB puts below it is as private.
  const made = await mkdtemp(join(tmpdir(), "gc-usage-"));
  try {
    // DuckDB compares real paths, and temporary folders are often behind a link.
    const folder = (await realpath(made)).split(sep).join("/");
    const instance = await start({
      memory_limit: `${options.memoryLimit ?? defaultMemory()}B`,
      temp_directory: `${folder}/spill`,
      max_temp_directory_size: `${options.spillLimit ?? (await defaultSpill(made))}B`,
    });
    return {
      instance,
      folder,
      close: async () => {
        instance.closeSync();
        await rm(made, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}

/** Starts a DuckDB in memory that fetches no extensions. */
export async function start(settings: Readonly<Record<string, string>>): Promise<DuckDBInstance> {
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

/** Beyond it DuckDB writes to the temporary folder. */
function defaultMemory(): number {
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.floor(Math.min(available / 2, 4e9));
}

async function defaultSpill(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(Math.min(DEFAULT_SPILL_BYTES, (bavail * bsize) / 2));
}
