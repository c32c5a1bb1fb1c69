import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { messageOf, UsageError } from "../support/errors.ts";
import { sqlName, sqlString } from "../support/quote.ts";
import { DIMENSION_COLUMNS, type Metric, USAGE_COLUMNS } from "../usage/columns.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import { METRICS } from "../usage/metric.ts";
import type { UsageRow } from "../usage/row.ts";
import type { SliceKey } from "../usage/slice.ts";
import { encodeProvenance, PROVENANCE_KEY, type Provenance } from "./provenance.ts";
import { Workspace } from "./workspace.ts";

/** The columns of a slice's file, in order, with DuckDB's types; `granularity` and `date` stand in its path. */
export const SLICE_COLUMNS: Readonly<Record<string, string>> = Object.fromEntries<string>([
  ["service", "VARCHAR"],
  ["grouping", "VARCHAR"],
  ...USAGE_COLUMNS.map(({ name, type }): [string, string] => [name, type.toUpperCase()]),
  ["extra", "VARCHAR"],
]);

/** The columns that tell one row of a slice from another. */
const KEY_COLUMNS = DIMENSION_COLUMNS.map(({ name }) => name);
const LABEL_COLUMNS = USAGE_COLUMNS.filter(({ kind }) => kind === "label").map(({ name }) => name);

const COLUMNS = Object.entries(SLICE_COLUMNS);

