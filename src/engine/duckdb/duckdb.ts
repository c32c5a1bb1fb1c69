import { sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { Lake, type ListedSlice } from "../../lake/lake.ts";
import { FolderStore } from "../../lake/local/folder-store.ts";
import { storeKind } from "../../lake/stores.ts";
import { realEffects, untilAborted } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { OnProgress } from "../../support/progress.ts";
import { type SliceKey, SOURCE_FOLDER } from "../../usage/slice.ts";
import { Allowance } from "../bounds.ts";
import type { QueryOptions, QueryResult, QueryStats, SqlEngine, SqlRow } from "../engine.ts";
import { USE } from "./catalog.ts";
import { explained } from "./errors.ts";
import { type ReadingStatement, readingStatement } from "./guard.ts";
import { type DuckDbOptions, openPrivateDuckDb, type PrivateDuckDb } from "./private-duckdb.ts";
import { type Started, startStatement } from "./run.ts";
import { sumsAcross } from "./sums.ts";
import { type LakeFiles, Tables } from "./tables.ts";
import { readsClock } from "./tree.ts";

/** A lake to read. */
export interface LakeToRead {
  /** The value of the tables' column `organization`, if several lakes are read together. */
  readonly organization: string | undefined;
  readonly lake: Lake;
  /** From its listing. */
  readonly slices: readonly ListedSlice[];
}

export interface EngineOptions extends DuckDbOptions {
  /** Receives events of kind `mirror` while objects are fetched. */
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Opens DuckDB, in this process and in memory, over one or several organizations' lakes. It only reads. No slice is read before
 * a statement names a table, and of a lake elsewhere, only those are fetched that a statement reads. With several lakes, every
 * table starts with the column `organization`.
 *
 * @param lakes or the folder of one.
 * @throws {GcUsageError} lake, if the folder does not exist or cannot be a lake, or a file in it cannot be read.
 */
export async function openDuckDb(
  lakes: string | readonly LakeToRead[],
  options: EngineOptions = {},
): Promise<DuckDbEngine> {
  const all = typeof lakes === "string" ? [await lakeIn(lakes)] : lakes;
  const files = await Promise.all(all.map((lake) => filesOf(lake, options)));
  const duckdb = await openPrivateDuckDb(options);
  try {
    return new DuckDbEngine(duckdb, await Tables.open(duckdb, files), files);
  } catch (error) {
    await duckdb.close();
    throw error;
  }
}

async function lakeIn(folder: string): Promise<LakeToRead> {
  const store = new FolderStore(folder);
  if (!(await store.exists())) {
    throw new GcUsageError("lake", `There is no lake at ${folder}.`, {
      hint: "Create one with `gc-usage sync` or `gc-usage demo`, or set its location with --lake or GC_USAGE_LAKE.",
    });
  }
  const lake = new Lake(store);
  return { organization: undefined, lake, slices: await lake.list() };
}

async function filesOf(
  { organization, lake, slices }: LakeToRead,
  { onProgress }: EngineOptions,
): Promise<LakeFiles> {
  const { store } = lake;
  const isElsewhere = !storeKind(store.uri).isLocal;
  // Listing a folder costs nothing, and shows at once if something is wrong with it.
  const sources = isElsewhere ? undefined : await lake.sources();
  return {
    organization,
    root: (await store.fetchFiles([])).split(sep).join("/"),
    isElsewhere,
    slices,
    readSources: async (signal) => {
      if (sources) return sources;
      const listed = await lake.sources();
      await store.prune(SOURCE_FOLDER, listed, signal);
      return listed;
    },
    readSlices: (signal) => lake.read(slices, { signal }),
    fetch: async (objects, signal) => void (await store.fetchFiles(objects, { signal, onProgress })),
  };
}

/** The engine of a lake in a folder. Every statement has its own connection, so several can run in parallel. */
export class DuckDbEngine implements SqlEngine {
  readonly traits = { billsByScan: false };
  /** The slices of all lakes when they were opened. */
  readonly slices: readonly SliceKey[];
  readonly #duckdb: PrivateDuckDb;
  readonly #tables: Tables;
  /** Statements that are being checked, planned or started. */
  readonly #busy = new Set<Promise<unknown>>();

  constructor(duckdb: PrivateDuckDb, tables: Tables, lakes: readonly LakeFiles[]) {
    this.#duckdb = duckdb;
    this.#tables = tables;
    this.slices = lakes.flatMap(({ slices }) => slices.map(({ key }) => key));
  }

  async query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    options.signal?.throwIfAborted();
    const started = this.#start(sql, options);
    const settled: Promise<unknown> = started.catch(() => undefined);
    this.#busy.add(settled);
    void settled.then(() => this.#busy.delete(settled));
    return await untilAborted(started, options.signal);
  }

  async #start(sql: string, options: QueryOptions): Promise<QueryResult> {
    const { signal, bounds } = options;
    const allowance = bounds && new Allowance(bounds);
    const begun = performance.now();
    const connection = await this.#duckdb.instance.connect();
    const stop = (): void => connection.interrupt();
    signal?.addEventListener("abort", stop, { once: true });
    const release = (): void => {
      signal?.removeEventListener("abort", stop);
      connection.closeSync();
    };
    const failed = async (error: unknown): Promise<unknown> =>
      signal?.aborted ? signal.reason : await explained(error, this.#tables.copied, this.#tables.template);
    let rows = 0;
    const stats = (): QueryStats => ({
      elapsedMs: performance.now() - begun,
      rows,
      ...(allowance && { isTruncated: allowance.isTruncated }),
    });
    try {
      await connection.run(USE);
      const started = await this.#run(connection, sql, options);
      // After an abort, the caller already got the signal's reason.
      signal?.throwIfAborted();
      async function* batches(): AsyncGenerator<readonly SqlRow[]> {
        try {
          for await (const batch of started.rows(allowance)) {
            rows += batch.length;
            yield batch;
            signal?.throwIfAborted();
          }
        } catch (error) {
          throw await failed(error);
        } finally {
          // What was not read need not be calculated.
          connection.interrupt();
          release();
        }
      }
      const { columns, statement } = started;
      const tables = [...new Set(statement.tables)];
      return { columns, tables, sumsAcross: sumsAcross(statement.tree), batches: batches(), stats };
    } catch (error) {
      release();
      throw await failed(error);
    }
  }

  async #run(
    connection: DuckDBConnection,
    sql: string,
    { signal, explain, nested, reads }: QueryOptions,
  ): Promise<Started & { readonly statement: ReadingStatement }> {
    const statement = await readingStatement(connection, sql);
    await this.#tables.provide(sql, statement, signal, reads?.slices);
    for (;;) {
      signal?.throwIfAborted();
      const started = await startStatement(connection, sql, { explain, nested });
      // The files that it reads were determined a moment ago, and midnight may have passed since.
      const isSettled =
        !readsClock(statement.tree) || !(await this.#tables.provide(sql, statement, signal, reads?.slices));
      if (isSettled) return { ...started, statement };
    }
  }

  async close(): Promise<void> {
    const settled = Promise.allSettled(this.#busy);
    // DuckDB cannot be interrupted while it plans a statement. After an abort, do not wait long for that.
    if (await endsWithin(settled, PATIENCE_MS)) await this.#tables.close();
    else void settled.then(() => this.#tables.close());
  }
}

const PATIENCE_MS = 2000;

async function endsWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = realEffects.sleep(ms, timer.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
