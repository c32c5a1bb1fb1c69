import { expect, onTestFinished, test } from "vitest";
import {
  type Fact,
  facts,
  type Incident,
  incidents,
  type RateLimitCase,
  type RateLimitOptions,
  rateLimitCases,
  type SandboxOptions,
  startSandbox,
} from "../../src/sandbox/sandbox.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { type Json, NOW, TestClient, withSandbox } from "./client.ts";

const day = (text: string): Day => text as Day;
const LIMITS = "/api/v2/organizations/limits";
const RECORDS = "/api/v2/analytics/ratelimits/aggregates/query";
const SPAN: RateLimitOptions = { seed: 1, scale: 1, from: day("2026-09-20"), to: day("2026-11-22") };
const INTERVAL = `${SPAN.from}T00:00:00Z/${addDays(SPAN.to, 1)}T00:00:00Z`;
const QUERY = { interval: INTERVAL, metrics: ["oRateLimitRecorded"], granularity: "P1D" };

interface Result {
  readonly group: Record<string, string>;
  readonly data: {
    interval: string;
    metrics: { metric: string; stats: { count: number; sum: number; min: number; max: number } }[];
  }[];
}

async function signedIn(options: SandboxOptions): Promise<TestClient> {
  const sandbox = await startSandbox({ now: NOW, jobDelayMs: 0, ...options });
  onTestFinished(() => sandbox.close());
  return TestClient.signIn(sandbox);
}

async function records(client: TestClient, query: object = {}): Promise<Result[]> {
  const answer = await client.post(RECORDS, { ...QUERY, ...query });
  expect(answer.status, answer.text).toBe(200);
  return answer.json["results"] as Result[];
}

/** The 429s that a bucket's statistics stand for, by the rule of docs/sandbox.md. */
function rejectedIn({ stats }: Result["data"][number]["metrics"][number], max: number): number {
  return stats.sum - (stats.count / 2) * (max + Math.ceil(max * 0.9));
}

function rejectedByDay(results: readonly Result[]): Record<string, number> {
  const days: Record<string, number> = {};
  for (const { group, data } of results) {
    for (const { interval, metrics } of data) {
      const [metric] = metrics;
      if (metric === undefined) throw new Error("a bucket without a metric");
      const date = interval.slice(0, 10);
      days[date] = (days[date] ?? 0) + rejectedIn(metric, Number(group["max"]));
    }
  }
  return days;
}

function daysOf({ days }: RateLimitCase): Record<string, number> {
  return Object.fromEntries(days.map(({ date, status429 }) => [date, status429]));
}

/** 429s by day, counted from the facts themselves. */
function status429(rows: readonly Fact[], clientId: string): Record<string, number> {
  const days: Record<string, number> = {};
  for (const fact of rows) {
    if (fact.clientId === clientId && fact.status429 > 0)
      days[fact.date] = (days[fact.date] ?? 0) + fact.status429;
  }
  return days;
}

test("limits in force, defaults and documentation agree, and one limit was raised by an approved request", () =>
  withSandbox({ rateLimit: 300 }, async (client) => {
    const docs = (await client.get(`${LIMITS}/docs`)).json["namespaces"] as Json[];
    const names = (await client.get(`${LIMITS}/namespaces`)).json["entities"] as string[];
    expect(docs.map((namespace) => namespace["name"])).toEqual(names);
    expect(names).toEqual(
      expect.arrayContaining([
        "platform.api",
        "dataactions",
        "auth.api",
        "usage",
        "analytics",
        "notifications",
      ]),
    );
    const raised: Json[] = [];
    const flags = new Set<string>();
    for (const namespace of docs) {
      const path = `${LIMITS}/namespaces/${String(namespace["name"])}`;
      const inForce = (await client.get(path)).json["entities"] as Json[];
      const defaults = (await client.get(`${path}/defaults`)).json["entities"] as Json[];
      const documented = namespace["limits"] as Json[];
      expect(defaults).toEqual(
        documented.map(({ key, defaultValue }) => ({
          key,
          namespace: namespace["name"],
          value: defaultValue,
        })),
      );
      raised.push(...inForce.filter((limit, i) => limit["value"] !== defaults[i]?.["value"]));
      for (const { configurable, trackable } of documented)
        flags.add(JSON.stringify([configurable, trackable]));
    }
    expect(flags.size).toBe(4);
    expect(raised).toHaveLength(1);
    const approved = (await client.get(`${LIMITS}/changerequests?status=Approved`)).json[
      "entities"
    ] as Json[];
    expect(approved.map(({ key, requestedValue }) => [key, requestedValue])).toEqual([
      [raised[0]?.["key"], raised[0]?.["value"]],
    ]);
    expect((await client.get(`${LIMITS}/namespaces/none/defaults`)).status).toBe(404);
  }));

