import { describe, expect, it } from "vitest";
import { advise, hoursText, type Traffic } from "../../src/insight/advice.ts";
import { conclude, unknowns } from "../../src/insight/conclusion.ts";
import {
  candidates,
  type HitContext,
  hitsOf,
  kindOf,
  type LimitRecord,
} from "../../src/insight/limit-hits.ts";
import { DOCUMENTED_LIMITS, type KnownLimit } from "../../src/insight/limits.ts";
import { raiseRequest, requestedValue } from "../../src/insight/raise-request.ts";
import type { Day } from "../../src/usage/day.ts";

const KEY = "client.credentials.token.rate.per.minute";
const LIMIT: KnownLimit = {
  namespace: "platform.api",
  key: KEY,
  value: 300,
  defaultValue: 300,
  description: null,
  configurable: true,
  trackable: true,
};
const day = (date: number): Day => `2026-11-${String(date).padStart(2, "0")}` as Day;

function record(date: number, max: number | undefined, group: LimitRecord["group"] = {}): LimitRecord {
  const its = { entityId: "C1", limitName: KEY, namespace: "platform.api", max: "300", ...group };
  return { group: its, start: Date.parse(`${day(date)}T10:00:00Z`), max };
}

function context(change: Partial<HitContext> = {}): HitContext {
  return {
    clientId: "c1",
    clientIds: new Set(["c1", "c2"]),
    limited: new Map([
      [day(1), 50],
      [day(2), 150],
    ]),
    limits: [LIMIT],
    ...change,
  };
}

describe("the limits behind a client's records", () => {
  it("are those above their value, with the days, the highest use and how far above that is", () => {
    const records = [
      record(1, 310),
      record(2, 290),
      record(2, 360),
      record(3, 280),
      record(2, 999, { entityId: "c2" }),
    ];
    expect(hitsOf(records, context())).toEqual([
      {
        kind: "token",
        namespace: "platform.api",
        key: KEY,
        limit: 300,
        defaultValue: 300,
        configurable: true,
        trackable: true,
        attribution: "client",
        isExceeded: true,
        days: [day(1), day(2)],
        status429: 200,
        highest: 360,
        above: 60,
        users: [],
      },
    ]);
  });

  it("are only near if no record is above, and count as reached if the service does not say", () => {
    expect(hitsOf([record(3, 280)], context())).toMatchObject([
      { isExceeded: false, days: [day(3)], above: 0 },
    ]);
    expect(hitsOf([record(3, undefined)], context())).toMatchObject([
      { isExceeded: true, highest: null, above: null },
    ]);
  });

  it("may name only a user, if they are of the days of the 429s and nothing else explains these", () => {
    const user = { entityId: "u1", userId: "u1", limitName: "org.user.rate.per.minute", max: "3000" };
    const its = [record(1, 3100, user), record(2, 3200, user)];
    expect(hitsOf(its, context())).toMatchObject([
      { kind: "user", attribution: "days", users: ["u1"], days: [day(1), day(2)] },
    ]);
    const elsewhere = [record(2, 3100, user), record(8, 3100, user), record(9, 3100, user)];
    expect(hitsOf(elsewhere, context())).toEqual([]);
    expect(hitsOf([...its, record(2, 400)], context())).toMatchObject([{ key: KEY, attribution: "client" }]);
  });

  it("have the kind that their name says", () => {
    const kinds = DOCUMENTED_LIMITS.map(kindOf);
    expect(kinds).toEqual(["token", "token", "app-user", "user", "data-actions", "data-actions"]);
    expect(kindOf({ namespace: "architect", key: "flows.query.rate.per.minute" })).toBe("endpoint");
    expect(kindOf({ namespace: "platform.api", key: "something.new" })).toBe("other");
  });

  it("without a record are guessed from those that are not trackable and fit the endpoints", () => {
    const untracked = { ...LIMIT, key: "user.rate.per.minute", value: 3000, trackable: false };
    const lower = { ...LIMIT, key: "token.rate.per.minute", trackable: false };
    const flows = { ...LIMIT, namespace: "architect", key: "flows.rate.per.minute", trackable: false };
    const all = [untracked, LIMIT, flows, lower, { ...LIMIT, key: "roles.max", trackable: false }];
    expect(candidates(all, { isOneEndpoint: false, areRecordsRead: true })).toEqual([lower, untracked]);
    expect(candidates(all, { isOneEndpoint: true, areRecordsRead: true })).toEqual([flows]);
    expect(candidates(all, { isOneEndpoint: false, areRecordsRead: false })).toEqual([
      LIMIT,
      lower,
      untracked,
    ]);
  });
});

