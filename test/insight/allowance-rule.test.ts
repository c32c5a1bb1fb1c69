import { describe, expect, it } from "vitest";
import { allowanceShare, billingMonths } from "../../src/insight/allowance-rule.ts";
import { findCases } from "../../src/insight/find-cases.ts";
import { DEFAULT_RULES, RULE, type RuleOf } from "../../src/insight/rules.ts";
import type { Subject } from "../../src/insight/subjects.ts";
import { addDays } from "../../src/usage/day.ts";
import { dayAt, START, seriesOf } from "./series.ts";

function rule(change: Record<string, unknown> = {}): RuleOf<"allowance"> {
  return RULE.parse({
    id: "fair-use",
    kind: "allowance",
    allowance: 3000,
    periodStart: 1,
    ...change,
  }) as RuleOf<"allowance">;
}

function subject(id: string | undefined, counts: readonly (number | undefined)[]): Subject {
  const none = seriesOf(counts.map((count) => count && 0));
  return { id, name: id ?? null, requests: seriesOf(counts), status429: none, failed: none };
}

/** January to March, 100 requests a day. The first month has too little history for a forecast at its start. */
const COUNTS = Array.from({ length: 90 }, () => 100);

function cases(
  change: Record<string, unknown>,
  counts: readonly (number | undefined)[] = COUNTS,
  client = subject("a", counts),
) {
  const organization = subject(undefined, counts);
  return findCases([rule(change)], { clients: [client], endpoints: [], organization });
}

describe("the rule about an allowance", () => {
  it("has no default, because the allowance must be set", () => {
    expect(DEFAULT_RULES.map(({ kind }) => kind)).not.toContain("allowance");
    expect(DEFAULT_RULES).toHaveLength(RULE.options.length - 1);
  });

  it("makes each billing month a case of its own, which ends with the month", () => {
    const found = cases({}).map((one) => [one.subject.name, dayAt(one.first), one.ended && dayAt(one.ended)]);
    expect(found).toEqual([
      ["Billing month from 2026-03-01", "2026-03-01", undefined],
      ["Billing month from 2026-02-01", "2026-02-01", "2026-03-01"],
      // Without a forecast, when 80% is used.
      ["Billing month from 2026-01-01", "2026-01-24", "2026-02-01"],
    ]);
  });

  it("becomes a step worse as the forecast rises", () => {
    const rising = COUNTS.map((count, at) => (at >= 70 ? count * 2 : count));
    const [march] = cases({ allowance: 3800 }, rising);
    expect(march).toMatchObject({ ended: undefined, incidents: [{ first: 59 }] });
    expect(march?.steps.length).toBe(2);
  });

  it("leaves out the built-in clients and exempt ones", () => {
    expect(cases({}, COUNTS, subject("purecloud", COUNTS))).toEqual([]);
    expect(cases({ except: ["A"] })).toEqual([]);
    expect(cases({ only: ["b"] })).toEqual([]);
    expect(cases({ except: ["b"] })).not.toEqual([]);
  });

  it("estimates missing days, and says nothing about them", () => {
    const gap = COUNTS.map((count, at) => (at === 40 ? undefined : count));
    const [month] = billingMonths(rule({ periodStart: "2026-02-01" }), subject(undefined, gap)).slice(1);
    if (month?.period === undefined) throw new Error("expected a month");
    expect(allowanceShare(rule(), month.requests, month.period, addDays(START, 45))).toEqual({
      used: 1400,
      expected: 1400,
      percent: 2800 / 30,
    });
  });
});
