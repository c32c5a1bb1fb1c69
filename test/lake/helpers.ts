import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { onTestFinished } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { FORMAT, type Provenance, type Reading } from "../../src/lake/provenance.ts";
import type { SpoolRow } from "../../src/lake/slice-parquet.ts";
import { sqlString } from "../../src/support/quote.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";

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
