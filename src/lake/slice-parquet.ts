import { stat } from "node:fs/promises";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { GcUsageError, messageOf } from "../support/errors.ts";
import { sqlName, sqlString } from "../support/quote.ts";
import {
  DIMENSION_COLUMNS,
  type Metric,
  type RowShape,
  type TextColumn,
  USAGE_COLUMNS,
  type UsageColumn,
} from "../usage/columns.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import { METRICS } from "../usage/metric.ts";
import type { UsageRow } from "../usage/row.ts";
import { SERVICE_SPECS } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { encodeProvenance, PROVENANCE_KEY, type Provenance } from "./provenance.ts";
import { Workspace } from "./workspace.ts";

/** The columns of a slice's file, in order, with DuckDB's types; `granularity` and `date` are in its path. */
export const SLICE_COLUMNS: Readonly<Record<string, string>> = Object.fromEntries<string>([
  ["service", "VARCHAR"],
  ["grouping", "VARCHAR"],
  ...USAGE_COLUMNS.map(({ name, type }): [string, string] => [name, type.toUpperCase()]),
  ["extra", "VARCHAR"],
]);

/** The columns that identify a row of a slice. */
const KEY_COLUMNS = DIMENSION_COLUMNS.map(({ name }) => name);
/** With their labels: a client that was renamed has two rows. */
const IDENTIFYING: readonly UsageColumn[] = USAGE_COLUMNS.filter(({ kind }) => kind !== "metric");

const COLUMNS = Object.entries(SLICE_COLUMNS);

const NO_ROWS = `SELECT ${COLUMNS.map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`).join(", ")} WHERE false`;

/**
 * A slice's rows, one JSON object per line: as the service returned them, if all of their fields are known, else as
 * `spoolLine` writes them.
 */
export interface Spool {
  readonly file: string;
  /** In bytes, at least. */
  readonly longestLine: number;
}

/** The largest buffer that DuckDB reads lines into, in bytes, unless a line is longer. */
const READ_BUFFER = 1024 * 1024;

/**
 * From this size of a spool on, in bytes, DuckDB returns memory to the system after each slice. It would otherwise keep more than
 * 100 MB that it has freed. Small slices need little memory, and would take a quarter more time.
 */
const LARGE_SPOOL = 2 * 1024 * 1024;
/** Freeing a block of more than this also returns other free memory. The buffer for lines has 32 MiB, which is more than 32 MB. */
const FREE_MEMORY = "SET GLOBAL allocator_bulk_deallocation_flush_threshold = '32MB'";

/**
 * The rows of a spool as a slice's columns. NULL means not grouped by or not requested; a dimension in the grouping that a
 * row does not have (no user, for example) is "".
 */
function rowsOf(key: SliceKey, metrics: readonly Metric[], { file, longestLine }: Spool): string {
  const grouped: readonly string[] = dimensionsOf(key.grouping);
  const requested: readonly string[] = metrics;
  const reader = READERS[SERVICE_SPECS[key.service].rowShape];
  const value = new Map<string, string>([
    ["service", sqlString(key.service)],
    ["grouping", sqlString(key.grouping)],
    ...USAGE_COLUMNS.map((column): [string, string] => {
      const { name, kind, type } = column;
      const isThere = kind === "metric" ? requested.includes(name) : grouped.includes(column.dimension);
      const found = reader.value[name];
      const held = kind === "dimension" ? `coalesce(${found}, '')` : found;
      return [name, isThere ? held : `CAST(NULL AS ${type})`];
    }),
  ]);
  return `SELECT ${COLUMNS.map(([name]) => `${value.get(name) ?? name} AS ${name}`).join(", ")}
    FROM read_json(${sqlString(file)}, format = 'newline_delimited',
      maximum_object_size = ${Math.max(READ_BUFFER, 2 * longestLine)}, columns = {${reader.columns}})`;
}

/** A row in a slice's spool, without what is already in the slice's key. Missing values are null. */
export type SpoolRow = { readonly [Column in keyof Omit<UsageRow, "date">]?: UsageRow[Column] | undefined };

/**
 * One line of a spool. Counts above 2^53 keep every digit. A lone surrogate, which JSON can contain and DuckDB cannot read,
 * becomes U+FFFD.
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

/** How DuckDB reads the lines of a spool with rows of one shape: their columns, and where each of ours is in them. */
interface Reader {
  readonly columns: string;
  readonly value: Readonly<Record<Metric | TextColumn, string>>;
}

const READERS: Readonly<Record<RowShape, Reader>> = { flat: readerOf("flat"), nested: readerOf("nested") };

function readerOf(shape: RowShape): Reader {
  const columns = new Map(COLUMNS.filter(([name]) => name !== "service" && name !== "grouping"));
  const members = new Map<string, string[]>();
  const value = USAGE_COLUMNS.map(({ name, type, field }: UsageColumn) => {
    const [top = name, member] = field[shape]?.split(".") ?? [];
    if (member !== undefined) members.set(top, [...(members.get(top) ?? []), `${member} ${type}`]);
    else columns.set(top, type.toUpperCase());
    if (top === name) return [name, name];
    return [name, `coalesce(${name}, ${member === undefined ? top : `${sqlName(top)}.${member}`})`];
  });
  for (const [top, types] of members) columns.set(top, `STRUCT(${types.join(", ")})`);
  return {
    columns: [...columns].map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`).join(", "),
    value: Object.fromEntries(value) as Reader["value"],
  };
}

/** Column names with DuckDB's types. */
type Columns = readonly (readonly [name: string, type: string])[];

