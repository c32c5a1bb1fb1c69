import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fact, facts, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { METRICS, type Metric } from "../../src/usage/metric.ts";
import { size } from "../reliability/size.ts";
import { type Json, NOW, TestClient } from "./client.ts";

type Field =
  | "clientId"
  | "clientName"
  | "organizationId"
  | "userId"
  | "templateUri"
  | "httpMethod"
  | "platform";

const FIELDS: Readonly<Record<string, readonly Field[]>> = {
  OAuthClientId: ["clientId", "clientName"],
  OauthClientId: ["clientId"],
  OauthClientName: ["clientName"],
  OrganizationId: ["organizationId"],
  UserId: ["userId"],
  TemplateUri: ["templateUri"],
  HttpMethod: ["httpMethod"],
  Platform: ["platform"],
};
const LEGACY = ["OAuthClientId", "OrganizationId", "UserId", "TemplateUri", "HttpMethod"];
const JOBS = ["OauthClientId", "OauthClientName", "UserId", "HttpMethod", "TemplateUri", "Platform"];
const CLIENT_JOBS = ["OrganizationId", "HttpMethod", "TemplateUri", "Platform"];

/** Each one sums all facts of some weeks, twice. */
const RUNS = size({ least: 4, short: 12, full: 12 });
const SEED = 7;
const TODAY = "2026-11-23" as Day;
let sandbox: Sandbox;
let client: TestClient;

beforeAll(async () => {
  sandbox = await startSandbox({ seed: SEED, now: NOW, jobDelayMs: 0, rateLimit: 1_000_000 });
  client = await TestClient.signIn(sandbox);
});
afterAll(() => sandbox.close());

interface Case {
  readonly start: Day;
  readonly end: Day;
  readonly granularity: "Day" | "Week" | "Month" | undefined;
  readonly groupBy: readonly string[];
  readonly metrics: readonly Metric[];
}

function cases(groupBy: readonly string[]): fc.Arbitrary<Case> {
  return fc
    .record({
      back: fc.integer({ min: 0, max: 120 }),
      length: fc.integer({ min: 0, max: 45 }),
      granularity: fc.constantFrom("Day" as const, "Week" as const, "Month" as const, undefined),
      groupBy: fc.subarray([...groupBy], { minLength: 1 }),
      metrics: fc.subarray([...METRICS], { minLength: 1 }),
    })
    .map(({ back, length, ...rest }) => {
      const start = addDays(TODAY, -back);
      return { ...rest, start, end: addDays(start, length) };
    });
}

function bodyOf({ start, end, granularity, groupBy, metrics }: Case): Json {
  return {
    interval: `${start}/${end}`,
    ...(granularity === undefined ? {} : { granularity }),
    groupBy,
    metrics: metrics.map((metric) => metric.charAt(0).toUpperCase() + metric.slice(1)),
  };
}

/** Slow and simple: strings in a Map. It shares no code with the sandbox except the facts. */
function oracle(asked: Case, counts: (fact: Fact) => boolean): Json[] {
  const sums = new Map<string, Record<string, unknown>>();
  const fields = asked.groupBy.flatMap((name) => FIELDS[name] ?? []);
  const last = asked.end < TODAY ? asked.end : addDays(TODAY, -1);
  for (const fact of facts({ seed: SEED, scale: 1, from: asked.start, to: last })) {
    if (!counts(fact)) continue;
    const labels = {
      ...(asked.granularity === undefined ? {} : { date: firstDay(fact.date, asked.granularity) }),
      ...Object.fromEntries(fields.map((field) => [field, fact[field]])),
    };
    const key = JSON.stringify(labels);
    const sum = sums.get(key) ?? { ...labels, ...Object.fromEntries(asked.metrics.map((name) => [name, 0])) };
    for (const metric of asked.metrics) sum[metric] = Number(sum[metric]) + fact[metric];
    sums.set(key, sum);
  }
  return [...sums.values()];
}

function firstDay(day: Day, granularity: "Day" | "Week" | "Month"): string {
  if (granularity === "Month") return `${day.slice(0, 8)}01`;
  if (granularity === "Day") return day;
  let first = day;
  while (new Date(first).getUTCDay() !== 1) first = addDays(first, -1);
  return first;
}

