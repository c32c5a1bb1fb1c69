import { describe, expect, it } from "vitest";
import { headroomOf, parseGrowth, whatIf } from "../../src/insight/headroom.ts";
import { DOCUMENTED_LIMITS, mergedLimits, tokenLimitOf } from "../../src/insight/limits.ts";
import type { Day } from "../../src/usage/day.ts";

const row = (value: string | null, day: string, requests: number, status429 = 0) => ({
  day: day as Day,
  value,
  name: value === null ? null : `Name of ${value}`,
  requests,
  status400: 0,
  status500: 0,
  status429,
});
const ROWS = [
  row("steady", "2026-11-01", 144_000),
  row("steady", "2026-11-02", 72_000, 5),
  row("steady", "2026-11-03", 144_000),
  row("steady", "2026-11-04", 0),
  row("pool", "2026-11-01", 432_001),
  row("full", "2026-11-01", 432_000),
  row(null, "2026-11-01", 999_999),
];

describe("headroom", () => {
  it("compares the busiest days with what one token can make in a day, the least headroom first", () => {
    const all = headroomOf(ROWS, 300);
    expect(all.map(({ clientId }) => clientId)).toEqual(["pool", "full", "steady"]);
    expect(all.map(({ exceedsToken, headroomPerMinute }) => [exceedsToken, headroomPerMinute])).toEqual([
      [true, 0],
      [false, 0],
      [false, 200],
    ]);
    expect(all[2]).toMatchObject({
      clientName: "Name of steady",
      averagePerDay: 120_000,
      activeDays: 3,
      status429: 5,
      busiest: [
        { day: "2026-11-01", requests: 144_000, perMinute: 100, tokenPct: 33.33 },
        { day: "2026-11-03", requests: 144_000 },
        { day: "2026-11-02", requests: 72_000, status429: 5 },
      ],
    });
  });

  it.each<[string, number, object]>([
    ["+150/min", 0, { before: 100, after: 250, mostPeak: 1.5, verdict: "already-limited" }],
    ["+201/min", 0, { after: 301, verdict: "exceeds" }],
    ["+20%", 0, { after: 120, mostPeak: 2.5, verdict: "already-limited" }],
    ["+150/min", 1, { before: 25, after: 175, mostPeak: 6, verdict: "fits" }],
    ["+250/min", 1, { after: 275, mostPeak: 2, verdict: "tight" }],
    ["+300%", 1, { after: 100, mostPeak: 3, verdict: "fits" }],
  ])("says for %s and client %i whether it fits", (growth, i, expected) => {
    const clients = headroomOf([...ROWS.slice(0, 3), row("quiet", "2026-11-01", 36_000)], 300);
    expect(whatIf(clients[i], parseGrowth(growth, "--what-if"), 300)).toMatchObject(expected);
  });

  it("says whether a new client fits", () => {
    const result = whatIf(undefined, parseGrowth("+200/min", "--what-if"), 300);
    expect(result).toMatchObject({ clientId: null, before: 0, after: 200, mostPeak: 1.5, verdict: "tight" });
  });

  it.each<[string, "per-minute" | "percent", number]>([
    ["+200/min", "per-minute", 200],
    ["200/minute", "per-minute", 200],
    ["+2/s", "per-minute", 120],
    ["+600 / hour", "per-minute", 10],
    ["+1440 per day", "per-minute", 1],
    ["+12.5 %", "percent", 12.5],
  ])("understands %j", (text, unit, amount) => {
    expect(parseGrowth(text, "--what-if")).toEqual({ unit, amount });
  });

  it.each(["", "200", "-20%", "+0/min", "+x%", "+20 parsecs", "+20/week"])("rejects %j", (text) => {
    expect(() => parseGrowth(text, "--what-if")).toThrow("Invalid --what-if: ");
  });
});

describe("limits", () => {
  const TOKEN = { namespace: "platform.api", key: "client.credentials.token.rate.per.minute" };

  it("are merged from what is in force, defaults and descriptions, and each may be missing", () => {
    expect(
      mergedLimits(
        [{ ...TOKEN, value: 600 }],
        [{ namespace: "usage", key: "a", value: 1 }],
        [
          { ...TOKEN, defaultValue: 300, description: "D", configurable: true },
          { namespace: "b", key: "c", trackable: false },
        ],
      ),
    ).toEqual([
      {
        namespace: "b",
        key: "c",
        value: null,
        defaultValue: null,
        description: null,
        configurable: null,
        trackable: false,
      },
      { ...TOKEN, value: 600, defaultValue: 300, description: "D", configurable: true, trackable: null },
      {
        namespace: "usage",
        key: "a",
        value: null,
        defaultValue: 1,
        description: null,
        configurable: null,
        trackable: null,
      },
    ]);
  });

  it("have a token limit even if nothing is known, and say where it comes from", () => {
    expect(tokenLimitOf(mergedLimits([{ ...TOKEN, value: 600 }], [], []))).toEqual({
      perMinute: 600,
      source: "in force",
    });
    expect(tokenLimitOf(mergedLimits([], [{ ...TOKEN, value: 400 }], []))).toEqual({
      perMinute: 400,
      source: "default",
    });
    for (const limits of [[], DOCUMENTED_LIMITS])
      expect(tokenLimitOf(limits)).toEqual({ perMinute: 300, source: "documented default" });
  });
});
