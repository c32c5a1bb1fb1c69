import { describe, expect, it } from "vitest";
import type { DayState } from "../../src/insight/daily-series.ts";
import { type DayCounts, LEAST_EQUAL_DAYS, reconcile } from "../../src/insight/reconcile.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import { START } from "./series.ts";

const DAYS = eachDay(START, addDays(START, 5));

function row(at: number, value: string | null, requests: number, change: Partial<DayCounts> = {}): DayCounts {
  const rest = { status300: 0, status400: 0, status500: 0, status429: 0 };
  return { day: addDays(START, at), value, name: value, requests, status200: requests, ...rest, ...change };
}

const each = (value: string, requests: number, from = 0): DayCounts[] =>
  DAYS.slice(from).map((_, at) => row(at + from, value, requests));

function compare(
  left: readonly DayCounts[],
  right: readonly DayCounts[],
  {
    leftStates = {},
    isByClient = true,
    rightHasBuiltIns = true,
  }: {
    leftStates?: Readonly<Record<number, DayState>>;
    isByClient?: boolean;
    rightHasBuiltIns?: boolean;
  } = {},
) {
  const stateOf = (day: Day): DayState => leftStates[DAYS.indexOf(day)] ?? "settled";
  return reconcile(
    { rows: left, stateOf },
    { rows: right, stateOf: () => "settled" },
    { days: DAYS, isByClient, rightHasBuiltIns },
  );
}

describe("reconciliation", () => {
  it("explains what only one side has of the built-in clients", () => {
    const own = each("a", 10);
    const found = compare(own, [...own, ...each("purecloud", 5), ...each("purecloud-builtin", 3)]);
    expect(found.equal).toBe(6);
    expect(new Set(found.differences.map(({ reason }) => reason))).toEqual(new Set(["built-in-client"]));
    // Between two groupings, or counted by the legacy service, it is not explained.
    const groupings = compare([], each("purecloud", 5), { rightHasBuiltIns: false });
    expect(groupings.differences[0]?.reason).toBeNull();
    expect(compare(each("purecloud", 4), each("purecloud", 5)).differences[0]?.reason).toBeNull();
  });

  it("reports a difference of one request, with its day and client", () => {
    const right = each("a", 10).map((one, at) => (at === 3 ? { ...one, requests: 11 } : one));
    const { differences, totals } = compare(each("a", 10), right);
    expect(differences).toMatchObject([
      { day: DAYS[3], value: "a", left: { requests: 10 }, right: { requests: 11 }, reason: null },
    ]);
    expect(totals).toMatchObject([
      { value: "a", left: 60, right: 61, state: "unexplained", unexplainedDays: 1 },
    ]);
  });

  it("explains a client that one side counts only since a day, if both are equal since then", () => {
    const since = compare(each("a", 10), each("a", 10, 2));
    expect(since.totals).toMatchObject([{ state: "explained", reasons: ["counted-since"], since: DAYS[2] }]);
    const different = each("a", 10, 2).map((one, at) => (at === 1 ? { ...one, requests: 9 } : one));
    expect(compare(each("a", 10), different).totals).toMatchObject([{ state: "unexplained" }]);
    const few = compare(each("a", 10), each("a", 10, DAYS.length - LEAST_EQUAL_DAYS + 1));
    expect(few.totals).toMatchObject([{ state: "unexplained", since: null }]);
  });

  it("explains 429s that one side leaves out of status400", () => {
    const limited = { status200: 4, status400: 6, status429: 5 };
    const left = [row(0, "a", 10, limited)];
    const found = compare(left, [row(0, "a", 10, { ...limited, status400: 1 })]);
    expect(found.differences).toMatchObject([{ reason: "status400-without-429s" }]);
    const other = compare(left, [row(0, "a", 10, { ...limited, status400: 2 })]);
    expect(other.differences).toMatchObject([{ reason: null }]);
  });

  it("compares no missing days, and no metric that one side does not have", () => {
    const left = each("a", 10).map((one) => ({ ...one, status429: null }));
    const right = each("a", 10).map((one, at) => ({ ...one, status429: 7, requests: at === 1 ? 99 : 10 }));
    const found = compare(left, right, { leftStates: { 1: "missing" } });
    expect(found).toMatchObject({ equal: 5, differences: [] });
    expect(found.days).not.toContain(DAYS[1]);
  });

  it("treats differences on days that may still change as explained", () => {
    const right = each("a", 10).map((one, at) => (at === 5 ? { ...one, requests: 12 } : one));
    const found = compare(each("a", 10), right, { leftStates: { 5: "unsettled" } });
    expect(found.differences).toMatchObject([{ reason: "unsettled" }]);
  });

  it("without clients cannot leave out the built-in ones", () => {
    const totals = (requests: number): DayCounts[] => DAYS.map((_, at) => row(at, null, requests));
    const found = compare(totals(10), totals(13), { isByClient: false });
    expect(new Set(found.differences.map(({ reason }) => reason))).toEqual(new Set(["no-clients"]));
    // The jobs service counts all requests, so fewer are not explained.
    expect(compare(totals(13), totals(10), { isByClient: false }).differences[0]?.reason).toBeNull();
  });
});