test("change requests come in pages, have every documented reason, and show the last 365 days by default", () =>
  withSandbox({}, async (client) => {
    const path = `${LIMITS}/changerequests`;
    const paged: Json[] = [];
    let pages = 0;
    for (let next: unknown = `${path}?pageSize=3&expand=statusHistory`; typeof next === "string"; pages++) {
      const { json } = await client.get(next);
      paged.push(...(json["entities"] as Json[]));
      next = json["nextUri"];
    }
    expect(pages).toBe(3);
    const whole = (await client.get(path)).json["entities"] as Json[];
    expect(paged).toMatchObject(whole);
    expect(paged.map((request) => (request["statusHistory"] as Json[]).at(-1)?.["status"])).toEqual(
      whole.map((request) => request["status"]),
    );
    expect(whole.flatMap((request) => request["rejectReason"] ?? []).sort()).toEqual([
      "AlternativeExists",
      "IncreaseNotRequired",
      "OtherReason",
      "PlatformMisuse",
      "PlatformStability",
    ]);
    expect(whole.filter((request) => request["status"] === "Open")).toHaveLength(1);
    const ever = (await client.get(`${path}?after=0`)).json["entities"] as Json[];
    expect(ever.length).toBe(whole.length + 1);
    const created = ever.map((request) => String(request["dateCreated"]));
    expect(created).toEqual([...created].sort().reverse());
    expect((await client.get(`${path}?after=yesterday`)).status).toBe(400);
  }));

test("the records agree with the 429s of the facts, day by day and client by client, for every limit", async () => {
  const client = await signedIn({ incidents: true });
  const rows = [...facts({ ...SPAN, incidents: true })];
  const cases = rateLimitCases({ ...SPAN, incidents: true });
  const results = await records(client, {
    groupBy: ["entityId", "limitName", "namespace", "max", "timeUnit", "userId"],
  });
  expect(new Set(cases.map(({ kind }) => kind))).toEqual(
    new Set(["token", "app-user", "user", "endpoint", "data-actions", "untracked"]),
  );
  for (const planted of cases) {
    expect(daysOf(planted)).toEqual(status429(rows, planted.clientId));
    const users = new Set(
      rows.filter(({ clientId }) => clientId === planted.clientId).map(({ userId }) => userId),
    );
    const its = results.filter(
      ({ group }) =>
        group["limitName"] === planted.limitName &&
        (planted.kind === "user" ? users.has(group["userId"] ?? "") : group["entityId"] === planted.clientId),
    );
    expect(its.every(({ group }) => group["namespace"] === planted.namespace)).toBe(true);
    expect(its.every(({ group }) => group["max"] === String(planted.max))).toBe(true);
    expect(rejectedByDay(its)).toEqual(planted.trackable ? daysOf(planted) : {});
  }
  const recorded = Object.values(rejectedByDay(results)).reduce((sum, count) => sum + count, 0);
  const trackable = cases.filter(({ trackable }) => trackable).flatMap(({ days }) => days);
  expect(recorded).toBe(trackable.reduce((sum, { status429 }) => sum + status429, 0));
});

test("with incidents, the usage services count what the facts say, and other clients' usage stays the same", async () => {
  const client = await signedIn({ incidents: true });
  const span = { seed: 1, scale: 1, from: day("2026-10-13"), to: day("2026-10-19") };
  const rows = [...facts({ ...span, incidents: true })];
  const expected: Record<string, { requests: number; status429: number }> = {};
  for (const { clientId, templateUri, httpMethod, status429, requests } of rows) {
    const sum = (expected[`${clientId} ${httpMethod} ${templateUri}`] ??= { requests: 0, status429: 0 });
    sum.requests += requests;
    sum.status429 += status429;
  }
  const answer = await client.jobRows({
    interval: `${span.from}/${span.to}`,
    groupBy: ["OauthClientId", "TemplateUri", "HttpMethod"],
  });
  const served = answer.map(({ oauthClient, httpMethod, templateUri, requestCount, status429 }) => [
    [(oauthClient as Json)["id"], httpMethod, templateUri].join(" "),
    { requests: requestCount, status429 },
  ]);
  expect(Object.fromEntries(served)).toEqual(expected);
  const surging = new Set(incidents({ ...span, incidents: true }).map(({ clientId }) => clientId));
  const others = (all: readonly Fact[]): Fact[] => all.filter(({ clientId }) => !surging.has(clientId));
  const changed = new Set(["Agent desktop (embedded)", "Supervisor console", "AppFoundry: Click-to-Dial"]);
  const same = (all: readonly Fact[]): Fact[] =>
    others(all).filter(({ clientName }) => !changed.has(clientName));
  expect(same(rows)).toEqual(same([...facts(span)]));
  const [flows] = rows.filter(({ clientName, status429 }) => clientName === "Queue monitor" && status429 > 0);
  expect([flows?.httpMethod, flows?.templateUri]).toEqual(["GET", "/api/v2/flows"]);
});

