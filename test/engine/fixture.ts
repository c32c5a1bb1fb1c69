import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { encodeProvenance, FORMAT, PROVENANCE_KEY, type Provenance } from "../../src/lake/provenance.ts";
import { sqlString } from "../../src/support/quote.ts";
import { addDays, type Day, startOfDay } from "../../src/usage/day.ts";
import { tryGrouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type Granularity, periodEnd } from "../../src/usage/period.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import type { Service } from "../../src/usage/service.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";

export interface SliceRows extends SliceKey {
  readonly rows: readonly Partial<UsageRow>[];
  /** Changes to the default provenance: the whole period, fetched long after its end, with every metric. */
  readonly known?: Partial<Provenance> | undefined;
}

const TEXTS = [
  "clientId",
  "clientName",
  "organizationId",
  "userId",
  "templateUri",
  "httpMethod",
  "platform",
] as const;

/** Writes slices as files of a new lake with DuckDB, and returns the lake's folder. */
export async function makeLake(slices: readonly SliceRows[], parent?: string): Promise<string> {
  const lake = mkdtempSync(join(parent ?? tmpdir(), "gc-usage-lake-"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const { rows, known, ...key } of slices) {
    const file = join(lake, slicePath(key));
    mkdirSync(dirname(file), { recursive: true });
    const fixed = `${sqlString(key.service)} AS service, ${sqlString(key.grouping)} AS "grouping"`;
    const selects = rows.map((row) => `SELECT ${fixed}, ${columns(row)}`);
    const statement =
      selects.length > 0 ? selects.join(" UNION ALL ") : `SELECT ${fixed}, ${columns({})} WHERE false`;
    const metadata = sqlString(encodeProvenance({ ...provenanceOf(key, rows.length), ...known }));
    await connection.run(
      `COPY (${statement}) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${PROVENANCE_KEY}: ${metadata}})`,
    );
  }
  connection.closeSync();
  instance.closeSync();
  return lake;
}

/** A slice of the canonical service and grouping. */
export function slice(
  date: string,
  rows: readonly Partial<UsageRow>[],
  key: { service?: Service; granularity?: Granularity; grouping?: string; known?: Partial<Provenance> } = {},
): SliceRows {
  const grouping = tryGrouping(key.grouping ?? "client-uri-method");
  if (!grouping) throw new Error(`no grouping: ${key.grouping}`);
  return {
    service: key.service ?? "jobs",
    granularity: key.granularity ?? "day",
    grouping,
    date: date as Day,
    rows,
    known: key.known,
  };
}

function provenanceOf({ granularity, date }: SliceKey, rows: number): Provenance {
  const end = periodEnd(granularity, date) ?? date;
  return {
    format: FORMAT,
    start: date,
    end,
    metrics: METRICS,
    fetchedAt: startOfDay(addDays(end, 10)),
    interval: `${date}/${end}`,
    id: "test",
    rows,
    version: "test",
  };
}

/** Adds a file of raw rows, as `load` stores them. */
export function addSource(lake: string, granularity: string, id: string, ndjson: string): void {
  const folder = join(lake, "gc_usage_api_source", `granularity=${granularity}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${id}.json`), ndjson);
}

export function removeLake(lake: string): void {
  rmSync(lake, { recursive: true, force: true });
}

function columns(row: Partial<UsageRow>): string {
  const texts = TEXTS.map((name) => `CAST(${text(row[name])} AS VARCHAR) AS ${name}`);
  const counts = METRICS.map((name) => `CAST(${row[name] ?? "NULL"} AS BIGINT) AS ${name}`);
  return [...texts, ...counts, `CAST(${text(row.extra)} AS VARCHAR) AS extra`].join(", ");
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? "NULL" : sqlString(value);
}