const [HIT] = hitsOf([record(1, 360)], context());

function traffic(change: Partial<Traffic> = {}): Traffic {
  return {
    activeDays: 30,
    limited: [{ day: day(1), requests: 86_400, status429: 8_640 }],
    endpoints: [{ endpoint: "/api/v2/users", method: "PUT", requests: 86_400, status429: 8_640 }],
    onWorstDay: new Map([["/api/v2/users", 86_400]]),
    hit: HIT,
    likely: undefined,
    hours: [2, 3],
    ...change,
  };
}
const days = (count: number, status429 = 8_640) =>
  Array.from({ length: count }, (_, i) => ({ day: day(i + 1), requests: 86_400, status429 }));
const read = (requests: number, status429: number, n = 1) => ({
  endpoint: `/api/v2/${n}`,
  method: "GET",
  requests,
  status429,
});

describe("advice", () => {
  it.each<[string, Partial<Traffic>, string, string]>([
    ["no 429s", { limited: [] }, "none", "There were no 429s"],
    ["a few 429s", { limited: days(20, 99) }, "retry", "had only 99 429s of 86,400 requests"],
    ["many, but few of the requests", { limited: days(20, 500) }, "retry", "500 429s"],
    [
      "polling",
      { endpoints: [read(43_200, 8_000)], onWorstDay: new Map([["/api/v2/1", 43_200]]) },
      "cache",
      "43,200, one every 2 s",
    ],
    [
      "polling many times a second",
      { endpoints: [read(9, 8_000)], onWorstDay: new Map([["/api/v2/1", 864_000]]) },
      "cache",
      "10 every second",
    ],
    [
      "reads of many endpoints",
      { endpoints: [1, 2, 3, 4, 5, 6].map((n) => read(10, 100, n)) },
      "spread",
      "60 a minute",
    ],
    ["an unknown method", { endpoints: [{ ...read(10, 10), method: null }] }, "spread", "02:00 to 03:59 UTC"],
    ["a storm of hours", {}, "spread", "20% of the limit of 300. At 80% of the limit, they need 6.0 hours."],
    ["a storm of days", { hours: undefined, limited: days(6) }, "spread", "60 a minute"],
    ["all day", { hours: Array.from({ length: 12 }, (_, i) => i) }, "raise", "in 12 of 24 hours"],
    ["most days", { hours: undefined, limited: days(15) }, "raise", "on 15 of 30 days"],
    [
      "all day, not raisable",
      { hours: Array.from({ length: 12 }, (_, i) => i), hit: HIT && { ...HIT, configurable: false } },
      "batch",
      "cannot be raised",
    ],
    [
      "most days, likely not raisable",
      { hours: undefined, limited: days(15), hit: undefined, likely: { ...LIMIT, configurable: false } },
      "batch",
      "if it is the likely one",
    ],
    [
      "all day, but below on average",
      { hours: Array.from({ length: 12 }, (_, i) => i) },
      "raise",
      "60 a minute, is below the limit",
    ],
  ])("for %s", (_what, change, kind, words) => {
    const advice = advise(traffic(change));
    expect(advice.kind).toBe(kind);
    expect(advice.lines.join("\n")).toContain(words);
    expect(advice.lines.join("\n")).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("gives the rate to configure first when requests have to be spread", () => {
    expect(advise(traffic({})).lines[0]).toBe(
      "Send at most 240 requests a minute with each token: 80% of the limit, 300 a minute.",
    );
    const likely = { ...LIMIT, namespace: "platform.api", key: "org.app.user.rate.per.minute", value: 500 };
    expect(advise(traffic({ hit: undefined, hours: undefined, limited: days(6), likely })).lines[0]).toBe(
      "Send at most 400 requests a minute for each user: 80% of the limit that it probably hits, 500 a minute.",
    );
    const other = { ...LIMIT, key: "actions.concurrent.executions.max", namespace: "dataactions" };
    const lines = advise(
      traffic({ hit: undefined, hours: undefined, limited: days(6), likely: other }),
    ).lines;
    expect(lines.join(" ")).not.toContain("Send at most");
  });

  it("compares a limit on endpoints with the requests to these endpoints only", () => {
    const change = {
      hit: HIT && { ...HIT, kind: "endpoint" as const },
      endpoints: [
        { endpoint: "/a", method: "PUT", requests: 9, status429: 9_000 },
        { endpoint: "/b", method: "PUT", requests: 9, status429: 0 },
      ],
      onWorstDay: new Map([
        ["/a", 14_400],
        ["/b", 72_000],
      ]),
    };
    expect(advise(traffic(change)).lines.join("\n")).toContain(
      "its 14,400 requests to the limited endpoints are 10 a minute",
    );
  });

  it("writes hours as ranges", () => {
    expect(hoursText([0, 1, 5, 23])).toBe("00:00 to 01:59, 05:00 to 05:59, 23:00 to 23:59 UTC");
    expect(hoursText(Array.from({ length: 24 }, (_, i) => i))).toBe("all day");
  });
});

describe("a request for a raise", () => {
  const facts = { client: { id: "c1", name: null }, period: { from: day(1), to: day(30) }, earlier: [] };

  it("asks for a tenth more than the highest use, or for an estimate", () => {
    expect(HIT && requestedValue(HIT, traffic())).toBe(400);
    expect(HIT && requestedValue({ ...HIT, highest: null }, traffic())).toBe(400);
    expect(HIT && requestedValue({ ...HIT, limit: 3000, highest: 3030 }, traffic())).toBe(3400);
    expect(HIT && requestedValue({ ...HIT, limit: null }, traffic())).toBeUndefined();
  });

  it("leaves what is not known in brackets, and shows the seven worst days in order", () => {
    const text = raiseRequest({ ...facts, traffic: traffic({ hit: undefined, limited: days(9) }) });
    expect(text).toContain("Request to raise [name of the limit] from [value in force] to [value]");
    expect(text.match(/^ {4}2026-11-\d\d/gm)).toHaveLength(7);
    expect(text).not.toMatch(/NaN|undefined/);
  });

  it("does not claim one token for a client that holds several", () => {
    const many = [{ day: day(1), requests: 864_000, status429: 86_400 }];
    const text = raiseRequest({ ...facts, traffic: traffic({ limited: many }) });
    expect(text).toContain("so it holds several: [why]");
    expect(text).not.toContain("It uses one token at a time");
  });
});

describe("the conclusion", () => {
  const facts = {
    traffic: traffic({ hit: undefined, hours: undefined }),
    hits: [],
    candidates: [],
    records: "read" as const,
    tokenLimit: { perMinute: 300, source: "in force" as const },
    onlyEndpoint: undefined,
  };

  it("says why the limit is not known, and what would be needed", () => {
    expect(conclude(facts)[0]).toContain("No rate limit record shows which limit it was.");
    expect(conclude({ ...facts, onlyEndpoint: "/a" }).join(" ")).toContain(
      "a limit on this endpoint that Genesys does not list",
    );
    expect(unknowns({ ...facts, records: "offline" })[0]).toContain("that needs a connection");
    expect(unknowns({ ...facts, traffic: traffic({ limited: [] }) })).toEqual([]);
  });

  it("without 429s says which limits were nearly reached", () => {
    const hits = hitsOf([record(3, 280)], context({ limited: new Map() }));
    expect(conclude({ ...facts, hits, traffic: traffic({ limited: [], hit: undefined }) })).toEqual([
      "No limit was hit: there were no 429s.",
      `It came near the limit of each token, ${KEY} of platform.api: the highest recorded use was 280 of 300, last on 2026-11-03.`,
    ]);
  });
});
