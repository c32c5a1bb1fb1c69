import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { slicePath } from "../../src/usage/slice.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { damageSlice, sliceKey, writeSlice } from "../helpers/lakes.ts";

const GOLDEN = fileURLToPath(new URL("../golden/0.1.0/lake", import.meta.url));

async function sql(lake: string, statement: string): Promise<unknown[]> {
  const ran = await gcUsage(["sql", statement, "--lake", lake, "--output", "ndjson", "-q"]);
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  return ran.stdout
    .split("\n")
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
}

/** A day's slice with this metadata. */
async function write(lake: string, date: string, metadata: object): Promise<void> {
  await writeSlice(join(lake, slicePath(sliceKey(date))), "SELECT 'jobs' AS service", metadata);
}

const METADATA = {
  start: "2026-11-01",
  end: "2026-11-01",
  metrics: ["requests", "status429"],
  fetchedAt: "2026-11-12T03:04:05.678Z",
  interval: "2026-11-01/2026-11-02",
  id: "job-1",
  rows: 7,
  version: "0.2.0",
  format: 2,
  organization: { id: "11111111-1111-4111-8111-111111111111", name: "Acme" },
  source: { region: "mypurecloud.de", clientId: "22222222-2222-4222-8222-222222222222" },
};

test("slices has a row for each slice: its key, coverage, fetch time, origin and state", async () => {
  const lake = await workFolder();
  await write(lake, "2026-11-01", METADATA);
  await write(lake, "2026-11-02", {
    ...METADATA,
    start: "2026-11-02",
    end: "2026-11-02",
    format: 99,
    version: "9.0.0",
  });
  await damageSlice(lake, sliceKey("2026-11-03"));
  const rows = await sql(lake, "SELECT * FROM slices ORDER BY date");
  expect(rows).toMatchObject([
    {
      service: "jobs",
      grouping: "client-uri-method",
      granularity: "day",
      date: "2026-11-01",
      state: "readable",
      note: null,
      start: "2026-11-01",
      end: "2026-11-01",
      metrics: "status429,requests",
      fetchedAt: "2026-11-12 03:04:05.678",
      id: "job-1",
      rows: 7,
      format: 2,
      version: "0.2.0",
      organizationId: METADATA.organization.id,
      organizationName: "Acme",
      region: "mypurecloud.de",
      fetchedBy: METADATA.source.clientId,
      path: slicePath(sliceKey("2026-11-01")),
    },
    { date: "2026-11-02", state: "newer", note: "written by gc-usage 9.0.0", format: 99 },
    { date: "2026-11-03", state: "damaged", note: "it is truncated", rows: null, bytes: 7 },
  ]);
  expect(
    await sql(lake, "SELECT sum(bytes) > 0 AS b, count(*) AS n FROM slices WHERE state <> 'damaged'"),
  ).toEqual([{ b: true, n: 2 }]);
});

test("slices includes slices of 0.1.0, and can be joined with usage", async () => {
  const joined = `SELECT s.version, s.format, any_value(s."rows") = count(u.requests) AS same
    FROM slices s LEFT JOIN usage u
      ON u.service = s.service AND u."grouping" = s."grouping" AND u.granularity = s.granularity AND u.date = s.date
    GROUP BY s.version, s.format, s.path`;
  const rows = (await sql(GOLDEN, joined)) as Record<string, unknown>[];
  expect(rows.length).toBeGreaterThan(5);
  for (const row of rows) expect(row).toMatchObject({ version: "0.1.0", format: 1, same: true });
});

test("slices of an empty lake has the same columns without rows", async () => {
  const empty = await workFolder();
  mkdirSync(join(empty, "usage"));
  expect(await sql(empty, "SELECT * FROM slices")).toEqual([]);
  expect(await sql(empty, "DESCRIBE slices")).toEqual(await sql(GOLDEN, "DESCRIBE slices"));
});
