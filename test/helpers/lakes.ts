import { mkdirSync, writeFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { type Committed, Lake } from "../../src/lake/lake.ts";
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
import { dimensionsOf, tryGrouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type Granularity, periodEnd } from "../../src/usage/period.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import type { Service } from "../../src/usage/service.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "./folders.ts";
import { fromParquet, readMetadata, readParquet, withDuckDb, writeParquet } from "./parquet.ts";

interface KeyChange {
  readonly service?: Service;
  readonly granularity?: Granularity;
  readonly grouping?: string;
}

/** The key of a slice; by default of the canonical service, granularity and grouping. */
export function sliceKey(date: string, change: KeyChange = {}): SliceKey {
  const { service = "jobs", granularity = "day", grouping = "client-uri-method" } = change;
  const known = tryGrouping(grouping);
  if (!known) throw new Error(`no grouping: ${grouping}`);
  return { service, granularity, grouping: known, date: date as Day };
}

/** The key of a day's slice by client and endpoint, for tests that need only one. */
export const KEY = sliceKey("2026-11-01", { grouping: "client-uri" });

/** A slice as `makeLake` writes it. */
export interface SliceRows extends SliceKey {
  readonly rows: readonly Partial<UsageRow>[];
  /** Changes to the default provenance: the whole period, fetched long after its end, with every metric. */
  readonly known?: Partial<Provenance> | undefined;
}

/** A slice with these rows, for `makeLake`. */
export function slice(
  date: string,
  rows: readonly Partial<UsageRow>[],
  { known, ...key }: KeyChange & { readonly known?: Partial<Provenance> } = {},
): SliceRows {
  return { ...sliceKey(date, key), rows, known };
}

/** What a slice of the day of `KEY` says of its one row. */
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

/** What a slice of a whole period says of its rows, fetched ten days after its end. */
function wholePeriod(
  { granularity, date }: SliceKey,
  rows: number,
  change: Partial<Provenance> = {},
): Provenance {
  const end = periodEnd(granularity, date) ?? date;
  return provenance({
    start: date,
    end,
    fetchedAt: startOfDay(addDays(end, 10)),
    interval: `${date}/${end}`,
    id: "test",
    rows,
    version: "test",
    ...change,
  });
}

/** The state of a slice with that provenance in the lake. */
export function readable(change: Partial<Provenance> = {}): Reading {
  return { state: "readable", provenance: provenance(change) };
}

/** A row in a spool, by client and endpoint. */
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

/** Writes slices as files of a new lake, without the program, and returns the lake's folder. The fastest way to a lake. */
export async function makeLake(slices: readonly SliceRows[], parent?: string): Promise<string> {
  const lake = parent === undefined ? await workFolder() : await mkdtemp(join(parent, "lake-"));
  await withDuckDb(async (connection) => {
    for (const { rows, known, ...key } of slices) {
      const fixed = `${sqlString(key.service)} AS service, ${sqlString(key.grouping)} AS "grouping"`;
      const selects = rows.map((row) => `SELECT ${fixed}, ${columns(row)}`);
      const select =
        selects.length > 0 ? selects.join(" UNION ALL ") : `SELECT ${fixed}, ${columns({})} WHERE false`;
      const metadata = encodeProvenance(wholePeriod(key, rows.length, known));
      await writeParquet(connection, join(lake, slicePath(key)), select, metadata);
    }
  });
  return lake;
}

/** Adds a file of raw rows, as `load` stores them. */
export function addSource(lake: string, granularity: string, id: string, ndjson: string): void {
  const folder = join(lake, "gc_usage_api_source", `granularity=${granularity}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${id}.json`), ndjson);
}

/** An empty lake in a folder, open until the test ends. */
export async function tempLake(name = "lake"): Promise<{ lake: Lake; folder: string }> {
  const folder = join(await workFolder(), name);
  const store = new FolderStore(folder);
  await store.create();
  const lake = new Lake(store);
  onTestFinished(() => lake.close());
  return { lake, folder };
}

/** Stores a slice of one row in a lake of any kind, as a sync does: the lake may keep what it has. */
export async function putSlice(
  lake: Lake,
  key: SliceKey,
  row: Partial<SpoolRow> = {},
  change: Partial<Provenance> = {},
): Promise<Committed> {
  const folder = await workFolder();
  const [file, spool] = [join(folder, "slice.parquet"), join(folder, "spool.ndjson")];
  const httpMethod = dimensionsOf(key.grouping).includes("method") ? "GET" : null;
  const known = provenance({
    start: key.date,
    end: key.date,
    interval: `${key.date}/${key.date}`,
    ...change,
  });
  await writeFile(spool, `${JSON.stringify(spoolRow({ httpMethod, ...row }))}\n`);
  await lake.files.write(key, { file: spool, longestLine: 10_000 }, file, known);
  return await lake.commit(key, file, known, { force: false });
}

/** Writes a slice with any columns and any metadata, such as another program's. */
export async function writeSlice(file: string, select: string, metadata: object): Promise<void> {
  await withDuckDb((connection) => writeParquet(connection, file, select, JSON.stringify(metadata)));
}

/** Writes a slice like a later version: with an additional column, metric and metadata key, and one row of 41 requests. */
export async function writeNewerSlice(
  file: string,
  day: Day,
  change: Record<string, unknown> = {},
): Promise<void> {
  const known = provenance({ start: day, end: day, version: "9.1.0" });
  const counts = METRICS.map((metric) => `CAST(${metric === "requests" ? 41 : 0} AS BIGINT) AS ${metric}`);
  const nulls = ["organizationId", "userId", "templateUri", "httpMethod", "platform", "extra"];
  await writeSlice(
    file,
    `SELECT 'eu' AS region, CAST(7 AS BIGINT) AS status418, 'jobs' AS service,
       ${sqlString(basename(file).split(".")[1] ?? "")} AS "grouping", 'c' AS clientId, 'Name' AS clientName,
       ${nulls.map((name) => `CAST(NULL AS VARCHAR) AS ${name}`).join(", ")}, ${counts.join(", ")}`,
    {
      ...(JSON.parse(encodeProvenance(known)) as object),
      format: 3,
      metrics: [...METRICS, "status418"],
      weather: { is: "fine" },
      ...change,
    },
  );
}

/** Replaces a slice's rows with the result of a statement over the table SLICE, and changes its metadata. */
export async function rewriteSlice(
  file: string,
  statement: string,
  change: Record<string, unknown> = {},
): Promise<void> {
  const before = join(await workFolder(), "before.parquet");
  await copyFile(file, before);
  const metadata = { ...(await readMetadata(before, PROVENANCE_KEY)), ...change };
  await writeSlice(file, statement.replace("SLICE", fromParquet(before)), metadata);
}

/** Puts a file that is not Parquet where a slice belongs. */
export async function damageSlice(lake: string, key: SliceKey): Promise<void> {
  const file = join(lake, slicePath(key));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "damaged");
}

/** A slice's rows as DuckDB itself reads them, without the folders' names. */
export async function readSlice(folder: string, key: SliceKey): Promise<Record<string, unknown>[]> {
  return await readParquet(join(folder, slicePath(key)));
}

function columns(row: Partial<UsageRow>): string {
  const texts = TEXT_COLUMNS.map(({ name }) => `CAST(${text(row[name])} AS VARCHAR) AS ${name}`);
  const counts = METRICS.map((name) => `CAST(${row[name] ?? "NULL"} AS BIGINT) AS ${name}`);
  return [...texts, ...counts, `CAST(${text(row.extra)} AS VARCHAR) AS extra`].join(", ");
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? "NULL" : sqlString(value);
}
