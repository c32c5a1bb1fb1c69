import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { messageOf, UsageError } from "../support/errors.ts";
import { sqlString } from "../support/quote.ts";
import { DIMENSIONS, type Dimension, dimensionsOf } from "../usage/grouping.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Count, UsageRow } from "../usage/row.ts";
import type { SliceKey } from "../usage/slice.ts";
import { duckdb } from "./duckdb.ts";
import { encodeProvenance, PROVENANCE_KEY, type Provenance } from "./provenance.ts";

/** The columns of a slice's file, in order; `granularity` and `date` stand in its path. */
export const SLICE_COLUMNS = {
  service: "VARCHAR",
  grouping: "VARCHAR",
  clientId: "VARCHAR",
  clientName: "VARCHAR",
  organizationId: "VARCHAR",
  userId: "VARCHAR",
  templateUri: "VARCHAR",
  httpMethod: "VARCHAR",
  platform: "VARCHAR",
  status200: "BIGINT",
  status300: "BIGINT",
  status400: "BIGINT",
  status500: "BIGINT",
  status429: "BIGINT",
  requests: "BIGINT",
  extra: "VARCHAR",
} as const;

/** The columns that tell one row of a slice from another. */
const KEY_COLUMNS = ["clientId", "organizationId", "userId", "templateUri", "httpMethod", "platform"];

const COLUMNS = Object.entries(SLICE_COLUMNS);

const NO_ROWS = `SELECT ${COLUMNS.map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`).join(", ")} WHERE false`;

const DIMENSION_COLUMN: Readonly<Record<Dimension, string>> = {
  client: "clientId",
  organization: "organizationId",
  user: "userId",
  uri: "templateUri",
  method: "httpMethod",
  platform: "platform",
};

/**
 * The rows of a spool, as a slice's columns: NULL means not grouped by, or not asked for; a dimension that was grouped
 * by and that a row lacks (no user, say) is "". A line holds at most a row of 16 MiB, and its escapes.
 */
function rowsOf(key: SliceKey, metrics: readonly Metric[], spool: string): string {
  const grouped = dimensionsOf(key.grouping);
  const value = new Map<string, string>([
    ["service", sqlString(key.service)],
    ["grouping", sqlString(key.grouping)],
    ["clientName", grouped.includes("client") ? "clientName" : "CAST(NULL AS VARCHAR)"],
    ...DIMENSIONS.map((dimension): [string, string] => {
      const column = DIMENSION_COLUMN[dimension];
      return [column, grouped.includes(dimension) ? `coalesce(${column}, '')` : "CAST(NULL AS VARCHAR)"];
    }),
    ...METRICS.map((metric): [string, string] => [
      metric,
      metrics.includes(metric) ? metric : "CAST(NULL AS BIGINT)",
    ]),
  ]);
  const read = COLUMNS.filter(([name]) => name !== "service" && name !== "grouping");
  return `SELECT ${COLUMNS.map(([name]) => `${value.get(name) ?? name} AS ${name}`).join(", ")}
    FROM read_json(${sqlString(spool)}, format = 'newline_delimited', maximum_object_size = 33554432,
      columns = {${read.map(([name, type]) => `${name}: '${type}'`).join(", ")}})`;
}

/** A row as it stands in a slice's spool, without what the slice's key says already. */
export type SpoolRow = Omit<UsageRow, "date">;

/**
 * One line of a spool. Counts above 2^53 are written with every digit; half a surrogate pair, which JSON can spell and
 * DuckDB cannot read, becomes U+FFFD.
 */
export function spoolLine(row: SpoolRow): string {
  const line = jsonLine(row);
  return line.includes("\\ud") ? jsonLine(wellFormed(row)) : line;
}

function wellFormed(row: SpoolRow): SpoolRow {
  const fields = Object.entries(row).map(([name, value]: [string, SpoolRow[keyof SpoolRow]]) => [
    name,
    typeof value === "string" ? Buffer.from(value).toString() : value,
  ]);
  return Object.fromEntries(fields) as SpoolRow;
}

function jsonLine(row: SpoolRow): string {
  const counts = [row.status200, row.status300, row.status400, row.status500, row.status429, row.requests];
  if (!counts.some((count) => typeof count === "bigint")) return `${JSON.stringify(row)}\n`;
  const { status200, status300, status400, status500, status429, requests, ...rest } = row;
  const fields = Object.entries({ status200, status300, status400, status500, status429, requests }).map(
    ([name, count]: [string, Count | null]) => `"${name}":${count}`,
  );
  return `${JSON.stringify(rest).slice(0, -1)},${fields.join(",")}}\n`;
}

/** Writes slices' files by DuckDB, in one process-wide instance with bounded memory. */
export class ParquetFiles {
  readonly #spill: string;
  #instance: Promise<DuckDBInstance> | undefined;

  /** @param spill folder for what does not fit into memory; made when needed. */
  constructor(spill: string) {
    this.#spill = spill;
  }

  /**
   * Writes a spool (undefined: no rows) as a slice's Parquet file.
   *
   * @returns how many rows repeat another's client, user, endpoint …: 0 in an answer that is sound.
   */
  async write(
    key: SliceKey,
    spool: string | undefined,
    file: string,
    provenance: Provenance,
  ): Promise<number> {
    return await this.#with(async (connection) => {
      const rows = spool === undefined ? NO_ROWS : rowsOf(key, provenance.metrics, spool);
      await connection.run(
        `COPY (FROM (${rows}) ORDER BY ${KEY_COLUMNS.join(", ")})
         TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${PROVENANCE_KEY}: ${sqlString(encodeProvenance(provenance))}})`,
      );
      if (spool === undefined) return 0;
      const repeats = await connection.runAndReadAll(
        `SELECT CAST(coalesce(sum(n - 1), 0) AS INTEGER)
           FROM (SELECT count(*) AS n FROM read_parquet(${sqlString(file)})
                   GROUP BY ${[...KEY_COLUMNS, "clientName"].join(", ")} HAVING count(*) > 1)`,
      );
      return Number(repeats.getRows()[0]?.[0] ?? 0);
    });
  }

  close(): void {
    void this.#instance?.then((instance) => instance.closeSync());
    this.#instance = undefined;
  }

  /** Each task has a connection of its own, so that several run side by side. */
  async #with<T>(task: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    // One thread each: slices are small, and handing one over between threads costs as much as writing it.
    this.#instance ??= duckdb.DuckDBInstance.create(":memory:", {
      threads: "1",
      memory_limit: "512MB",
      temp_directory: this.#spill,
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    let connection: DuckDBConnection | undefined;
    try {
      connection = await (await this.#instance).connect();
      return await task(connection);
    } catch (error) {
      throw writeError(error);
    } finally {
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