const NO_ROWS = `SELECT ${COLUMNS.map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`).join(", ")} WHERE false`;

/**
 * The rows of a spool, as a slice's columns: NULL means not grouped by, or not asked for; a dimension that was grouped
 * by and that a row lacks (no user, say) is "". A line holds at most a row of 16 MiB, and its escapes.
 */
function rowsOf(key: SliceKey, metrics: readonly Metric[], spool: string): string {
  const grouped: readonly string[] = dimensionsOf(key.grouping);
  const requested: readonly string[] = metrics;
  const value = new Map<string, string>([
    ["service", sqlString(key.service)],
    ["grouping", sqlString(key.grouping)],
    ...USAGE_COLUMNS.map((column): [string, string] => {
      const { name, kind, type } = column;
      const isThere = kind === "metric" ? requested.includes(name) : grouped.includes(column.dimension);
      const held = kind === "dimension" ? `coalesce(${name}, '')` : name;
      return [name, isThere ? held : `CAST(NULL AS ${type})`];
    }),
  ]);
  const read = COLUMNS.filter(([name]) => name !== "service" && name !== "grouping");
  return `SELECT ${COLUMNS.map(([name]) => `${value.get(name) ?? name} AS ${name}`).join(", ")}
    FROM read_json(${sqlString(spool)}, format = 'newline_delimited', maximum_object_size = 33554432,
      columns = {${read.map(([name, type]) => `${name}: '${type}'`).join(", ")}})`;
}

/** A row as it stands in a slice's spool, without what the slice's key says already. What is left out is null. */
export type SpoolRow = { readonly [Column in keyof Omit<UsageRow, "date">]?: UsageRow[Column] | undefined };

/**
 * One line of a spool. Counts above 2^53 are written with every digit; half a surrogate pair, which JSON can spell and
 * DuckDB cannot read, becomes U+FFFD.
 */
export function spoolLine(row: SpoolRow): string {
  const line = jsonLine(row);
  return line.includes("\\ud") ? jsonLine(wellFormed(row)) : line;
}

function wellFormed(row: SpoolRow): SpoolRow {
  const fields = Object.entries(row).map(([name, value]) => [
    name,
    typeof value === "string" ? Buffer.from(value).toString() : value,
  ]);
  return Object.fromEntries(fields) as SpoolRow;
}

function jsonLine(row: SpoolRow): string {
  if (!METRICS.some((metric) => typeof row[metric] === "bigint")) return `${JSON.stringify(row)}\n`;
  const fields = Object.entries(row).map(
    ([name, value]) => `"${name}":${typeof value === "bigint" ? value : JSON.stringify(value)}`,
  );
  return `{${fields.join(",")}}\n`;
}

/** Names with DuckDB's types. */
type Columns = readonly (readonly [name: string, type: string])[];

/** Writes slices' files by DuckDB, in one process-wide instance with bounded memory. */
export class SliceFiles {
  readonly #staging: string;
  #open: Promise<{ instance: DuckDBInstance; spill: Workspace }> | undefined;

  /** @param staging where what does not fit into memory may go, in a folder of its own. */
  constructor(staging: string) {
    this.#staging = staging;
  }

  /**
   * Writes a spool (undefined: no rows) as a slice's Parquet file.
   *
   * @param signal stops DuckDB, and rejects with its reason.
   * @returns how many rows repeat another's client, user, endpoint …: 0 in an answer that is sound.
   */
  async write(
    key: SliceKey,
    spool: string | undefined,
    file: string,
    provenance: Provenance,
    signal?: AbortSignal,
  ): Promise<number> {
    return await this.#with(signal, async (connection) => {
      const rows = spool === undefined ? NO_ROWS : rowsOf(key, provenance.metrics, spool);
      await connection.run(
        `COPY (FROM (${rows}) ORDER BY ${KEY_COLUMNS.join(", ")})
         TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${PROVENANCE_KEY}: ${sqlString(encodeProvenance(provenance))}})`,
      );
      if (spool === undefined) return 0;
      const repeats = await connection.runAndReadAll(
        `SELECT CAST(coalesce(sum(n - 1), 0) AS INTEGER)
           FROM (SELECT count(*) AS n FROM read_parquet(${sqlString(file)})
                   GROUP BY ${[...KEY_COLUMNS, ...LABEL_COLUMNS].join(", ")} HAVING count(*) > 1)`,
      );
      return Number(repeats.getRows()[0]?.[0] ?? 0);
    });
  }

  /** True where two slices' files hold the same rows, in whatever order. False too where one cannot be read. */
  async haveSameRows(one: string, other: string): Promise<boolean> {
    const columns = COLUMNS.map(([name]) => name).join(", ");
    // Another version's file may lack a column, which is then NULL.
    const from = `read_parquet([${sqlString(one)}, ${sqlString(other)}], union_by_name = true, filename = true, hive_partitioning = false)`;
    return await this.#with(undefined, async (connection) => {
      const differing = `SELECT 1 FROM ${from} GROUP BY ${columns}
        HAVING count(*) FILTER (WHERE filename = ${sqlString(one)}) <> count(*) FILTER (WHERE filename <> ${sqlString(one)})`;
      const reader = await connection
        .runAndReadAll(`SELECT NOT EXISTS (${differing})`)
        .catch(() => undefined);
      return reader?.getRows()[0]?.[0] === true;
    });
  }

  /** Writes rows, a JSON object a line, as a table with just these columns. */
  async writeTable(columns: Columns, rows: string, file: string): Promise<void> {
    const types = columns.map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`);
    await this.#with(undefined, async (connection) => {
      await connection.run(
        `COPY (FROM read_json(${sqlString(rows)}, format = 'newline_delimited', columns = {${types.join(", ")}}))
         TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    });
  }

  /** The rows of a table that `writeTable` wrote, a JSON object each; none where a column is not there as it was written. */
  async readTable(columns: Columns, file: string): Promise<string[]> {
    const list = columns.map(([name, type]) => `CAST(${sqlName(name)} AS ${type}) AS ${sqlName(name)}`);
    return await this.#with(undefined, async (connection) => {
      const reader = await connection
        .runAndReadAll(
          `SELECT to_json(t) FROM (SELECT ${list.join(", ")} FROM read_parquet(${sqlString(file)})) t`,
        )
        .catch(() => undefined);
      return reader?.getRows().map(([json]) => String(json)) ?? [];
    });
  }

  async close(): Promise<void> {
    const opened = await this.#open?.catch(() => undefined);
    this.#open = undefined;
    opened?.instance.closeSync();
    await opened?.spill.close();
  }

  /** Each task has a connection of its own, so that several run side by side. */
  async #with<T>(
    signal: AbortSignal | undefined,
    task: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    this.#open ??= openWriter(this.#staging);
    const { instance } = await this.#open;
    let connection: DuckDBConnection | undefined;
    const stop = (): void => connection?.interrupt();
    signal?.addEventListener("abort", stop);
    try {
      connection = await instance.connect();
      signal?.throwIfAborted();
      return await task(connection);
    } catch (error) {
      signal?.throwIfAborted();
      throw writeError(error);
    } finally {
      signal?.removeEventListener("abort", stop);
      connection?.closeSync();
    }
  }
}

/** DuckDB not starting, out of memory or without room is the machine's trouble. The slice in place is as it was. */
function writeError(cause: unknown): UsageError {
  const [why = ""] = messageOf(cause).split("\n");
  const isFull = /No space left|disk full|quota/i.test(why);
  return new UsageError("lake", `DuckDB cannot write a slice: ${why}.`, {
    hint: isFull
      ? "The disk is full. Free some room, then run the same command again: it resumes where it stopped."
      : "Free memory or open files on this machine, then run the same command again.",
    cause,
  });
}

async function openWriter(staging: string): Promise<{ instance: DuckDBInstance; spill: Workspace }> {
  // Loaded here, since what only reads a lake's footers, as `status`, would start a fifth slower with it.
  const { duckdb } = await import("./duckdb-client.ts");
  const spill = await Workspace.open(staging, "spill");
  // One thread: slices are small, and handing one over between threads costs as much as writing it.
  const options = {
    threads: "1",
    memory_limit: "512MB",
    temp_directory: spill.folder,
    max_temp_directory_size: "20GB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  };
  try {
    return { instance: await duckdb.DuckDBInstance.create(":memory:", options), spill };
  } catch (error) {
    await spill.close();
    throw writeError(error);
  }
}
