import { resolve, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { Lake } from "../../lake/lake.ts";
import { FolderStore } from "../../lake/local/folder-store.ts";
import { untilAborted } from "../../support/effects.ts";
import { UsageError } from "../../support/errors.ts";
import { isSource, type SliceKey, SOURCE_FOLDER } from "../../usage/slice.ts";
import type { QueryOptions, QueryResult, QueryStats, SqlEngine, SqlRow } from "../engine.ts";
import { USE } from "./catalog.ts";
import { explained } from "./errors.ts";
import { type ReadingStatement, readingStatement } from "./guard.ts";
import { type DuckDbOptions, openPrivateDuckDb, type PrivateDuckDb } from "./private-duckdb.ts";
import { type Started, startStatement } from "./run.ts";
import { sumsAcross } from "./sums.ts";
import { type LakeFiles, Tables } from "./tables.ts";
import { readsClock } from "./tree.ts";

/** One of several lakes that are read together. */
export interface LakeFolder {
  /** What the tables' column `organization` says. */
  readonly organization: string;
  readonly folder: string;
}

/**
 * Opens DuckDB, in this process and in memory, over a lake's folder, or over those of several organizations, for reading
 * alone. No slice is read before a statement names a table. With several lakes every table begins with a column
 * `organization`.
 *
 * @throws {UsageError} lake, where the folder is not there or cannot be a lake, or a file in it cannot be read.
 */
export async function openDuckDb(
  lakes: string | readonly LakeFolder[],
  options: DuckDbOptions = {},
): Promise<DuckDbEngine> {
  const files = await Promise.all(
    typeof lakes === "string"
      ? [filesOf({ organization: undefined, folder: lakes })]
      : lakes.map((lake) => filesOf(lake)),
  );
  const duckdb = await openPrivateDuckDb(options);
  try {
    return new DuckDbEngine(duckdb, await Tables.open(duckdb, files), files);
  } catch (error) {
    await duckdb.close();
    throw error;
  }
}

async function filesOf({
  organization,
  folder,
}: {
  organization: string | undefined;
  folder: string;
}): Promise<LakeFiles> {
  const store = new FolderStore(folder);
  if (!(await store.exists())) {
    throw new UsageError("lake", `There is no lake at ${folder}.`, {
      hint: "Make one with `gc-usage sync` or `gc-usage demo`, or give its place with --lake or GC_USAGE_LAKE.",
    });
  }
  const lake = new Lake(store);
  return {
    organization,
    root: resolve(folder).split(sep).join("/"),
    slices: await lake.list(),
    sources: (await store.list(SOURCE_FOLDER)).filter(({ path }) => isSource(path)),
    readSlices: (signal) => lake.slices(undefined, { signal }),
  };
}

/** The engine of a lake that is a folder. Every statement has a connection of its own, so several run side by side. */
export class DuckDbEngine implements SqlEngine {
  readonly traits = { billsByScan: false };
  /** The slices that the lake, or each of the lakes, had when it was opened. */
  readonly slices: readonly SliceKey[];
  readonly #duckdb: PrivateDuckDb;
  readonly #tables: Tables;
  /** Statements that are being checked, planned or begun. */
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
    const { signal } = options;
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
    const stats = (): QueryStats => ({ elapsedMs: performance.now() - begun, rows });
    try {
      await connection.run(USE);
      const started = await this.#run(connection, sql, options);
      // Whoever asked has been answered by the signal.
      signal?.throwIfAborted();
      async function* batches(): AsyncGenerator<readonly SqlRow[]> {
        try {
          for await (const batch of started.rows()) {
            rows += batch.length;
            yield batch;
            signal?.throwIfAborted();
          }
        } catch (error) {
          throw await failed(error);
        } finally {
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
      // What it reads was found out a moment before, and midnight may have passed.
      const isSettled =
        !readsClock(statement.tree) || !(await this.#tables.provide(sql, statement, signal, reads?.slices));
      if (isSettled) return { ...started, statement };
    }
  }

  async close(): Promise<void> {
    // DuckDB plans a statement to its end whatever it is told: nobody waits for that who has stopped.
    if (this.#busy.size === 0) await this.#tables.close();
    else void Promise.allSettled(this.#busy).then(() => this.#tables.close());
  }
}