/** Both services' rows as this reference writes them, without dimensions outside the grouping. */
function plain(row: Json): Json {
  const { date, oauthClient, user, requestCount, ...flat } = row;
  const { id, name } = (oauthClient ?? {}) as Json;
  const fields: Record<string, unknown> = {
    date: typeof date === "string" ? date.replace("T00:00:00Z", "") : undefined,
    clientId: id,
    clientName: name,
    userId: (user as Json | undefined)?.["id"],
    requests: requestCount,
    ...flat,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** With rows and fields sorted, so that only the content is compared. */
function sorted(rows: readonly Json[]): string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
}

/** A legacy row has every dimension; those outside the grouping must be "". */
function grouped(asked: Case) {
  const wanted = new Set<string>(asked.groupBy.flatMap((name) => FIELDS[name] ?? []));
  const dimensions = ["clientId", "clientName", "organizationId", "userId", "templateUri", "httpMethod"];
  return (row: Json): Json => {
    for (const name of dimensions) if (!wanted.has(name)) expect(row[name]).toBe("");
    return Object.fromEntries(
      Object.entries(row).filter(([name]) => !dimensions.includes(name) || wanted.has(name)),
    );
  };
}

describe("sums of the sandbox equal the facts", () => {
  test("legacy: every grouping, granularity and choice of metrics, without the built-in clients", async () => {
    await fc.assert(
      fc.asyncProperty(cases(LEGACY), async (asked) => {
        const rows = await client.legacyRows(bodyOf(asked));
        const expected = oracle(asked, (fact) => !fact.builtin);
        expect(sorted(rows.map(grouped(asked)).map(plain))).toEqual(sorted(expected));
      }),
      { numRuns: RUNS },
    );
  });

  test("jobs: every grouping, granularity and choice of metrics, with the built-in clients", async () => {
    await fc.assert(
      fc.asyncProperty(cases(JOBS), async (asked) => {
        const rows = await client.jobRows(bodyOf(asked));
        expect(sorted(rows.map(plain))).toEqual(sorted(oracle(asked, () => true)));
      }),
      { numRuns: RUNS },
    );
  });

  test("jobs of one client", async () => {
    const shared = await clientNamed("Partner connector");
    await fc.assert(
      fc.asyncProperty(cases(CLIENT_JOBS), async (asked) => {
        const rows = await client.jobRows(
          bodyOf(asked),
          `/api/v2/usage/client/${shared}/aggregates/query/jobs`,
        );
        const expected = oracle(asked, (fact) => fact.clientId === shared);
        expect(sorted(rows.map(plain))).toEqual(sorted(expected));
      }),
      { numRuns: RUNS },
    );
  });

  test("legacy executions of one client, and its summary of the last days", async () => {
    const shared = await clientNamed("AppFoundry: Click-to-Dial");
    const asked: Case = {
      start: addDays(TODAY, -9),
      end: addDays(TODAY, -2),
      granularity: "Day",
      groupBy: ["OrganizationId", "HttpMethod"],
      metrics: METRICS,
    };
    const rows = await client.legacyRows(bodyOf(asked), `/api/v2/oauth/clients/${shared}/usage/query`);
    const expected = oracle(asked, (fact) => fact.clientId === shared);
    expect(sorted(rows.map(grouped(asked)).map(plain))).toEqual(sorted(expected));

    const summary = await client.get(`/api/v2/oauth/clients/${shared}/usage/summary?days=3`);
    const first = await client.wait(String(summary.json["resultsUri"]));
    expect((first.json["results"] as Json[]).map((row) => row["date"])).toEqual([
      "2026-11-20T00:00:00Z",
      "2026-11-21T00:00:00Z",
      "2026-11-22T00:00:00Z",
    ]);
  });

  test("filters of the jobs service", async () => {
    const user = [
      ...facts({ seed: SEED, scale: 1, from: "2026-11-18" as Day, to: "2026-11-18" as Day }),
    ].find((fact) => fact.userId !== "")?.userId;
    const filters = {
      userIds: [user, "nobody"],
      oauthClientIds: ["purecloud"],
      httpMethods: ["GET", "PUT"],
      platforms: ["web", "desktop", "mobile"],
    };
    const asked: Case = {
      start: "2026-11-16" as Day,
      end: "2026-11-20" as Day,
      granularity: "Day",
      groupBy: ["UserId", "TemplateUri"],
      metrics: METRICS,
    };
    const rows = await client.jobRows({ ...bodyOf(asked), ...filters });
    const expected = oracle(
      asked,
      (fact) =>
        fact.userId === user &&
        fact.clientId === "purecloud" &&
        ["GET", "PUT"].includes(fact.httpMethod) &&
        fact.platform !== "api",
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(sorted(rows.map(plain))).toEqual(sorted(expected));
  });

  test("simplesearch: by client and endpoint, filtered by name, without a date", async () => {
    const { uri } = await client.submit("/api/v2/usage/simplesearch", {
      interval: "2026-11-01/2026-11-22",
      oauthClientNames: ["Zapier", 'Webhook "dispatcher" v2'],
    });
    const rows: Json[] = [];
    for (let after = ""; ; ) {
      const page = await client.get(`${uri}?pageSize=7${after && `&after=${after}`}`);
      rows.push(...(page.json["results"] as Json[]));
      const cursors = page.json["cursors"] as Json | undefined;
      if (cursors === undefined) break;
      after = String(cursors["after"]);
    }
    const asked: Case = {
      start: "2026-11-01" as Day,
      end: "2026-11-22" as Day,
      granularity: undefined,
      groupBy: ["OAuthClientId", "TemplateUri", "HttpMethod"],
      metrics: METRICS,
    };
    const expected = oracle(asked, (fact) => ["Zapier", 'Webhook "dispatcher" v2'].includes(fact.clientName));
    expect(sorted(rows.map(grouped(asked)).map(plain))).toEqual(sorted(expected));
  });

  test("sortBy orders the rows of all pages, and keeps the order of ties", async () => {
    const ask = {
      interval: "2026-11-16/2026-11-22",
      granularity: "Day",
      groupBy: ["HttpMethod"],
      sortBy: [{ fieldName: "httpMethod" }, { fieldName: "requestCount", order: "Desc" }],
    };
    const rows = await client.jobRows(ask, undefined, 5);
    const keys = rows.map((row): [string, number] => [
      String(row["httpMethod"]),
      Number(row["requestCount"]),
    ]);
    expect(keys).toEqual([...keys].sort((a, b) => (a[0] === b[0] ? b[1] - a[1] : a[0] < b[0] ? -1 : 1)));
    expect(rows).toHaveLength(new Set(keys.map(([method]) => method)).size * 7);
  });
});

async function clientNamed(name: string): Promise<string> {
  const { json } = await client.get("/api/v2/oauth/clients");
  const found = (json["entities"] as Json[]).find((entity) => entity["name"] === name);
  return String(found?.["id"]);
}
