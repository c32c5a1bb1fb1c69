import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { periodStart } from "../../src/usage/period.ts";
import { parseSlicePath, slicePath } from "../../src/usage/slice.ts";
import { anyDay, anyGranularity, anyGrouping, anyService, anyWeekStart } from "./arbitraries.ts";

const anyKey = fc
  .tuple(anyService, anyGranularity, anyGrouping, anyDay, anyWeekStart)
  .map(([service, granularity, grouping, day, weekStart]) => ({
    service,
    granularity,
    grouping,
    date: periodStart(granularity, day, weekStart),
  }))
  .filter(({ date }) => date >= "1970");

describe("a slice's path", () => {
  it("is parsed back to the slice's key", () => {
    expect(
      slicePath({
        service: "jobs",
        granularity: "day",
        grouping: "client-uri-method" as never,
        date: "2026-11-01" as never,
      }),
    ).toBe("usage/granularity=day/date=2026-11-01/jobs.client-uri-method.parquet");
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(parseSlicePath(slicePath(key))).toEqual(key);
      }),
    );
  });

  it("is the only path of that key: any small change makes it invalid", () => {
    const edit = fc.tuple(
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.constantFrom("", "/", "..", "../", "\\", ".", "-", "x", "\n", "%2f", "\0", "0", "="),
    );
    fc.assert(
      fc.property(anyKey, fc.array(edit, { minLength: 1, maxLength: 3 }), (key, edits) => {
        let path = slicePath(key);
        for (const [at, removed, added] of edits) {
          const i = at % (path.length + 1);
          path = path.slice(0, i) + added + path.slice(i + removed);
        }
        const read = parseSlicePath(path);
        if (read !== undefined) expect(slicePath(read)).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    "usage/granularity=day/date=2026-02-30/jobs.client.parquet",
    "usage/granularity=day/date=2026-11-01/jobs.uri-client.parquet",
    "usage/granularity=day/date=2026-11-01/jobs..parquet",
    "usage/granularity=day/date=2026-11-01/other.client.parquet",
    "usage/granularity=hour/date=2026-11-01/jobs.client.parquet",
    "usage/granularity=month/date=2026-11-02/jobs.client.parquet",
    "usage/granularity=day/date=2026-11-01/jobs.client.parquet.new",
    "usage/granularity=day/date=2026-11-01/x/../jobs.client.parquet",
    "usage/granularity=day/date=2026-11-01/jobs.client/../../x.parquet",
    "/usage/granularity=day/date=2026-11-01/jobs.client.parquet",
    "../usage/granularity=day/date=2026-11-01/jobs.client.parquet",
    "usage\\granularity=day\\date=2026-11-01\\jobs.client.parquet",
    "usage/granularity=day/date=2026-11-01/jobs.client.parquet\n",
  ])("is not parsed from %j", (path) => {
    expect(parseSlicePath(path)).toBeUndefined();
  });
});
