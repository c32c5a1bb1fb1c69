import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addDays,
  type Day,
  dayOf,
  daysBetween,
  eachDay,
  maxDay,
  minDay,
  parseDay,
  startOfDay,
  tryDay,
} from "../../src/usage/day.ts";
import { anyDay, recentDay } from "./arbitraries.ts";

/** The slow reference: a calendar based on Date, one day at a time. */
function walk(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  for (let i = 0; i < Math.abs(days); i++) date.setUTCDate(date.getUTCDate() + Math.sign(days));
  return date.toISOString().slice(0, 10);
}

function catching(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe("a day", () => {
  it("is moved like in a calendar, day by day, forward and back", () => {
    fc.assert(
      fc.property(recentDay, fc.integer({ min: -800, max: 800 }), (day, days) => {
        const moved = addDays(day, days);
        expect(moved).toBe(walk(day, days));
        expect(daysBetween(day, moved)).toBe(days);
        expect(addDays(moved, -days)).toBe(day);
      }),
    );
  });

  it("stays within the representable years, however far it is moved", () => {
    expect(addDays("9999-12-31" as Day, 1)).toBe("9999-12-31");
    expect(addDays("1970-01-01" as Day, -4_000_000)).toBe("0001-01-01");
  });

  it("is parsed from its text and from its first and last millisecond, and from nothing else", () => {
    fc.assert(
      fc.property(anyDay, (day) => {
        expect(tryDay(day)).toBe(day);
        expect(dayOf(startOfDay(day))).toBe(day);
        expect(dayOf(startOfDay(day) + 86_399_999)).toBe(day);
        expect(dayOf(startOfDay(day) + 86_400_000)).not.toBe(day);
      }),
    );
  });

  it("exists if a calendar has it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1900, max: 9999 }),
        fc.nat({ max: 14 }),
        fc.nat({ max: 33 }),
        (year, month, day) => {
          const text = [String(year), String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
          const daysOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
          const exists = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth;
          expect(tryDay(text)).toBe(exists ? text : undefined);
        },
      ),
    );
  });

  it.each([
    "",
    "2026-1-1",
    "2026-11",
    "20261101",
    "2026-11-01T00:00:00Z",
    " 2026-11-01",
    "2026-11-01\n",
    "+2026-11-01",
  ])("is not parsed from %j", (text) => {
    expect(tryDay(text)).toBeUndefined();
    expect(() => parseDay(text, "--from")).toThrow(`Invalid --from: ${JSON.stringify(text)} is not a day.`);
  });

  it.each([
    ["2026-11", /This is a month\..*for example 2026-11-01/],
    ["20261101", /Write 2026-11-01:/],
    ["2026-1-1", /Write 2026-01-01:/],
    ["2026/11/1", /Write 2026-11-01:/],
    ["2026-11-01T00:00:00Z", /Write 2026-11-01:/],
    ["2026-02-30", /That month has 28 days/],
    ["2024-02-30", /That month has 29 days/],
    ["2026-11-31", /That month has 30 days/],
    ["01.11.2026", /YYYY-MM-DD, for example/],
    ["yesterday", /YYYY-MM-DD, for example/],
    ["2026-13-01", /YYYY-MM-DD, for example/],
  ])("is not parsed from %j, and the hint says what to write", (text, hint) => {
    expect(catching(() => parseDay(text, "--from"))).toMatchObject({
      hint: expect.stringMatching(hint) as string,
    });
  });

  it("is listed with both ends, and the list is empty if the end comes first", () => {
    expect(eachDay("2024-02-28" as Day, "2024-03-01" as Day)).toEqual([
      "2024-02-28",
      "2024-02-29",
      "2024-03-01",
    ]);
    expect(eachDay("2024-03-01" as Day, "2024-03-01" as Day)).toEqual(["2024-03-01"]);
    expect(eachDay("2024-03-02" as Day, "2024-03-01" as Day)).toEqual([]);
  });

  it("sorts like its text", () => {
    fc.assert(
      fc.property(anyDay, anyDay, (a, b) => {
        const earlier = startOfDay(a) <= startOfDay(b) ? a : b;
        expect(minDay(a, b)).toBe(earlier);
        expect(maxDay(a, b)).toBe(earlier === a ? b : a);
      }),
    );
  });
});
