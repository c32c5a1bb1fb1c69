import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { openLake, type UsageLake } from "../../src/index.ts";
import { facts, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, lastDay } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { slicePath } from "../../src/usage/slice.ts";

/** What all tests look at: a simulated organization, days that are missing, and names that attack the page. */
export interface PageLake {
  readonly folder: string;
  readonly from: Day;
  /** The newest day, which may still be corrected. It has the hostile rows. */
  readonly to: Day;
  /** Two days, in the shown period. */
  readonly missing: readonly [Day, Day];
  /** The id of a client that is rate limited. */
  readonly client: string;
}

/** Not taken as text, these run a script, open one, are a formula, or turn the text around. */
export const HOSTILE_CLIENTS = [
  { id: "hostile-image", name: '<img src=x onerror="window.attacked=1">' },
  { id: "javascript:window.attacked=1", name: "javascript:window.attacked=1" },
  { id: "hostile-formula", name: '=HYPERLINK("http://example.com","pay")' },
  { id: "hostile-turned", name: "Payroll \u202Etxt.exe\u202C \u200Fend" },
] as const;
export const HOSTILE_ENDPOINTS = [
  "/api/v2/<script>window.attacked=1</script>/{id}",
  "javascript:window.attacked=1//",
] as const;

const SERIES = { service: "jobs", granularity: "day", grouping: parseGrouping("client,uri,method") } as const;
const DAYS = 130;
const SEED = 7;

export async function makePageLake(): Promise<PageLake> {
  const folder = await mkdtemp(join(tmpdir(), "page-lake-"));
  const to = lastDay(Date.now());
  const from = addDays(to, 1 - DAYS);
  const missing = [addDays(to, -20), addDays(to, -19)] as const;
  const sandbox = await startSandbox({ seed: SEED, jobDelayMs: 1, rateLimit: 1_000_000, incidents: true });
  const lake = await openLake(folder, { variables: { HOME: folder, ...sandbox.env } });
  let client: string;
  try {
    await lake.sync({ from, to: addDays(to, -1) });
    await lake.sync({ from: addDays(to, -20), to, groupBy: "client,user" });
    const bytes = Readable.from([Buffer.from(newestRows(to))]);
    await lake.load({ name: "newest rows", bytes }, { granularity: "day", force: true });
    client = await mostLimited(lake);
  } finally {
    await lake.close();
    await sandbox.close();
  }
  for (const day of missing) await rm(join(folder, slicePath({ ...SERIES, date: day })));
  return { folder, from, to, missing, client };
}

async function mostLimited(lake: UsageLake): Promise<string> {
  const sql =
    "SELECT clientId AS id FROM daily WHERE length(clientId) = 36 GROUP BY 1 ORDER BY sum(status429) DESC LIMIT 1";
  for await (const { id } of lake.query<{ id: string }>(sql)) return id;
  throw new Error("The lake has no clients.");
}

const NOTHING = { status200: 0, status300: 0, status400: 0, status500: 0, status429: 0, requestCount: 0 };

/** The newest day's rows, as an answer of the jobs service: those of the organization, and the hostile ones. */
function newestRows(day: Day): string {
  const row = (client: { id: string; name: string }, templateUri: string, httpMethod: string) => ({
    date: day,
    oauthClient: client,
    templateUri,
    httpMethod,
    ...NOTHING,
  });
  const sums = new Map<string, ReturnType<typeof row>>();
  for (const fact of facts({ seed: SEED, scale: 1, incidents: true, from: day, to: day })) {
    const { clientId: id, clientName: name, templateUri, httpMethod } = fact;
    const key = [id, templateUri, httpMethod].join("\t");
    const sum = sums.get(key) ?? row({ id, name }, templateUri, httpMethod);
    for (const metric of METRICS) sum[metric === "requests" ? "requestCount" : metric] += fact[metric];
    sums.set(key, sum);
  }
  const counts = {
    status200: 60_000,
    status400: 2_000,
    status500: 1_000,
    status429: 9_000,
    requestCount: 70_000,
  };
  const hostile = HOSTILE_CLIENTS.flatMap((client) =>
    HOSTILE_ENDPOINTS.map((endpoint) => ({ ...row(client, endpoint, "GET"), ...counts })),
  );
  return [...sums.values(), ...hostile].map((one) => JSON.stringify(one)).join("\n");
}