test("without incidents, the storm is a token's, and clients without 429s have no records", async () => {
  const client = await signedIn({});
  const cases = rateLimitCases(SPAN);
  expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(["token", "app-user", "untracked"]));
  const storm = cases.find(({ clientName }) => clientName === "Salesforce CRM sync (nightly)");
  const [planted] = incidents(SPAN).filter(({ kind }) => kind === "storm");
  expect(storm).toMatchObject({ kind: "token", limitName: "client.credentials.token.rate.per.minute" });
  expect([storm?.days[0]?.date, storm?.days.at(-1)?.date]).toEqual([planted?.from, planted?.to]);
  const results = await records(client, { groupBy: ["entityId"] });
  const withRecords = results.map(({ group }) => group["entityId"]).sort();
  expect(withRecords).toEqual(cases.flatMap((hit) => (hit.trackable ? hit.clientId : [])).sort());
});

/** Sums of a client's days, from the facts. */
function sumsByDay(
  rows: readonly Fact[],
  clientId: string,
): Map<Day, { requests: number; status400: number; status429: number }> {
  const days = new Map<Day, { requests: number; status400: number; status429: number }>();
  for (const { date, ...fact } of rows) {
    if (fact.clientId !== clientId) continue;
    const sum = days.get(date) ?? { requests: 0, status400: 0, status429: 0 };
    days.set(date, {
      requests: sum.requests + fact.requests,
      status400: sum.status400 + fact.status400,
      status429: sum.status429 + fact.status429,
    });
  }
  return days;
}

test.each([1, 4])("the list of incidents agrees with the facts, seed %d", (seed) => {
  const options = { ...SPAN, seed, incidents: true };
  const rows = [...facts({ ...options, from: addDays(SPAN.from, -30), to: addDays(SPAN.to, 30) })];
  const planted = incidents(options);
  expect(new Set(planted.map(({ kind }) => kind))).toEqual(
    new Set<Incident["kind"]>(["storm", "failure", "growth", "new-client", "silent-client"]),
  );
  for (const { kind, clientId, clientName, from, to } of planted) {
    const days = sumsByDay(rows, clientId);
    const at = (date: Day) => days.get(date) ?? { requests: 0, status400: 0, status429: 0 };
    const [before, first, last, after] = [addDays(from, -1), from, to, addDays(to, 1)];
    const inRows = (date: Day): boolean => date >= addDays(SPAN.from, -30) && date <= addDays(SPAN.to, 30);
    for (const [date, isIncident] of [
      [before, false],
      [first, true],
      [last, true],
      [after, false],
    ] as const) {
      if (!inRows(date)) continue;
      const { requests, status400, status429 } = at(date);
      const what = `${kind} of ${clientName} on ${date}`;
      if (kind === "silent-client") expect(requests === 0, what).toBe(isIncident);
      if (kind === "new-client") expect(requests > 0, what).toBe(isIncident);
      if (kind === "failure") expect(status400 > requests / 2, what).toBe(isIncident);
      if (kind === "storm") expect(status429 > requests * 0.005, what).toBe(isIncident);
    }
  }
  expect(incidents({ ...SPAN, seed }).length).toBeLessThan(planted.length);
});

