import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays, startOfDay } from "../../src/usage/day.ts";
import { intervalOf, parseInterval } from "../../src/usage/interval.ts";
import { recentDay } from "./arbitraries.ts";

describe("an interval", () => {
  // Both ends are included, and an end without a day or time means its first instant.
  it.each([
    ["2021-01/2021-02", "2021-01-01", "2021-02-01"],
    ["2020-01-25/2020-03-10", "2020-01-25", "2020-03-10"],
    ["2026-01-01T00:00:00/2026-01-31T23:59:59", "2026-01-01", "2026-01-31"],
    ["2026-01-01T00:00:00Z/2026-01-31T23:59:59.999Z", "2026-01-01", "2026-01-31"],
    ["2026-01-01T00:00:00.000Z/2026-02-01T00:00:00.000Z", "2026-01-01", "2026-02-01"],
    ["2026-01-01T00:00:00+02:00/2026-01-31T23:30:00-01:00", "2025-12-31", "2026-02-01"],
    ["2026-01-01T00:00:00+0200/2026-01-31T235959-0100", "2025-12-31", "2026-02-01"],
    ["2026-01-01T05/2026-01-01T0530", "2026-01-01", "2026-01-01"],
    ["2026-01-01/2026-01-01", "2026-01-01", "2026-01-01"],
    ["2024-02-29/2024-03", "2024-02-29", "2024-03-01"],
    // A year means its first instant, as in Genesys's own article.
    ["2019/2020-06-30", "2019-01-01", "2020-06-30"],
    ["2019/2020", "2019-01-01", "2020-01-01"],
    ["2019-06/2020", "2019-06-01", "2020-01-01"],
    // Weeks and days of the year.
    ["2026-W05/2026-W06", "2026-01-26", "2026-02-02"],
    ["2020-W53-5/2021-W01-1", "2021-01-01", "2021-01-04"],
    ["2025-W01-1/2025-001", "2024-12-30", "2025-01-01"],
    ["2024-366/2025-060T12:00Z", "2024-12-31", "2025-03-01"],
    // Periods end at an instant, which is included like any other.
    ["2020-01-01/P1M", "2020-01-01", "2020-02-01"],
    ["P1M/2020-02-01", "2020-01-01", "2020-02-01"],
    ["2020-01-31/P1M", "2020-01-31", "2020-02-29"],
    ["2020-01-01/P1Y2M3W4DT5H6M7.5S", "2020-01-01", "2021-03-26"],
    ["P90D/2026-10-31T23:59:59Z", "2026-08-02", "2026-10-31"],
    ["2020-01-01/PT36H", "2020-01-01", "2020-01-02"],
    ["2019/P1Y", "2019-01-01", "2020-01-01"],
    // Times.
    ["2026-01-01T24:00/2026-01-02T23:30-01", "2026-01-02", "2026-01-03"],
    ["2026-01-01T12.5/2026-01-01T12:30,5Z", "2026-01-01", "2026-01-01"],
  ])("%s covers %s to %s", (text, start, end) => {
    expect(parseInterval(text)).toEqual({ text, start, end });
  });

  it.each([
    ["", /expected START\/END/],
    ["2026-01-01", /expected START\/END/],
    ["2026-01-01/", /expected START\/END/],
    ["/2026-01-01", /expected START\/END/],
    ["2026-01-01/2026-01-02/2026-01-03", /expected START\/END/],
    ["2026-01-02/2026-01-01", /ends before it starts/],
    ["2021-02/2021-01", /ends before it starts/],
    ["2026-01-01T10:00:00Z/2026-01-01T09:00:00Z", /ends before it starts/],
    ["2026-02-30/2026-03-01", /"2026-02-30" is not a valid ISO 8601 date/],
    ["2026-01-01/2026-13", /"2026-13" is not/],
    ["2026-01-01/2026-01-01T25:00:00Z", /"2026-01-01T25:00:00Z" is not/],
    ["2026-01-01/2026-01-01T10:61:00Z", /is not a valid ISO 8601 date/],
    ["2026-01-01/2026-01-01T10:00:60Z", /is not a valid ISO 8601 date/],
    ["2026-01-01/2026-01-02T00:00:00+99:99", /is not a valid ISO 8601 date/],
    [
      "20190101/20190630",
      /"20190101" has no hyphens, so the service may read it as a year; write 2019-01-01\./,
    ],
    ["2019-01-01/20190630T10:00Z", /write 2019-06-30T10:00Z\./],
    ["201901/201902", /write 2019-01\./],
    ["2019-01-01/06-30", /"06-30" is abbreviated; write it in full/],
    ["2019-01-01/30", /"30" is abbreviated/],
    ["2019-01-01T10:00/12:00", /"12:00" is abbreviated/],
    ["P1M/P1M", /both ends are periods/],
    ["2020-01-01/P", /"P" is not an ISO 8601 period such as P1M/],
    ["2020-01-01/P1H", /"P1H" is not an ISO 8601 period/],
    ["2020-01-01/PT", /"PT" is not an ISO 8601 period/],
    ["2020-01-01/P-1M", /"P-1M" is not an ISO 8601 period/],
    ["2020-01-01/P1.5M", /"P1.5M" is not an ISO 8601 period/],
    ["2020-01-01/P9999Y", /it ends after 9999/],
    ["2020-01-01/P9999Y99999M99999W", /it ends after 9999/],
    ["P2Y/1971-01-01", /it starts before 1970/],
    ["R5/2020-01-01/P1M", /expected START\/END/],
    ["2020-01-01--2020-01-31", /expected START\/END/],
    ["2025-W53/2026-01-10", /"2025-W53" is not/],
    ["2025-W00/2026-01-10", /"2025-W00" is not/],
    ["2025-366/2026-01-10", /"2025-366" is not/],
    ["2025-000/2026-01-10", /"2025-000" is not/],
    ["2019T10:00/2020", /"2019T10:00" is not/],
    ["2019-01-01T/2020", /"2019-01-01T" is not/],
    ["2019-01-01T24:01/2020", /"2019-01-01T24:01" is not/],
    ["+2019/2020", /"\+2019" is not/],
    ["2026-01-01/..", /is not a valid ISO 8601 date/],
    ["2026-01-01 / 2026-01-02", /is not a valid ISO 8601 date/],
    ["1969-12-31/2026-01-02", /"1969-12-31" is not/],
  ])("is not parsed from %j", (text, message) => {
    expect(() => parseInterval(text)).toThrow(message);
  });

  it("made of whole days covers exactly these", () => {
    fc.assert(
      fc.property(recentDay, fc.nat({ max: 400 }), (start, days) => {
        const span = { start, end: addDays(start, days) };
        expect(parseInterval(intervalOf(span).text)).toEqual({ ...span, text: `${span.start}/${span.end}` });
      }),
    );
  });

  it("covers the UTC days of its instants, whatever their time zone", () => {
    fc.assert(
      fc.property(
        recentDay,
        fc.nat({ max: 86_399 }),
        fc.nat({ max: 5_000_000 }),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (day, second, length, offset) => {
          const from = startOfDay(day) + second * 1000;
          const to = from + length * 1000;
          const sign = offset < 0 ? "-" : "+";
          const minutes = Math.abs(offset);
          const zone = `${sign}${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
          const local = (ms: number): string =>
            new Date(ms + offset * 60_000).toISOString().slice(0, 19) + zone;
          expect(parseInterval(`${local(from)}/${local(to)}`)).toMatchObject({
            start: new Date(from).toISOString().slice(0, 10),
            end: new Date(to).toISOString().slice(0, 10),
          });
        },
      ),
    );
  });
});
