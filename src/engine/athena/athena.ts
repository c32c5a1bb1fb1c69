import type { Athena, QueryExecution } from "@aws-sdk/client-athena";
import { awsClientConfig } from "../../environment/aws-client.ts";
import type { AwsOptions } from "../../support/aws.ts";
import { type Effects, type Log, realEffects, silentLog } from "../../support/effects.ts";
import { isGcUsageError } from "../../support/errors.ts";
import type { OnProgress } from "../../support/progress.ts";
import { sizeText } from "../../support/size.ts";
import type { SliceKey } from "../../usage/slice.ts";
import { Allowance } from "../bounds.ts";
import {
  type QueryOptions,
  type QueryResult,
  type QueryStats,
  type Reads,
  SERIES_COLUMNS,
  type SeriesColumn,
  type SqlEngine,
  type SqlRow,
} from "../engine.ts";
import { assertWithin, billedBytes, DEFAULT_USD_PER_TB, scanCost } from "./cost.ts";
import { BY_DAY, readsEveryDay, tablesOf } from "./dates.ts";
import { callFailed, endedBadly, type Sent } from "./errors.ts";
import { runToEnd } from "./execution.ts";
import { type ReadingStatement, readingStatement } from "./guard.ts";
import { openResults } from "./results.ts";

export interface AthenaOptions {
  readonly workgroup: string;
  /** The Glue database with our tables. */
  readonly database: string;
  /** The slices that the tables contain, with the size of each object in bytes; undefined if the lake is not known. */
  readonly slices?: readonly SizedSlice[] | undefined;
  readonly aws?: AwsOptions;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** US dollars per terabyte scanned. */
  readonly usdPerTb?: number;
  /** Limit of bytes that a statement may scan. */
  readonly maxScan?: number | undefined;
  readonly log?: Log;
  /** Receives events of kind `statement`. */
  readonly onProgress?: OnProgress | undefined;
  /** Called when a statement has ended, also if it failed or was stopped: its scan is billed, too. */
  readonly onEnd?: ((spent: StatementCost) => void) | undefined;
  readonly effects?: Effects;
}

/** As far as Athena had reported it when the statement ended. */
export interface StatementCost {
  readonly bytesScanned: number;
  readonly bytesBilled: number;
  readonly seconds: number;
}

/** As returned by Lake.list(). */
export interface SizedSlice {
  readonly key: SliceKey;
  readonly object: { readonly bytes: number };
}

/** Opens Athena over the tables of a lake in S3. Makes no calls before the first statement. */
export async function openAthena(options: AthenaOptions): Promise<AthenaEngine> {
  const sdk = await import("@aws-sdk/client-athena");
  const env = options.env ?? {};
  return new AthenaEngine(new sdk.Athena(await awsClientConfig(options.aws ?? {}, env)), options);
}

/** The engine of a lake in S3 with its tables in Glue. */
export class AthenaEngine implements SqlEngine {
  readonly traits = { billsByScan: true };
  readonly slices: readonly SliceKey[];
  readonly #athena: Athena;
  readonly #options: AthenaOptions;
  readonly #log: Log;

  constructor(athena: Athena, options: AthenaOptions) {
    this.#athena = athena;
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.slices = (options.slices ?? []).map(({ key }) => key);
  }

  async query(sql: string, { signal, reads, explain, bounds }: QueryOptions = {}): Promise<QueryResult> {
    signal?.throwIfAborted();
    const begun = performance.now();
    const statement = readingStatement(sql, explain);
    await this.#checkScan(statement, reads);
    const sums = reads === undefined ? this.#sumsAcross(statement) : Promise.resolve([]);
    const execution = await this.#run(statement, signal);
    const results = await this.#call(statement.sql, () => openResults(this.#athena, execution, bounds?.rows));
    const call = <T>(action: () => Promise<T>): Promise<T> => this.#call(statement.sql, action);
    const allowance = bounds && new Allowance(bounds);
    let rows = 0;
    async function* batches(): AsyncGenerator<readonly SqlRow[]> {
      const pages = results.rows();
      for (;;) {
        signal?.throwIfAborted();
        const next = await call(() => pages.next());
        if (next.done) return;
        const batch = allowance?.take(next.value) ?? next.value;
        rows += batch.length;
        yield batch;
        if (allowance?.isUsedUp) return;
      }
    }
    const stats = (): QueryStats => ({
      elapsedMs: performance.now() - begun,
      rows,
      ...this.#costOf(statement, execution),
      ...(allowance && { isTruncated: allowance.isTruncated }),
    });
    const tables = [...new Set(tablesOf(statement.sql).map(({ name }) => name))];
    return { columns: results.columns, tables, sumsAcross: await sums, batches: batches(), stats };
  }

  /**
   * DuckDB's parser understands nearly all of Athena's SQL. It is loaded only if the lake has series that a sum could
   * mix.
   */
  async #sumsAcross({ sql, scans }: ReadingStatement): Promise<readonly SeriesColumn[]> {
    const hasSeveral = SERIES_COLUMNS.some(
      (column) => new Set(this.slices.map((key) => key[column])).size > 1,
    );
    if (!scans || !hasSeveral) return [];
    const { sumsAcrossIn } = await import("../duckdb/sums.ts");
    return await sumsAcrossIn(sql, this.#options.database);
  }

  async close(): Promise<void> {
    this.#athena.destroy();
    await Promise.resolve();
  }

