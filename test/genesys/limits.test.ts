import { expect, it, test } from "vitest";
import {
  readChangeRequests,
  readLimitDefaults,
  readLimitDocs,
  readLimitNamespaces,
  readLimits,
  readRateLimitRecords,
} from "../../src/genesys/limits.ts";
import { rateLimitCases } from "../../src/sandbox/sandbox.ts";
import { GcUsageError } from "../../src/support/errors.ts";
import type { Day } from "../../src/usage/day.ts";
import { answering, sandboxClient, serving, valueOf } from "./clients.ts";
import { sendJson } from "./server.ts";

const day = (text: string): Day => text as Day;
const SPAN = { seed: 3, scale: 1, from: day("2026-09-20"), to: day("2026-11-22"), incidents: true };

const OPTIONS = { seed: SPAN.seed, incidents: true };

test("reads limits in force, defaults and descriptions, which agree", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const namespaces = valueOf(await readLimitNamespaces(client));
  const docs = valueOf(await readLimitDocs(client));
  expect(namespaces).toContain("platform.api");
  expect([...new Set(docs.map(({ namespace }) => namespace))]).toEqual(namespaces);
  for (const namespace of namespaces) {
    const documented = docs.filter((limit) => limit.namespace === namespace);
    expect(valueOf(await readLimitDefaults(client, namespace))).toEqual(
      documented.map(({ key, defaultValue }) => ({ namespace, key, value: defaultValue })),
    );
    expect(valueOf(await readLimits(client, namespace)).map(({ key }) => key)).toEqual(
      documented.map(({ key }) => key),
    );
  }
  expect(valueOf(await readLimits(client, "dataactions"))).toContainEqual({
    namespace: "dataactions",
    key: "actions.concurrent.executions.max",
    value: 100,
  });
  expect(docs.find(({ key }) => key === "token.rate.per.minute")).toMatchObject({
    configurable: false,
    trackable: false,
  });
});

test("an unknown namespace is not available, with the service's reason", async () => {
  const { client } = await sandboxClient(OPTIONS);
  for (const read of [readLimits, readLimitDefaults]) {
    expect(await read(client, "no.such")).toEqual({
      available: false,
      status: 404,
      reason: expect.stringContaining("Unable to find a namespace named no.such") as string,
      permissions: [],
    });
  }
});

test("reads change requests with their outcome, also those of before the last year", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const recent = valueOf(await readChangeRequests(client));
  const ever = valueOf(await readChangeRequests(client, { since: day("2018-01-01") }));
  expect(ever.slice(0, recent.length)).toEqual(recent);
  expect(ever.map(({ status }) => status)).toEqual([
    "Open",
    "Rejected",
    "Rejected",
    "Rejected",
    "Approved",
    "Rejected",
    "Rejected",
    "Rollback",
  ]);
  expect(ever[4]).toMatchObject({
    namespace: "dataactions",
    key: "actions.concurrent.executions.max",
    currentValue: 50,
    requestedValue: 100,
  });
  expect(ever[6]).toMatchObject({ rejectReason: "AlternativeExists" });
  expect(ever[0]?.dateCompleted).toBeUndefined();
});

test("reads the rate limit records of more than a month, equal to the planted cases", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const records = valueOf(await readRateLimitRecords(client, { from: SPAN.from, to: SPAN.to }));
  expect(client.stats.calls).toBe(3);
  const cases = rateLimitCases(SPAN);
  expect(new Set(cases.map(({ kind }) => kind)).size).toBe(6);
  for (const { kind, clientId, limitName, namespace, max, days, trackable } of cases) {
    const isIts = (entity: string | undefined): boolean => kind === "user" || entity === clientId;
    const its = records.filter(({ group }) => group.limitName === limitName && isIts(group.entityId));
    const expected = trackable ? days.map(({ date }) => date) : [];
    expect([...new Set(its.map(({ start }) => new Date(start).toISOString().slice(0, 10)))].sort()).toEqual(
      expected,
    );
    for (const { group, start, end, min, max: highest, count = 0, sum = 0 } of its) {
      expect(group).toMatchObject({ namespace, limitName, max: String(max), timeUnit: "minute" });
      expect(end - start).toBe(86_400_000);
      expect(min).toBe(Math.ceil(max * 0.9));
      expect(highest).toBeGreaterThan(max);
      expect(sum / count).toBeGreaterThan(max * 0.9);
    }
  }
  const hours = await readRateLimitRecords(client, {
    from: SPAN.from,
    to: SPAN.from,
    granularity: "PT1H",
    groupBy: [],
  });
  for (const { group, start, end } of valueOf(hours)) {
    expect([group, end - start]).toEqual([{}, 3_600_000]);
  }
});

test("what a token may not read is not available, and names the permission", async () => {
  const { as } = await sandboxClient(OPTIONS);
  const [legacyOnly, none] = [as(0), as(1)];
  for (const client of [legacyOnly, none]) {
    expect(await readChangeRequests(client)).toMatchObject({
      available: false,
      status: 403,
      permissions: ["limits:organization:view"],
    });
    expect(await readRateLimitRecords(client, { from: SPAN.from, to: SPAN.to })).toMatchObject({
      available: false,
      permissions: ["analytics:rateLimitAggregate:view"],
    });
    expect(await readLimits(client, "platform.api")).toMatchObject({ available: true });
  }
});

