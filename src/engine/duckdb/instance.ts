import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";

/** A DuckDB in memory, with bounded memory and a temporary folder of its own that goes with it. */
export interface MemoryInstance {
  readonly instance: DuckDBInstance;
  close(): Promise<void>;
}

export async function openInstance(): Promise<MemoryInstance> {
  const spill = join(tmpdir(), `gc-usage-${randomUUID()}`);
  const instance = await duckdb.DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: `${memoryLimit()}B`,
    temp_directory: spill,
  });
  return {
    instance,
    close: async () => {
      instance.closeSync();
      await rm(spill, { recursive: true, force: true });
    },
  };
}

/** Half of what the process may have, and no more than 4 GB: beyond it DuckDB spills to the temporary folder. */
function memoryLimit(): number {
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.floor(Math.min(available / 2, 4e9));
}
