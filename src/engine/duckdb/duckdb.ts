import { resolve, sep } from "node:path";
import { FolderStore } from "../../lake/local/folder-store.ts";
import { untilAborted } from "../../support/effects.ts";
import { UsageError } from "../../support/errors.ts";
import { sqlString } from "../../support/quote.ts";
import { isSource, parseSlicePath, type SliceKey, SOURCE_FOLDER, slicePath } from "../../usage/slice.ts";
import type { QueryOptions, QueryResult, QueryStats, SqlEngine, SqlRow } from "../engine.ts";
import { CATALOG, DATABASE } from "../tables.ts";
import { damageIn, mayBeDamage } from "./damage.ts";
import { sqlError } from "./errors.ts";
import { readingStatement } from "./guard.ts";
import { type MemoryInstance, openInstance } from "./instance.ts";
import { startStatement } from "./run.ts";
import { readableFolders, viewStatements } from "./views.ts";

/**
 * Opens DuckDB, in this process and in memory, over a lake's folder, for reading alone.
 *
 * @throws {UsageError} lake, where the folder is not there or cannot be a lake, or a file in it cannot be read.
 */
export async function openDuckDb(folder: string): Promise<DuckDbEngine> {
  const store = new FolderStore(folder);
  if (!(await store.exists())) {
    throw new UsageError("lake", `There is no lake at ${folder}.`, {
      hint: "Make one with `gc-usage sync` or `gc-usage demo`, or give its place with --lake or GC_USAGE_LAKE.",
    });
  }
  const root = resolve(folder).split(sep).join("/");
  const slices = (await store.list("usage/")).flatMap(({ path }) => parseSlicePath(path) ?? []);
  const sources = await store.list(SOURCE_FOLDER);
  const memory = await openInstance();
  try {
    const connection = await memory.instance.connect();
    const statements = [
      `ATTACH ':memory:' AS ${CATALOG}`,
      `CREATE SCHEMA ${CATALOG}.${DATABASE}`,
      USE,
      // A day is a UTC day: current_date must be too, whatever the machine's zone.
      "SET GLOBAL TimeZone = 'UTC'",
      ...viewStatements({
        folder: root,
        services: [...new Set(slices.map((slice) => slice.service))],
        hasSource: sources.some(({ path }) => isSource(path)),
      }),
      // From here on: no file but the tables', not even the lake's staging; no network, ATTACH or INSTALL.
      `SET allowed_directories = [${readableFolders(root).map(sqlString).join(", ")}]`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ];
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
  } catch (error) {
    await memory.close();
    // The statements are ours: what is wrong is the files.
    throw (await damageIn(files(root, slices))) ?? sqlError(error);
  }
  return new DuckDbEngine(memory, root, slices);
}

function files(root: string, slices: readonly SliceKey[]): string[] {
  return slices.map((key) => `${root}/${slicePath(key)}`);
}

const USE = `USE ${CATALOG}.${DATABASE}`;

/** The engine of a lake that is a folder. Every statement has a connection of its own, so several run side by side. */
export class DuckDbEngine implements SqlEngine {
  readonly traits = { billsByScan: false };
  /** The slices that the lake had when it was opened. */
  readonly slices: readonly SliceKey[];
  readonly #memory: MemoryInstance;
  readonly #root: string;
  /** Statements that are being checked, planned or begun. */
  readonly #busy = new Set<Promise<unknown>>();

  constructor(memory: MemoryInstance, root: string, slices: readonly SliceKey[]) {
    this.#memory = memory;
    this.#root = root;
    this.slices = slices;
  }

  async query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    options.signal?.throwIfAborted();
    const started = this.#start(sql, options);
    const settled: Promise<unknown> = started.catch(() => undefined);
    this.#busy.add(settled);
    void settled.then(() => this.#busy.delete(settled));
    return await untilAborted(started, options.signal);
  }

  async #start(sql: string, { signal, explain }: QueryOptions): Promise<QueryResult> {
    const begun = performance.now();
    const connection = await this.#memory.instance.connect();
    const stop = (): void => connection.interrupt();
    signal?.addEventListener("abort", stop, { once: true });
    const release = (): void => {
      signal?.removeEventListener("abort", stop);
      connection.closeSync();
    };
    const failed = async (error: unknown): Promise<unknown> => {
      if (signal?.aborted) return signal.reason;
      const ours = sqlError(error);
      return (mayBeDamage(ours) ? await damageIn(files(this.#root, this.slices)) : undefined) ?? ours;
    };
    let rows = 0;
    const stats = (): QueryStats => ({ elapsedMs: performance.now() - begun, rows });
    try {
      await connection.run(USE);
      const tables = [...new Set((await readingStatement(connection, sql)).tables)];
      const started = await startStatement(connection, sql, explain);
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
      return { columns: started.columns, tables, batches: batches(), stats };
    } catch (error) {
      release();
      throw await failed(error);
    }
  }

  async close(): Promise<void> {
    // DuckDB plans a statement to its end whatever it is told: nobody waits for that who has stopped.
    if (this.#busy.size === 0) await this.#memory.close();
    else void Promise.allSettled(this.#busy).then(() => this.#memory.close());
  }
}
