import { mkdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { encodeProvenance } from "../../src/lake/provenance.ts";
import { sqlString } from "../../src/support/quote.ts";
import type { Day } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { provenance } from "./helpers.ts";

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