/** Writes slice files with DuckDB, in one process-wide instance with bounded memory. */
export class SliceFiles {
  readonly #staging: string;
  #open: Promise<{ instance: DuckDBInstance; spill: Workspace }> | undefined;

  /** @param staging parent of a private folder for data that does not fit into memory. */
  constructor(staging: string) {
    this.#staging = staging;
  }

  /**
   * Writes a spool (undefined: no rows) as a slice's Parquet file.
   *
   * @param signal interrupts DuckDB; the call rejects with the signal's reason.
   * @returns the number of rows that repeat the client, user, endpoint … of another row: 0 for a sound answer.
   */
  async write(
    key: SliceKey,
    spool: Spool | undefined,
    file: string,
    provenance: Provenance,
    signal?: AbortSignal,
  ): Promise<number> {
    const isLarge = spool !== undefined && (await stat(spool.file)).size > LARGE_SPOOL;
    return await this.#with(signal, async (connection) => {
      if (isLarge) await connection.run(FREE_MEMORY);
      const rows = spool === undefined ? NO_ROWS : rowsOf(key, provenance.metrics, spool);
      await connection.run(
        `COPY (FROM (${rows}) ORDER BY ${KEY_COLUMNS.join(", ")})
         TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${PROVENANCE_KEY}: ${sqlString(encodeProvenance(provenance))}})`,
      );
      if (spool === undefined) return 0;
      return await countRepeats(connection, key, file);
    });
  }

  /** True if two slice files have the same rows, in any order. Also false if one cannot be read. */
  async haveSameRows(file: string, other: string): Promise<boolean> {
    const columns = COLUMNS.map(([name]) => name).join(", ");
    // A file of another version may not have a column, which is then NULL.
    const from = `read_parquet([${sqlString(file)}, ${sqlString(other)}], union_by_name = true, filename = true, hive_partitioning = false)`;
    return await this.#with(undefined, async (connection) => {
      const differing = `SELECT 1 FROM ${from} GROUP BY ${columns}
        HAVING count(*) FILTER (WHERE filename = ${sqlString(file)}) <> count(*) FILTER (WHERE filename <> ${sqlString(file)})`;
      const reader = await connection
        .runAndReadAll(`SELECT NOT EXISTS (${differing})`)
        .catch(() => undefined);
      return reader?.getRows()[0]?.[0] === true;
    });
  }

  /** The users of slice files, those with most requests first. */
  async usersIn(files: readonly string[]): Promise<string[]> {
    if (files.length === 0) return [];
    return await this.#with(undefined, async (connection) => {
      const reader = await connection.runAndReadAll(
        `SELECT userId FROM read_parquet([${files.map(sqlString).join(", ")}], union_by_name = true, hive_partitioning = false)
         WHERE userId <> '' GROUP BY userId ORDER BY sum(requests) DESC NULLS LAST, userId`,
      );
      return reader.getRows().map(([id]) => String(id));
    });
  }

  /** Writes rows, one JSON object per line, as a table with exactly these columns. */
  async writeTable(columns: Columns, rows: string, file: string): Promise<void> {
    const types = columns.map(([name, type]) => `${sqlName(name)}: ${sqlString(type)}`);
    await this.#with(undefined, async (connection) => {
      await connection.run(
        `COPY (FROM read_json(${sqlString(rows)}, format = 'newline_delimited', columns = {${types.join(", ")}}))
         TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    });
  }

  /** The rows of a table written by `writeTable`, as JSON objects; none if a column is missing or has another type. */
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

  /** Each task has its own connection, so several can run concurrently. */
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

/** The number of rows with the same values as another row in everything that identifies a row. */
async function countRepeats(
  connection: DuckDBConnection,
  { grouping }: SliceKey,
  file: string,
): Promise<number> {
  const grouped: readonly (string | undefined)[] = dimensionsOf(grouping);
  const columns = IDENTIFYING.filter(({ dimension }) => grouped.includes(dimension))
    .map(({ name }) => name)
    .concat("service")
    .join(", ");
  const from = `read_parquet(${sqlString(file)})`;
  const count = async (sql: string): Promise<number> =>
    Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0] ?? 0);
  // Different rows can have the same hash, but not the other way around.
  if ((await count(`SELECT count(*) - count(DISTINCT hash(${columns})) FROM ${from}`)) === 0) return 0;
  return await count(
    `SELECT CAST(coalesce(sum(n - 1), 0) AS INTEGER)
       FROM (SELECT count(*) AS n FROM ${from} GROUP BY ${columns} HAVING count(*) > 1)`,
  );
}

/** If DuckDB does not start or runs out of memory or disk space, the machine is the cause. The stored slice is unchanged. */
function writeError(cause: unknown): GcUsageError {
  const [why = ""] = messageOf(cause).split("\n");
  const isFull = /No space left|disk full|quota/i.test(why);
  return new GcUsageError("lake", `DuckDB cannot write a slice: ${why}.`, {
    hint: isFull
      ? "The disk is full. Free some space, then run the same command again to resume."
      : "Free memory or open files on this machine, then run the same command again.",
    cause,
  });
}

async function openWriter(staging: string): Promise<{ instance: DuckDBInstance; spill: Workspace }> {
  // Loaded here, because commands that read only footers, such as `status`, would otherwise start a fifth slower.
  const { duckdb } = await import("./duckdb-client.ts");
  const spill = await Workspace.open(staging, "spill");
  // One thread: slices are small, and passing one between threads costs as much as writing it.
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
