import { describe, expect, test } from "vitest";
import type { Day } from "../../src/usage/day.ts";
import { type WindowFlags, windowOf } from "../../src/usage/window.ts";

describe("the period", () => {
  const now = Date.parse("2026-11-23T05:00:00Z");
  const newest = "2026-11-20" as Day;

  test.each([
    [{}, undefined, "2026-10-24/2026-11-22"],
    [{}, newest, "2026-10-22/2026-11-20"],
    [{}, "2026-11-23", "2026-10-24/2026-11-22"],
    [{ last: "7d" }, newest, "2026-11-14/2026-11-20"],
    [{ last: "1d" }, newest, "2026-11-20/2026-11-20"],
    [{ last: "4w" }, newest, "2026-10-24/2026-11-20"],
    [{ last: "3m" }, newest, "2026-08-21/2026-11-20"],
    [{ last: "1m", to: "2026-03-30" }, newest, "2026-02-28/2026-03-30"],
    [{ last: "1m", to: "2026-10-31" }, newest, "2026-10-01/2026-10-31"],
    [{ last: "1y", to: "2024-02-28" }, newest, "2023-02-28/2024-02-28"],
    [{ from: "2026-11-01" }, newest, "2026-11-01/2026-11-20"],
    [{ from: "2026-11-01", to: "2026-12-31" }, newest, "2026-11-01/2026-12-31"],
    [{ from: "2026-11-21" }, newest, "2026-11-21/2026-11-22"],
    [{ to: "2026-11-01" }, newest, "2026-10-03/2026-11-01"],
    [{ lastWeek: true }, newest, "2026-11-16/2026-11-22"],
    [{ lastWeek: true }, "2026-11-01", "2026-11-16/2026-11-22"],
    [{ lastWeek: true, weekStart: "sunday" }, newest, "2026-11-15/2026-11-21"],
    [{ lastMonth: true }, newest, "2026-10-01/2026-10-31"],
    [{ month: "2024-02" }, newest, "2024-02-01/2024-02-29"],
    [{ month: "2026-11" }, newest, "2026-11-01/2026-11-20"],
    [{ month: "2026-11" }, undefined, "2026-11-01/2026-11-22"],
  ])("%j with a lake up to %s is %s", (flags, last, expected) => {
    const { start, end } = windowOf(flags as WindowFlags, last as Day | undefined, now);
    expect(`${start}/${end}`).toBe(expected);
  });

  test.each([
    ["month", { from: "2026-08-15", to: "2026-10-02" }, "2026-08-01/2026-10-31"],
    ["month", { last: "3m" }, "2026-08-01/2026-10-31"],
    ["month", { last: "90d" }, "2026-08-01/2026-10-31"],
    ["month", { from: "2026-11-05" }, "2026-11-01/2026-11-30"],
    ["month", { from: "2026-10-05" }, "2026-10-01/2026-10-31"],
    ["month", { lastMonth: true }, "2026-10-01/2026-10-31"],
    ["month", { lastWeek: true }, "2026-11-01/2026-11-30"],
    ["week", { lastWeek: true }, "2026-11-16/2026-11-22"],
    ["week", { last: "2w" }, "2026-11-02/2026-11-15"],
    ["week", { from: "2026-11-04", to: "2026-11-09" }, "2026-11-02/2026-11-15"],
  ] as const)("by %s of %j consists of whole periods: %s", (granularity, flags, expected) => {
    const { start, end } = windowOf(flags, newest, now, { granularity });
    expect(`${start}/${end}`).toBe(expected);
  });

  test("by week starts on the day on which the lake's weeks start", () => {
    const weeks = { granularity: "week", weekStart: "sunday" } as const;
    expect(windowOf({ last: "1w" }, "2026-11-14" as Day, now, weeks)).toEqual({
      start: "2026-11-08",
      end: "2026-11-14",
    });
  });

  test.each([
    ["2026-01-01T00:00:00Z", { lastMonth: true }, "2025-12-01/2025-12-31"],
    ["2026-01-31T23:59:59Z", { lastMonth: true }, "2025-12-01/2025-12-31"],
    ["2026-11-22T23:59:59Z", { lastWeek: true }, "2026-11-09/2026-11-15"],
    ["2026-11-22T23:59:59Z", { lastWeek: true, weekStart: "sunday" }, "2026-11-15/2026-11-21"],
    ["2026-11-02T00:00:00Z", { month: "2026-11" }, "2026-11-01/2026-11-01"],
  ] as const)("at %s, %j is %s in UTC", (time, flags, expected) => {
    const { start, end } = windowOf(flags, undefined, Date.parse(time));
    expect(`${start}/${end}`).toBe(expected);
  });

  test("last week by weeks is the week of the lake's kind, unless --week-start contradicts it", () => {
    const weeks = { granularity: "week", weekStart: "sunday" } as const;
    expect(windowOf({ lastWeek: true }, newest, now, weeks)).toEqual({
      start: "2026-11-15",
      end: "2026-11-21",
    });
    expect(() => windowOf({ lastWeek: true, weekStart: "monday" }, newest, now, weeks)).toThrow(
      "--week-start is monday, but the lake's weeks start on sunday.",
    );
  });

  test("a month without a complete day is refused on its first day", () => {
    expect(() => windowOf({ month: "2026-11" }, undefined, Date.parse("2026-11-01T12:00:00Z"))).toThrow(
      "--month 2026-11 has no complete day yet: the current UTC day is never in the data.",
    );
  });

  test.each([
    ["2026-1", "Write --month 2026-01."],
    ["2026/10", "Write --month 2026-10."],
    ["2026-10-05", "Write --month 2026-10."],
    ["2026-13", "Months are 01 to 12."],
    ["last", "For example --month 2026-11. For other periods, use --from and --to."],
    ["2027-03", "The newest month with data is 2026-11: --month 2026-11"],
  ])("for --month %s the hint is: %s", (month, hint) => {
    expect(() => windowOf({ month }, newest, now)).toThrow(expect.objectContaining({ hint }));
  });

  test.each([
    [{ last: "30" }, "expected a length of time"],
    [{ last: "0d" }, "expected a length of time"],
    [{ last: "-7d" }, "expected a length of time"],
    [{ last: "7d", from: "2026-11-01" }, "--last and --from both set the start of the period"],
    [{ last: "7d", lastWeek: true }, "--last and --last-week both set the start of the period"],
    [{ lastWeek: true, lastMonth: true }, "--last-week and --last-month both set the start of the period"],
    [{ from: "2026-11-01", month: "2026-10" }, "--from and --month both set the start of the period"],
    [{ to: "2026-11-01", month: "2026-10" }, "--month and --to both set the end of the period"],
    [{ to: "2026-11-01", lastMonth: true }, "--last-month and --to both set the end of the period"],
    [{ month: "2026-13" }, 'Invalid --month: "2026-13" (expected a month as YYYY-MM).'],
    [{ month: "2026-00" }, "Invalid --month"],
    [{ month: "2026-1" }, "Invalid --month"],
    [{ month: "October" }, "Invalid --month"],
    [{ month: "" }, "Invalid --month"],
    [{ month: "2026-12" }, "--month 2026-12 is in the future."],
    [{ month: "9999-12" }, "--month 9999-12 is in the future."],
    [{ from: "2026-11-31" }, "is not a day"],
    [{ from: "2026-11-21", to: "2026-11-01" }, "before it starts"],
    [{ from: "2026-11-23" }, "before it starts"],
  ])("%j is refused", (flags, why) => {
    expect(() => windowOf(flags as WindowFlags, newest, now)).toThrow(why);
  });
});
