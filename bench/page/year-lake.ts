import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeProvenance, FORMAT } from "../../src/lake/provenance.ts";
import { TEXT_COLUMNS } from "../../src/usage/columns.ts";
import { addDays, lastDay, startOfDay } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { withDuckDb, writeParquet } from "../../test/helpers/parquet.ts";

export interface YearLake {
  readonly clients: number;
  /** The share of a client's endpoints and methods that it ever calls. */
  readonly density: number;
  /** Days up to yesterday. Default: a year. */
  readonly days?: number;
}

const ENDPOINTS = 160;

/**
 * A lake of a year up to yesterday, by client, endpoint and method. A client calls only some endpoints, and not all of them every
 * day. A lake of the same day is used again.
 */
export async function makeYearLake(
  parent: string,
  { clients, density, days = 365 }: YearLake,
): Promise<string> {
  const to = lastDay(Date.now());
  const folder = join(parent, `${clients}-clients-${days}-days-${to}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.tmp`;
  await rm(making, { recursive: true, force: true });
  const grouping = parseGrouping("client,uri,method");
  await withDuckDb(async (connection) => {
    await connection.run(pairsSql(clients, density));
    for (let before = 0; before < days; before++) {
      const date = addDays(to, -before);
      const provenance = {
        start: date,
        end: date,
        metrics: METRICS,
        // After it settled, as far as that is over.
        fetchedAt: Math.min(startOfDay(addDays(date, 10)), Date.now()),
        interval: `${date}/${date}`,
        id: "bench",
        rows: 0,
        format: FORMAT,
        version: "bench",
      };
      const file = join(making, slicePath({ service: "jobs", granularity: "day", grouping, date }));
      await writeParquet(
        connection,
        file,
        daySql(before, new Date(startOfDay(date)).getUTCDay()),
        encodeProvenance(provenance),
      );
    }
  });
  await mkdir(dirname(folder), { recursive: true });
  await rename(making, folder);
  return folder;
}

/** Who calls what, and how often on a usual day. Large differences, as in reality. */
function pairsSql(clients: number, density: number): string {
  return `CREATE TABLE pairs AS
    SELECT
      c, e, format('{:08d}-0000-4000-8000-{:012d}', c, c * 7919) AS clientId,
      format('Integration {} ({})', c, ['nightly', 'web', 'sync', 'reports', 'bot'][1 + c % 5]) AS clientName,
      format('/api/v2/{}/{{{{id}}}}/part-{}', ['users', 'routing/queues', 'analytics/conversations', 'outbound/campaigns'][1 + e % 4], e) AS uri,
      ['GET', 'POST'][1 + m] AS method,
      1 + floor(power(10, (hash(c) % 300) / 100.0) * power(10, (hash(c, e, m) % 200) / 100.0) / 20) AS volume
    FROM range(${clients}) c(c), range(${ENDPOINTS}) e(e), range(2) m(m)
    WHERE hash(c * 7, e, m) % 1000 < ${Math.round(density * 1000)}`;
}

function daySql(before: number, weekday: number): string {
  const weekend = weekday === 0 || weekday === 6 ? 0.3 : 1;
  const counts: Readonly<Record<string, string>> = {
    requests: "n",
    status200: "n - n // 200 - n // 90 - n // 300 - limited",
    status300: "n // 200",
    status400: "n // 90 + limited",
    status500: "n // 300",
    status429: "limited",
  };
  const texts: Readonly<Record<string, string>> = {
    clientId: "clientId",
    clientName: "clientName",
    templateUri: "uri",
    httpMethod: "method",
  };
  const columns = [
    ...TEXT_COLUMNS.map(({ name }) => `CAST(${texts[name] ?? "NULL"} AS VARCHAR) AS ${name}`),
    ...METRICS.map((name) => `CAST(${counts[name] ?? "NULL"} AS BIGINT) AS ${name}`),
  ];
  // One client in seven storms for some days, on some of its endpoints.
  return `SELECT 'jobs' AS service, 'client-uri-method' AS "grouping", ${columns.join(", ")}, CAST(NULL AS VARCHAR) AS extra
    FROM (
      SELECT *, CASE WHEN c % 7 = 3 AND e % 8 = 1 AND (${before} + c) % 60 < 4 THEN n // 5 ELSE 0 END AS limited
      FROM (SELECT *, CAST(1 + volume * ${weekend} * (80 + hash(c, e, ${before}) % 40) / 100 AS BIGINT) AS n FROM pairs)
    )
    WHERE hash(c, e, method, ${before}) % 100 < 87
    ORDER BY clientId, templateUri`;
}