test("fields that are missing, null or unknown do not matter", async () => {
  const limits = await answering({
    entities: [
      { key: "a", value: "12", color: "red" },
      { key: "b", value: null, namespace: null },
      { value: 3 },
      null,
      "c",
      { key: "d" },
    ],
    newField: 1,
  });
  expect(valueOf(await readLimits(limits, "usage"))).toEqual([
    { key: "a", namespace: "usage", value: 12 },
    { key: "b", namespace: "usage", value: undefined },
    { key: "d", namespace: "usage", value: undefined },
  ]);
  const names = await answering({ entities: ["a", { name: "b", friendlyName: "B" }, 3] });
  expect(valueOf(await readLimitNamespaces(names))).toEqual(["a", "b"]);
  const requests = await answering({ entities: [{}, { status: 7, requestedValue: 5 }] });
  expect(valueOf(await readChangeRequests(requests))).toEqual([{}, { requestedValue: 5 }]);
  const docs = await answering({
    url: "https://example.com",
    namespaces: [{ name: "a" }, { name: "b", limits: [{ key: "c", trackable: "yes" }] }],
  });
  expect(valueOf(await readLimitDocs(docs))).toEqual([{ namespace: "b", key: "c" }]);
  const onlyLink = await answering({ url: "https://example.com" });
  expect(valueOf(await readLimitDocs(onlyLink))).toEqual([]);
});

test("records without results, statistics or a readable interval are left out", async () => {
  const span = { from: day("2026-11-01"), to: day("2026-11-01") };
  const interval = "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z";
  const metrics = [{ metric: "oRateLimitRecorded", stats: { count: 2 } }];
  for (const empty of [{}, { results: null }, { results: [] }, { results: [{ group: {} }] }]) {
    expect(valueOf(await readRateLimitRecords(await answering(empty), span))).toEqual([]);
  }
  const client = await answering({
    results: [
      {
        data: [
          { interval, metrics },
          { interval: "soon", metrics },
          { interval, metrics: [] },
        ],
      },
      { group: { max: 300, entityId: null, other: "x" }, data: [{ interval, metrics }] },
    ],
  });
  const span0 = { start: Date.parse("2026-11-01"), end: Date.parse("2026-11-02"), count: 2 };
  expect(valueOf(await readRateLimitRecords(client, span))).toEqual([
    { group: {}, ...span0 },
    { group: { max: "300" }, ...span0 },
  ]);
});

const page = (rows: unknown[], nextUri?: string) => ({ entities: rows, nextUri });

test("pages are followed by their cursor, also over empty ones, but never to another address", async () => {
  const seen: string[] = [];
  const client = await serving((response, request, n) => {
    seen.push(request.url);
    const pages = [
      page([{ id: "1" }], "/api/v2/organizations/limits/changerequests?after=x&pageSize=100"),
      page([], "https://elsewhere.example.com/api/v2/users?after=y"),
      page([{ id: "2" }]),
    ];
    sendJson(response, 200, pages[n - 1]);
  });
  expect(valueOf(await readChangeRequests(client))).toEqual([{ id: "1" }, { id: "2" }]);
  expect(seen).toEqual([
    "/api/v2/organizations/limits/changerequests?pageSize=100",
    "/api/v2/organizations/limits/changerequests?pageSize=100&after=x",
    "/api/v2/organizations/limits/changerequests?pageSize=100&after=y",
  ]);
});

it.each<[string, unknown[], string]>([
  [
    "a cursor that repeats",
    [page([{ id: "1" }], "/x?after=a"), page([{ id: "2" }], "/x?after=a")],
    "points back",
  ],
  [
    "a page that repeats",
    [page([{ id: "1" }], "/x?after=a"), page([{ id: "1" }], "/x?after=b"), page([])],
    "page 2 has the same rows as page 1",
  ],
  ["a next page without a cursor", [page([{ id: "1" }], "/x")], "a next page but no cursor"],
  ["no list", [{ message: "hello" }], "no list of entities"],
  ["a list only", [[{ id: "1" }]], "no list of entities"],
  ["a null", [null], "no list of entities"],
])("is an error of the service: %s", async (_, answers, why) => {
  const error: unknown = await readChangeRequests(await answering(...answers)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(GcUsageError);
  const { kind, message } = error as GcUsageError;
  expect(kind).toBe("service");
  expect(message).toContain("Could not read the requests to change limits: ");
  expect(message).toContain(why);
  expect(message).toContain("/api/v2/organizations/limits/changerequests");
});

test("empty pages without end are an error; a null list is empty", async () => {
  const endless = await serving((response, _, n) => sendJson(response, 200, page([], `/x?after=${n}`)));
  await expect(readChangeRequests(endless)).rejects.toThrow("51 pages in a row are empty");
  expect(valueOf(await readChangeRequests(await answering({ entities: null })))).toEqual([]);
});

test("other failures are thrown, and a namespace cannot become another path", async () => {
  const broken = await serving((response) => sendJson(response, 500, { message: "broken" }));
  await expect(readLimits(broken, "usage")).rejects.toThrow(
    "Could not read the limits of usage: 500 broken.",
  );
  for (const namespace of ["..", "a/b", "", "a?b"]) {
    await expect(readLimits(broken, namespace)).rejects.toMatchObject({ kind: "input" });
  }
});
