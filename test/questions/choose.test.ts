import { describe, expect, test } from "vitest";
import { choose, comparable, sourcesFor, type Wanted } from "../../src/questions/choose.ts";
import { get } from "../../src/questions/questions.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import type { Granularity } from "../../src/usage/period.ts";
import { describeSeries } from "../../src/usage/series.ts";
import type { Service } from "../../src/usage/service.ts";
import type { SliceKey } from "../../src/usage/slice.ts";

const WINDOW = { start: "2026-11-01" as Day, end: "2026-11-10" as Day };

function slices(
  service: Service,
  grouping: string,
  from: string,
  days: number,
  granularity: Granularity = "day",
): SliceKey[] {
  const start = from as Day;
  return eachDay(start, addDays(start, days - 1)).map((date) => ({
    service,
    grouping: grouping as Grouping,
    granularity,
    date,
  }));
}

function chosen(question: string, keys: SliceKey[], wanted: object = {}): string {
  const { service, grouping, missing } = choose(sourcesFor(get(question), keys, wanted), WINDOW);
  return `${service} ${grouping} ${missing.length}`;
}

describe("the rows for an answer", () => {
  const canonical = slices("jobs", "client-uri-method", "2026-11-01", 10);

  test.each([
    [
      "jobs before legacy",
      [...slices("legacy", "client-uri-method", "2026-11-01", 10), ...canonical.slice(5)],
      "jobs client-uri-method 5",
    ],
    [
      "legacy if jobs has none of the days",
      [...slices("legacy", "client", "2026-11-01", 10), ...slices("jobs", "client", "2026-01-01", 9)],
      "legacy client 0",
    ],
    [
      "the grouping with the most days",
      [...canonical.slice(1), ...slices("jobs", "client", "2026-11-01", 10)],
      "jobs client 0",
    ],
    [
      "the canonical grouping among equals",
      [...slices("jobs", "client", "2026-11-01", 10), ...canonical],
      "jobs client-uri-method 0",
    ],
    [
      "otherwise the fewest dimensions",
      [...slices("jobs", "client-platform", "2026-11-01", 10), ...slices("jobs", "client", "2026-11-01", 10)],
      "jobs client 0",
    ],
    [
      "days alone, not months",
      [
        ...slices("jobs", "client", "2026-11-01", 10, "month"),
        ...slices("legacy", "client", "2026-11-01", 1),
      ],
      "legacy client 9",
    ],
  ])("are %s", (_what, keys, expected) => {
    expect(chosen("busy-clients", keys)).toBe(expected);
    expect(chosen("busy-clients", keys.toReversed())).toBe(expected);
  });

  test("have every dimension that the question needs", () => {
    const keys = [...canonical, ...slices("jobs", "client-user", "2026-11-05", 2)];
    expect(chosen("busy-users", keys)).toBe("jobs client-user 8");
  });

  test("are those that were requested", () => {
    const keys = [...canonical, ...slices("legacy", "client", "2026-11-01", 10)];
    expect(chosen("busy-clients", keys, { service: "legacy" })).toBe("legacy client 0");
    expect(chosen("busy-clients", keys, { grouping: "client" })).toBe("legacy client 0");
  });

  test.each([
    [
      "busy-users",
      {},
      "The lake has jobs, client-uri-method: 10 days, 2026-11-01 to 2026-11-10. Run `gc-usage sync --group-by client,user,uri,method`",
    ],
    ["busy-clients", { service: "legacy" }, "Run `gc-usage sync --service legacy`"],
    ["busy-clients", { grouping: "client" }, "Run `gc-usage sync --group-by client`"],
  ])(
    "that are missing for %s with %j are reported, with the sync that fetches them",
    (question, wanted, hint) => {
      try {
        sourcesFor(get(question), canonical, wanted as Wanted);
        expect.unreachable();
      } catch (error) {
        if (!isGcUsageError(error)) throw error;
        expect(error.kind).toBe("lake");
        expect(error.hint).toContain(hint);
      }
    },
  );

  test("for a comparison have days of both periods, even if others have more of one", () => {
    const both = slices("legacy", "client", "2026-10-25", 10);
    const compared = (keys: SliceKey[]): string[] =>
      comparable(get("change"), sourcesFor(get("change"), keys), WINDOW).map(({ service }) => service);
    expect(compared([...canonical, ...both])).toEqual(["legacy"]);
    expect(() => compared([...canonical, ...slices("legacy", "client", "2026-10-20", 10)])).toThrow(
      "the lake has no day of 2026-10-22 to 2026-10-31 (jobs, client-uri-method).",
    );
    const noJobs = slices("legacy", "client", "2026-11-01", 10);
    expect(() => compared(noJobs)).toThrow(
      expect.objectContaining({
        kind: "lake",
        hint: "Run `gc-usage sync --from 2026-10-22 --to 2026-10-31 --service legacy --group-by client` first.",
      }),
    );
    expect(comparable(get("busy-clients"), [], WINDOW)).toEqual([]);
  });

  test("are described with their days", () => {
    expect(
      describeSeries({
        service: "jobs",
        granularity: "day",
        grouping: "client" as Grouping,
        weekStart: "monday",
        dates: ["2026-11-01" as Day],
      }),
    ).toBe("jobs, client: 1 day, 2026-11-01");
  });
});