  /** Checks and warnings about a statement's scan before it runs. */
  async #checkScan({ sql, scans }: ReadingStatement, reads: Reads | undefined): Promise<void> {
    if (!scans) return;
    if (readsEveryDay(sql)) {
      this.#log.warn(
        "The statement does not filter by date. Athena then calls S3 for each day of the table's range, which is slow. " +
          "Add a filter, for example date BETWEEN DATE '2026-11-01' AND DATE '2026-11-30'.",
      );
    }
    const { maxScan, slices } = this.#options;
    if (maxScan === undefined) return;
    if (reads !== undefined && slices !== undefined) {
      assertWithin(bytesOf(slices, reads), maxScan, "The statement may read");
      return;
    }
    if (mostBytes(sql, slices) <= maxScan) return;
    const cutoff = await this.#cutoff();
    if (cutoff !== undefined && cutoff <= maxScan) return;
    this.#log.warn(
      "The size of the scan is not known before the statement runs. The statement is stopped once Athena reports more " +
        `than ${sizeText(maxScan)}, and may scan slightly more than that. Only the workgroup's limit ` +
        `(BytesScannedCutoffPerQuery) is exact; it is ${cutoff === undefined ? "not set or not readable" : sizeText(cutoff)}.`,
    );
  }

  /** The workgroup's own limit in bytes; undefined if there is none or it is not readable. */
  async #cutoff(): Promise<number | undefined> {
    try {
      const { WorkGroup } = await this.#athena.getWorkGroup({ WorkGroup: this.#options.workgroup });
      return WorkGroup?.Configuration?.BytesScannedCutoffPerQuery;
    } catch (error) {
      this.#log.debug(`The workgroup's limit cannot be read: ${String(error)}`);
      return undefined;
    }
  }

  async #run(statement: ReadingStatement, signal: AbortSignal | undefined): Promise<QueryExecution> {
    const begun = performance.now();
    let scanned = 0;
    try {
      return await this.#ended(statement.sql, signal, (bytes) => {
        scanned = bytes;
      });
    } finally {
      this.#options.onEnd?.({
        bytesScanned: scanned,
        bytesBilled: statement.scans ? billedBytes(scanned) : 0,
        seconds: (performance.now() - begun) / 1000,
      });
    }
  }

  /** @param onScanned gets the bytes scanned so far, and in the end. */
  async #ended(
    sql: string,
    signal: AbortSignal | undefined,
    onScanned: (bytes: number) => void,
  ): Promise<QueryExecution> {
    const { maxScan, onProgress, effects = realEffects } = this.#options;
    const onRunning = ({ Status, Statistics }: QueryExecution): void => {
      const bytes = Statistics?.DataScannedInBytes ?? 0;
      onScanned(bytes);
      onProgress?.({ kind: "statement", state: (Status?.State ?? "").toLowerCase(), bytesScanned: bytes });
      assertWithin(bytes, maxScan, "The statement was stopped: it had read");
    };
    const sent = this.#sent(sql);
    const execution = await this.#call(sql, () =>
      runToEnd({ athena: this.#athena, effects, log: this.#log, signal, onRunning }, sent),
    );
    onScanned(execution.Statistics?.DataScannedInBytes ?? 0);
    const { State: state = "", StateChangeReason: reason = "", AthenaError } = execution.Status ?? {};
    if (state === "SUCCEEDED") {
      this.#warnOfExcess(execution);
      return execution;
    }
    throw endedBadly(
      {
        id: execution.QueryExecutionId ?? "",
        state,
        reason,
        category: AthenaError?.ErrorCategory,
        retryable: AthenaError?.Retryable ?? false,
      },
      sent,
    );
  }

  /** A statement may end before Athena reports how much it read. */
  #warnOfExcess({ Statistics }: QueryExecution): void {
    const bytes = Statistics?.DataScannedInBytes ?? 0;
    const { maxScan } = this.#options;
    if (maxScan === undefined || bytes <= maxScan) return;
    this.#log.warn(
      `The statement ended before it could be stopped: it read ${sizeText(bytes)}, more than --max-scan ${sizeText(maxScan)}.`,
    );
  }

  async #call<T>(sql: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (isGcUsageError(error)) throw error;
      throw callFailed(error, this.#sent(sql), this.#options.aws ?? {});
    }
  }

  #sent(sql: string): Sent {
    return { sql, workgroup: this.#options.workgroup, database: this.#options.database };
  }

  #costOf(
    { scans }: ReadingStatement,
    { Statistics }: QueryExecution,
  ): Pick<QueryStats, "bytesScanned" | "costUsd"> {
    const bytesScanned = Statistics?.DataScannedInBytes ?? 0;
    // Statements that only describe are free, even if Athena reports scanned bytes of the catalog.
    const costUsd = scans ? scanCost(bytesScanned, this.#options.usdPerTb ?? DEFAULT_USD_PER_TB) : 0;
    return { bytesScanned, costUsd };
  }
}

/**
 * The upper limit of a statement's scan: all slices, once for each table that it names; infinite if it is not known.
 */
function mostBytes(sql: string, slices: readonly SizedSlice[] | undefined): number {
  const tables = tablesOf(sql);
  const fromCatalog = tables.filter(({ isBound }) => !isBound);
  if (fromCatalog.length === 0) return 0;
  if (slices === undefined || !fromCatalog.every(({ name }) => BY_DAY.includes(name)))
    return Number.POSITIVE_INFINITY;
  // A query defined by WITH is run each time it is named.
  return tables.length * slices.reduce((sum, { object }) => sum + object.bytes, 0);
}

/** The total size of the partitions of the dates: Athena opens every object of a partition, whatever its service. */
function bytesOf(slices: readonly SizedSlice[], { granularity, start, end }: Reads): number {
  return slices
    .filter(({ key }) => key.granularity === granularity && key.date >= start && key.date <= end)
    .reduce((sum, { object }) => sum + object.bytes, 0);
}
