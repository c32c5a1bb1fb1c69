import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { onTestFinished } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import {
  encodeProvenance,
  FORMAT,
  PROVENANCE_KEY,
  type Provenance,
  type Reading,
} from "../../src/lake/provenance.ts";
import type { SpoolRow } from "../../src/lake/slice-parquet.ts";
import { sqlString } from "../../src/support/quote.ts";
import { TEXT_COLUMNS } from "../../src/usage/columns.ts";
import { addDays, type Day, startOfDay } from "../../src/usage/day.ts";
import { tryGrouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type Granularity, periodEnd } from "../../src/usage/period.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import type { Service } from "../../src/usage/service.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";

/** Every way in which the tests build a lake without a sync, and look into one. */

/** A folder that is removed with the test. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function tempLake(name = "lake"): Promise<{ lake: Lake; folder: string }> {
  const folder = join(await tempFolder(), name);
  const store = new FolderStore(folder);
  await store.create();
  const lake = new Lake(store);
  onTestFinished(() => lake.close());
  return { lake, folder };
}

/** Every folder (with a trailing /) and file below, with the file's text. */
export async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true }).catch(() => [])).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isDirectory()) found[`${name}/`] = "";
    else found[name] = (await readFile(path)).toString("base64");
  }
  return found;
}

export const KEY = {
  service: "jobs",
  granularity: "day",
  grouping: "client-uri",
  date: "2026-11-01",
} as SliceKey;

export function provenance(change: Partial<Provenance> = {}): Provenance {
  return {
    start: KEY.date,
    end: KEY.date,
    metrics: METRICS,
    fetchedAt: Date.UTC(2026, 10, 20),
    interval: "2026-11-01/2026-11-01",
    id: "job-1",
    rows: 1,
    format: FORMAT,
    version: "0.0.0",
    ...change,
  };
}

/** The state of a slice with that provenance in the lake. */
export function readable(change: Partial<Provenance> = {}): Reading {
  return { state: "readable", provenance: provenance(change) };
}

export function spoolRow(change: Partial<SpoolRow> = {}): SpoolRow {
  return {
    clientId: "c1",
    clientName: "Nightly",
    organizationId: null,
    userId: null,
    templateUri: "/api/v2/users",
    httpMethod: null,
    platform: null,
    status200: 1,
    status300: 0,
    status400: 0,
    status500: 0,
    status429: 0,
    requests: 1,
    extra: null,
    ...change,
  };
}

export interface SliceRows extends SliceKey {
  readonly rows: readonly Partial<UsageRow>[];
  /** Changes to the default provenance: the whole period, fetched long after its end, with every metric. */
  readonly known?: Partial<Provenance> | undefined;
}

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
  const texts = TEXT_COLUMNS.map(({ name }) => `CAST(${text(row[name])} AS VARCHAR) AS ${name}`);
  const counts = METRICS.map((name) => `CAST(${row[name] ?? "NULL"} AS BIGINT) AS ${name}`);
  return [...texts, ...counts, `CAST(${text(row.extra)} AS VARCHAR) AS extra`].join(", ");
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? "NULL" : sqlString(value);
}

/** Writes a slice like a later version: with an additional column, metric and metadata key, and one row of 41 requests. */
export async function writeNewerSlice(
  file: string,
  day: Day,
  change: Record<string, unknown> = {},
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const known = JSON.parse(
    encodeProvenance(provenance({ start: day, end: day, version: "9.1.0" })),
  ) as object;
  const metadata = {
    ...known,
    format: 3,
    metrics: [...METRICS, "status418"],
    weather: { is: "fine" },
    ...change,
  };
  const counts = METRICS.map((metric) => `CAST(${metric === "requests" ? 41 : 0} AS BIGINT) AS ${metric}`);
  const nulls = ["organizationId", "userId", "templateUri", "httpMethod", "platform", "extra"];
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT 'eu' AS region, CAST(7 AS BIGINT) AS status418, 'jobs' AS service, ${sqlString(basename(file).split(".")[1] ?? "")} AS "grouping", 'c' AS clientId,
         'Name' AS clientName, ${nulls.map((name) => `CAST(NULL AS VARCHAR) AS ${name}`).join(", ")}, ${counts.join(", ")})
       TO ${sqlString(file)} (FORMAT parquet, KV_METADATA {gc_usage: ${sqlString(JSON.stringify(metadata))}})`,
    );
  } finally {
    instance.closeSync();
  }
}

/** A slice's rows as DuckDB itself reads them, without the folders' names. */
export async function readSlice(folder: string, key: SliceKey): Promise<Record<string, unknown>[]> {
  return await readParquet(join(folder, slicePath(key)));
}

export async function readParquet(file: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    const from = `read_parquet(${sqlString(file)}, hive_partitioning = false)`;
    return (await connection.runAndReadAll(`SELECT * FROM ${from}`)).getRowObjects();
  } finally {
    instance.closeSync();
  }
}
