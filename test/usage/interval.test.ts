import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays, startOfDay } from "../../src/usage/day.ts";
import { intervalOf, parseInterval } from "../../src/usage/interval.ts";
import { recentDay } from "./arbitraries.ts";

describe("an interval", () => {
  // Both ends are included, and an end without a day or time is its first instant.
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
  ])("%s covers %s to %s", (text, start, end) => {
    expect(parseInterval(text)).toEqual({ text, start, end });
  });

  it.each([
    ["", /not START\/END/],
    ["2026-01-01", /not START\/END/],
    ["2026-01-01/", /not START\/END/],
    ["/2026-01-01", /not START\/END/],
    ["2026-01-01/2026-01-02/2026-01-03", /not START\/END/],
    ["2026-01-02/2026-01-01", /ends before it starts/],
    ["2021-02/2021-01", /ends before it starts/],
    ["2026-01-01T10:00:00Z/2026-01-01T09:00:00Z", /ends before it starts/],
    ["2026-02-30/2026-03-01", /"2026-02-30" is not an ISO 8601 date that exists/],
    ["2026-01-01/2026-13", /"2026-13" is not/],
    ["2026-01-01/2026-01-01T25:00:00Z", /"2026-01-01T25:00:00Z" is not/],
    ["2026-01-01/2026-01-01T10:61:00Z", /is not an ISO 8601 date that exists/],
    ["2026-01-01/2026-01-01T10:00:60Z", /is not an ISO 8601 date that exists/],
    ["2026-01-01/2026-01-02T00:00:00+99:99", /is not an ISO 8601 date that exists/],
    ["2026-W05/2026-W06", /"2026-W05" is not/],
    ["2026-01-01/P1D", /"P1D" is not/],
    ["2026-01-01/..", /is not an ISO 8601 date/],
    ["2026-01-01 / 2026-01-02", /is not an ISO 8601 date/],
    ["1969-12-31/2026-01-02", /"1969-12-31" is not/],
  ])("is not %j", (text, message) => {
    expect(() => parseInterval(text)).toThrow(message);
  });

  it("made of whole days covers just them", () => {
    fc.assert(
      fc.property(recentDay, fc.nat({ max: 400 }), (start, days) => {
        const span = { start, end: addDays(start, days) };
        expect(parseInterval(intervalOf(span).text)).toEqual({ ...span, text: `${span.start}/${span.end}` });
      }),
    );
  });

  it("covers the UTC days of its instants, whatever their zone", () => {
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