test("filters, granularities and the interval select records, and the parts add up", async () => {
  const client = await signedIn({ incidents: true });
  const total = (results: readonly Result[]): number =>
    results.flatMap(({ data }) => data).reduce((sum, { metrics }) => sum + (metrics[0]?.stats.count ?? 0), 0);
  const all = await records(client);
  expect(all).toHaveLength(1);
  expect(all[0]?.group).toEqual({});
  const { granularity: _, ...whole } = QUERY;
  const [single] = (await client.post(RECORDS, whole)).json["results"] as Result[];
  expect(single?.data).toHaveLength(1);
  expect(single?.data[0]?.interval).toBe("2026-09-20T00:00:00.000Z/2026-11-23T00:00:00.000Z");
  const count = total(all);
  for (const granularity of ["PT1H", "P1W", "P1M", "PT30M"]) {
    expect(total(await records(client, { granularity }))).toBe(count);
  }
  const filtered = async (filter: object): Promise<number> => total(await records(client, { filter }));
  const predicate = { type: "dimension", dimension: "namespace", operator: "matches", value: "platform.api" };
  const api = await filtered({ type: "and", predicates: [predicate] });
  const others = await filtered({
    type: "or",
    clauses: [
      { type: "or", predicates: [{ dimension: "namespace", value: "architect" }] },
      { type: "and", predicates: [{ dimension: "namespace", value: "dataactions" }] },
    ],
  });
  expect(api + others).toBe(count);
  const ofUsers = await filtered({ type: "and", predicates: [{ dimension: "userId", operator: "exists" }] });
  const ofNone = await filtered({
    type: "and",
    predicates: [{ dimension: "userId", operator: "notExists" }],
  });
  expect(ofUsers).toBeGreaterThan(0);
  expect(ofUsers + ofNone).toBe(count);
  const high = await filtered({ type: "and", predicates: [{ dimension: "max", range: { gte: 301 } }] });
  const low = await filtered({ type: "and", predicates: [{ dimension: "max", range: { lt: 301 } }] });
  expect(high + low).toBe(count);
  const noon = "2026-10-10T12:00:00Z";
  const before = await records(client, { interval: `2026-09-20/${noon}` });
  const after = await records(client, { interval: `${noon}/2026-11-23` });
  expect(total(before) + total(after)).toBe(count);
  expect(await records(client, { interval: "2026-11-23/2026-11-24" })).toEqual([]);
});

test.each<[string, unknown]>([
  ["interval", { metrics: QUERY.metrics }],
  ["interval", { ...QUERY, interval: "yesterday" }],
  ["interval", { ...QUERY, interval: "2026-11-02/2026-11-01" }],
  ["metrics", { interval: INTERVAL }],
  ["metrics", { ...QUERY, metrics: ["oOther"] }],
  ["granularity", { ...QUERY, granularity: "Day" }],
  ["granularity", { ...QUERY, granularity: "P0D" }],
  ["timeZone", { ...QUERY, timeZone: "Mars/Olympus" }],
  ["groupBy", { ...QUERY, groupBy: ["clientId"] }],
  ["filter.type", { ...QUERY, filter: { predicates: [] } }],
  ["filter", { ...QUERY, filter: { type: "and" } }],
  ["filter.predicates[0].dimension", { ...QUERY, filter: { type: "and", predicates: [{ dimension: "x" }] } }],
  [
    "filter.clauses[0].predicates[0].operator",
    {
      ...QUERY,
      filter: {
        type: "or",
        clauses: [{ type: "and", predicates: [{ dimension: "max", operator: "equals", value: "1" }] }],
      },
    },
  ],
  ["alternateTimeDimension", { ...QUERY, alternateTimeDimension: "startTime" }],
  ["order", { ...QUERY, order: "asc" }],
])("a query of the records with a wrong %s is refused", (field, body) =>
  withSandbox({}, async (client) => {
    const answer = await client.post(RECORDS, body);
    expect([answer.status, answer.json["messageParams"]]).toEqual([400, { field }]);
  }),
);

test("change requests, records and events need a permission that the other clients do not have", () =>
  withSandbox({}, async (reporter, sandbox) => {
    expect((await reporter.get("/api/v2/usage/events/definitions")).status).toBe(200);
    for (const credentials of sandbox.others) {
      const client = await TestClient.signIn(sandbox, credentials);
      const refusals: [string, Awaited<ReturnType<TestClient["get"]>>][] = [
        ["limits:organization:view", await client.get(`${LIMITS}/changerequests`)],
        ["analytics:rateLimitAggregate:view", await client.post(RECORDS, QUERY)],
        ["usage:events:view", await client.get("/api/v2/usage/events/definitions")],
      ];
      for (const [permission, { status, json }] of refusals) {
        expect([status, json["code"]]).toEqual([403, "missing.permissions"]);
        expect(json["message"]).toContain(permission);
      }
      expect((await client.get(`${LIMITS}/namespaces/platform.api`)).status).toBe(200);
    }
  }));
