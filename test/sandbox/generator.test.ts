import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ENDPOINTS, URIS } from "../../src/sandbox/endpoints.ts";
import { type Fact, facts } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, daysBetween, eachDay } from "../../src/usage/day.ts";

const day = (text: string): Day => text as Day;
const LAST_DAY = day("2026-11-22");

function collect(from: Day, to: Day, seed = 1, scale = 1): Fact[] {
  return [...facts({ seed, scale, from, to })];
}

/** Requests, 4xx and 429 of each client and day. */
function byClientAndDay(rows: Iterable<Fact>): Map<string, Map<Day, Fact>> {
  const clients = new Map<string, Map<Day, Fact>>();
  for (const fact of rows) {
    const days = clients.get(fact.clientName) ?? new Map<Day, Fact>();
    const sum = days.get(fact.date);
    days.set(fact.date, {
      ...fact,
      requests: fact.requests + (sum?.requests ?? 0),
      status400: fact.status400 + (sum?.status400 ?? 0),
      status429: fact.status429 + (sum?.status429 ?? 0),
    });
    clients.set(fact.clientName, days);
  }
  return clients;
}

describe("the simulated organization", () => {
  test("is the same on every machine: the bytes of a day are fixed", () => {
    const text = collect(day("2026-02-03"), day("2026-02-03"))
      .map((fact) => JSON.stringify(fact))
      .join("\n");
    expect(createHash("sha256").update(text).digest("hex")).toBe(
      "d4c865061667d030a069bb2b807a3777999982213ef64f70bad4278aaf3b7729",
    );
  });

  test("has the same day, whichever days are requested with it", () => {
    const alone = collect(day("2026-05-05"), day("2026-05-05"));
    const among = collect(day("2026-05-01"), day("2026-05-09")).filter((fact) => fact.date === "2026-05-05");
    expect(among).toEqual(alone);
  });

  test("differs by seed", () => {
    const [one, other] = [1, 2].map((seed) => collect(LAST_DAY, LAST_DAY, seed));
    expect(one?.[0]?.organizationId).not.toBe(other?.[0]?.organizationId);
    expect(one?.map((fact) => fact.requests)).not.toEqual(other?.map((fact) => fact.requests));
  });

  test("has facts whose classes sum to requests, with 429s among the 4xx, and without repeated facts", () => {
    const seen = new Set<string>();
    for (const fact of collect(day("2026-11-18"), day("2026-11-22"))) {
      expect(fact.status200 + fact.status300 + fact.status400 + fact.status500).toBe(fact.requests);
      expect(fact.requests).toBeGreaterThan(0);
      expect(Math.min(fact.status200, fact.status300, fact.status429, fact.status500)).toBeGreaterThanOrEqual(
        0,
      );
      expect(fact.status429).toBeLessThanOrEqual(fact.status400);
      const { date, clientId, organizationId, userId, templateUri, httpMethod, platform } = fact;
      seen.add([date, clientId, organizationId, userId, templateUri, httpMethod, platform].join("|"));
    }
    expect(seen.size).toBe(collect(day("2026-11-18"), day("2026-11-22")).length);
  });

  test("calls endpoints that exist in the API", () => {
    expect(ENDPOINTS.length).toBeGreaterThan(150);
    for (const uri of URIS) expect(uri).toMatch(/^\/api\/v2\/[a-zA-Z0-9/{}]+$/);
    const pairs = ENDPOINTS.map(({ method, uri }) => `${method} ${uri}`);
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  test("has names that are difficult to quote, and two clients with one name", () => {
    const clients = new Map(
      collect(day("2026-06-01"), LAST_DAY).map((fact) => [fact.clientId, fact.clientName]),
    );
    const names = [...clients.values()];
    expect(clients.size).toBeGreaterThanOrEqual(40);
    for (const awkward of [/,/, /"/, /'/, /ü/, /顧/, /🤖/, /.{200}/]) {
      expect(names.some((name) => awkward.test(name))).toBe(true);
    }
    expect(names.filter((name) => name === "Zapier")).toHaveLength(2);
  });

  test("has the two built-in clients, acting for users, with much of the traffic", () => {
    const rows = collect(day("2026-11-18"), day("2026-11-18"));
    const builtin = rows.filter((fact) => fact.builtin);
    expect(new Set(builtin.map((fact) => fact.clientName))).toEqual(
      new Set(["purecloud", "purecloud-builtin"]),
    );
    expect(builtin.every((fact) => fact.userId !== "")).toBe(true);
    const sum = (all: Fact[]): number => all.reduce((total, fact) => total + fact.requests, 0);
    expect(sum(builtin) / sum(rows)).toBeGreaterThan(0.1);
  });

  test("is quiet on weekends and grows over the years; before 2018 there is nothing", () => {
    const requests = (on: string): number =>
      collect(day(on), day(on)).reduce((total, fact) => total + fact.requests, 0);
    expect(requests("2026-11-21")).toBeLessThan(requests("2026-11-18") * 0.8);
    expect(requests("2026-11-18")).toBeGreaterThan(requests("2022-11-16"));
    expect(requests("2022-11-16")).toBeGreaterThan(requests("2018-11-14"));
    expect(collect(day("2017-12-30"), day("2017-12-31"))).toEqual([]);
  });

  test.each<[string, number]>([
    ["2026-11-22", 1],
    ["2026-12-31", 1],
    ["2027-03-05", 1],
    ["2029-07-14", 1],
    ["2026-11-22", 2],
    ["2025-06-01", 7],
    ["2028-02-29", 987_654_321],
  ])(
    "shows in the 90 days before %s, seed %d, a storm, a start, an end, a failing client and a doubling",
    (text, seed) => {
      const to = day(text);
      const from = addDays(to, -89);
      const clients = byClientAndDay(facts({ seed, scale: 1, from, to }));
      const days = (name: string): Fact[] => [...(clients.get(name)?.values() ?? [])];
      const storm = days("Salesforce CRM sync (nightly)").filter((day) => day.status429 > day.requests * 0.2);
      expect(storm.length).toBeGreaterThan(0);
      expect(storm.length).toBeLessThan(12);
      const failing = days("Legacy ticketing bridge").filter((day) => day.status400 > day.requests * 0.5);
      expect(failing.length).toBeGreaterThan(10);
      const spans = [...clients.values()].map((seen) => [...seen.keys()]);
      expect(spans.some((seen) => daysBetween(from, seen[0] ?? from) >= 30)).toBe(true);
      expect(spans.some((seen) => daysBetween(seen.at(-1) ?? to, to) >= 30)).toBe(true);
      const doubled = days("Power BI dashboards")
        .filter((day) => new Date(day.date).getUTCDay() === 3)
        .map((day) => day.requests);
      expect(Math.max(...doubled)).toBeGreaterThan(1.7 * Math.min(...doubled));
    },
  );

  test("grows with the scale, and keeps existing clients and users", () => {
    const single = collect(LAST_DAY, LAST_DAY, 1, 1).filter((fact) => !fact.builtin);
    const four = collect(LAST_DAY, LAST_DAY, 1, 4).filter((fact) => !fact.builtin);
    expect(four.length).toBeGreaterThan(single.length * 3);
    expect(four.slice(0, single.length)).toEqual(single);
    expect(four.some((fact) => fact.clientName === "Health check #4")).toBe(true);
  });

  test("covers a day of the default scale with a few hundred to a few thousand rows", () => {
    const rows = collect(day("2026-11-18"), day("2026-11-18"));
    const keys = new Set(rows.map((fact) => `${fact.clientId} ${fact.httpMethod} ${fact.templateUri}`));
    expect(keys.size).toBeGreaterThan(400);
    expect(keys.size).toBeLessThan(1500);
    expect(eachDay(day("2026-11-18"), day("2026-11-18"))).toHaveLength(1);
  });
});
