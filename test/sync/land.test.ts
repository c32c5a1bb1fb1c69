import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lake } from "../../src/lake/lake.ts";
import {
  commitSlices,
  type LandContext,
  refusals,
  slicesOf,
  spoolRows,
  writeSlices,
} from "../../src/sync/land.ts";
import { RowSpool } from "../../src/sync/row-spool.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { periodStart, periodsOf } from "../../src/usage/period.ts";
import { MAX_COUNT } from "../../src/usage/row.ts";
import { readSlice, tempLake } from "../helpers/lakes.ts";
import { anyWeekStart } from "../usage/arbitraries.ts";

/** Nobody has taken over the work. */
const check = (): Promise<void> => Promise.resolve();

const CONTEXT: LandContext = {
  service: "legacy",
  granularity: "day",
  grouping: "client-uri" as Grouping,
  metrics: METRICS,
  span: { start: "2026-11-01" as Day, end: "2026-11-10" as Day },
  weekStart: "monday",
  fetchedAt: Date.UTC(2026, 10, 20),
  id: "execution-1",
  version: "0.0.0",
  origin: {},
  emptyPeriods: true,
};

let n = 0;

async function spool(lake: Lake, rows: readonly object[] | string, change: Partial<LandContext> = {}) {
  const folder = join(lake.store.staging, `test-${n++}`);
  await mkdir(folder, { recursive: true });
  const file = join(folder, "rows.ndjson");
  await writeFile(file, typeof rows === "string" ? rows : rows.map((row) => `${json(row)}\n`).join(""));
  const rowSpool = new RowSpool(folder);
  await spoolRows(file, rowSpool);
  return { folder, slices: slicesOf(rowSpool, { ...CONTEXT, ...change }) };
}

async function storeRows(lake: Lake, rows: readonly object[] | string, change: Partial<LandContext> = {}) {
  const { folder, slices } = await spool(lake, rows, change);
  return await commitSlices(lake, await writeSlices(lake, slices, folder), { force: false, check });
}

/** JSON with every digit of bigints. */
function json(value: object): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "bigint" ? `#${member}#` : member,
  ).replace(/"#(\d+)#"/g, "$1");
}

const row = (date: string, change: object = {}): object => ({
  clientId: "c1",
  clientName: "Nightly",
  organizationId: "",
  userId: "",
  templateUri: "/x",
  httpMethod: "",
  status200: 3,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
  requests: 3,
  date,
  ...change,
});

const count = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: MAX_COUNT }));
const anyRows = fc.array(
  fc.record({
    day: fc.nat({ max: 9 }),
    client: fc.constantFrom("a", "b", ""),
    name: fc.string({ unit: "grapheme" }),
    uri: fc.constantFrom("/x", "/y", ""),
    counts: fc.tuple(count, count, count, count, count, count),
  }),
  { maxLength: 40 },
);

describe("storing rows", () => {
  it("puts each row into exactly one slice, by its date, and preserves every sum", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRows,
        fc.constantFrom("day", "week", "month"),
        anyWeekStart,
        fc.boolean(),
        async (rows, granularity, weekStart, jobs) => {
          const { lake, folder } = await tempLake(`lake-${n++}`);
          const service = jobs ? "jobs" : "legacy";
          const expected = new Map<string, string[]>();
          const given = rows.map(({ day, client, name, uri, counts }) => {
            const date = periodStart(granularity, addDays(CONTEXT.span.start, day), weekStart);
            const metrics = Object.fromEntries(
              METRICS.map((metric, i) => [
                metric === "requests" && jobs ? "requestCount" : metric,
                counts[i],
              ]),
            );
            expected.set(date, [...(expected.get(date) ?? []), [client, name, uri, ...counts].join("|")]);
            return jobs
              ? { date, oauthClient: { id: client, name }, templateUri: uri, ...metrics }
              : {
                  date: `${date}T00:00:00Z`,
                  clientId: client,
                  clientName: name,
                  templateUri: uri,
                  ...metrics,
                };
          });
          const context = { service, granularity, weekStart } as const;
          const stored = await storeRows(lake, given, context);
          expect(stored.rows).toBe(rows.length);
          const periods = periodsOf(granularity, CONTEXT.span, weekStart);
          expect(stored.written.map(({ date }) => date)).toEqual(periods.map(({ date }) => date));
          for (const { date, covered } of periods) {
            const key = { service, granularity, grouping: CONTEXT.grouping, date } as const;
            const found = await readSlice(folder, key);
            const lines = found.map((held) =>
              [
                held["clientId"],
                held["clientName"],
                held["templateUri"],
                ...METRICS.map((metric) => held[metric]),
              ].join("|"),
            );
            expect(lines.sort()).toEqual((expected.get(date) ?? []).sort());
            const slice = await lake.slice(key);
            expect(slice?.provenance).toMatchObject({ ...covered, rows: found.length, id: "execution-1" });
          }
          await lake.close();
        },
      ),
      { numRuns: 8 },
    );
  });

  it('uses NULL for dimensions outside the grouping and metrics not requested, and "" for missing values in the grouping', async () => {
    const { lake, folder } = await tempLake();
    const rows = [{ requestCount: 5, date: "2026-11-01", oauthClient: { id: "c1", name: "N" } }];
    await storeRows(lake, rows, {
      service: "jobs",
      grouping: "client-user" as Grouping,
      metrics: ["status429", "requests"],
      emptyPeriods: false,
    });
    const key = {
      service: "jobs",
      granularity: "day",
      grouping: "client-user" as Grouping,
      date: "2026-11-01" as Day,
    } as const;
    expect(await readSlice(folder, key)).toEqual([
      {
        service: "jobs",
        grouping: "client-user",
        clientId: "c1",
        clientName: "N",
        organizationId: null,
        userId: "",
        templateUri: null,
        httpMethod: null,
        platform: null,
        status200: null,
        status300: null,
        status400: null,
        status500: null,
        status429: null,
        requests: 5n,
        extra: null,
      },
    ]);
  });

  it("keeps unknown fields as JSON", async () => {
    const { lake, folder } = await tempLake();
    await storeRows(
      lake,
      '{"clientId":"c1","templateUri":"/x","requests":1,"date":"2026-11-01","color":{"rgb":9007199254740993}}\n',
    );
    const key = { ...CONTEXT, date: "2026-11-01" as Day };
    expect((await readSlice(folder, key))[0]?.["extra"]).toBe('{"color":{"rgb":9007199254740993}}');
  });

  it("makes a slice without rows for a requested period, but not if it is unclear whether it was requested", async () => {
    const { lake } = await tempLake();
    const asked = await spool(lake, [row("2026-11-02")]);
    expect(asked.slices.map(({ provenance }) => provenance.rows)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const unknown = await spool(lake, [row("2026-11-02")], { emptyPeriods: false });
    expect(unknown.slices.map(({ key }) => key.date)).toEqual(["2026-11-02"]);
  });

  it("treats no day as available before the service could have had it", async () => {
    const { lake } = await tempLake();
    const { slices } = await spool(lake, [], { fetchedAt: Date.UTC(2026, 10, 4, 23) });
    expect(slices.map(({ key }) => key.date)).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
    await expect(spool(lake, [], { fetchedAt: Date.UTC(2026, 10, 1, 23) })).rejects.toThrow(
      "No data was available yet on 2026-11-01 for 2026-11-01",
    );
  });

  it("records which part of a month a row counts", async () => {
    const { lake } = await tempLake();
    const span = { start: "2026-10-10" as Day, end: "2026-11-01" as Day };
    const { slices } = await spool(lake, [row("2026-10-01"), row("2026-11-01")], {
      granularity: "month",
      span,
    });
    expect(slices.map(({ provenance: { start, end, rows } }) => [start, end, rows])).toEqual([
      ["2026-10-10", "2026-10-31", 1],
      ["2026-11-01", "2026-11-01", 1],
    ]);
  });

  it.each([
    [
      "of the other service",
      { requestCount: 1, date: "2026-11-01", platform: "x" },
      {},
      "it comes from the jobs service, not legacy",
    ],
    [
      "with a date in a total",
      row("2026-11-01"),
      { granularity: "total" },
      "it has the date 2026-11-01, but a total has no dates",
    ],
    ["without a date", row("", { date: null }), {}, "it has no date"],
    [
      "of a day within a month",
      row("2026-11-02"),
      { granularity: "month" },
      "2026-11-02 is not the first day of a month",
    ],
    [
      "of a Sunday where weeks begin on Monday",
      row("2026-11-08"),
      { granularity: "week" },
      "2026-11-08 is not the first day of a week",
    ],
    ["before the interval", row("2026-10-31"), {}, "its date 2026-10-31 is outside 2026-11-01/2026-11-10"],
    ["after the interval", row("2026-11-11"), {}, "its date 2026-11-11 is outside 2026-11-01/2026-11-10"],
    [
      "of a day that is not over",
      row("2026-11-05"),
      { fetchedAt: Date.UTC(2026, 10, 5, 12) },
      "its date 2026-11-05 is outside 2026-11-01/2026-11-04",
    ],
    [
      "of a finer grouping",
      row("2026-11-01", { userId: "u1" }),
      {},
      "it has a user, but the grouping is client-uri",
    ],
  ] as [string, object, Partial<LandContext>, string][])(
    "refuses a row %s, with its number",
    async (_what, bad, change, why) => {
      const { lake } = await tempLake();
      const dates = { total: undefined, month: "2026-11-01", week: "2026-11-02", day: "2026-11-01" };
      const good = row("", { date: dates[change.granularity ?? "day"] });
      await expect(spool(lake, [good, bad], change)).rejects.toMatchObject({
        kind: "input",
        message: `Row 2 does not match the query: ${why}.`,
      });
      expect(await lake.list()).toEqual([]);
    },
  );

  it("starts its spools over if a dead run left some", async () => {
    const { lake } = await tempLake();
    const { folder, slices } = await spool(lake, [row("2026-11-01"), row("2026-11-03")]);
    const rowSpool = new RowSpool(folder);
    await spoolRows(join(folder, "rows.ndjson"), rowSpool);
    const again = slicesOf(rowSpool, CONTEXT);
    expect(again).toEqual(slices);
    const stored = await commitSlices(lake, await writeSlices(lake, again, folder), { force: false, check });
    expect(stored).toMatchObject({ rows: 2, repeated: [] });
    // Nothing but the original rows is left of the spools.
    expect(await readdir(folder)).toEqual(["rows.ndjson"]);
  });

  it("reports rows that repeat others", async () => {
    const { lake } = await tempLake();
    const stored = await storeRows(lake, [
      row("2026-11-01"),
      row("2026-11-01", { status200: 4 }),
      row("2026-11-02"),
    ]);
    expect(stored.repeated.map(({ date }) => date)).toEqual(["2026-11-01"]);
  });

  it("keeps slices that cover more, with the reason", async () => {
    const { lake } = await tempLake();
    await storeRows(lake, [row("2026-11-01")]);
    const { folder, slices } = await spool(lake, [row("2026-11-01"), row("2026-11-02")], {
      metrics: ["status200"],
    });
    const found = await refusals(lake, slices);
    expect(found).toHaveLength(10);
    expect(found[0]?.why).toBe("it does not have status300, status400, status500, status429, requests");
    const written = await writeSlices(lake, slices, folder);
    expect(await commitSlices(lake, written, { force: false, check })).toMatchObject({
      rows: 0,
      written: [],
    });
    const earlier = await spool(lake, [row("2026-11-01")], { fetchedAt: CONTEXT.fetchedAt - 1 });
    const earlierWritten = await writeSlices(lake, earlier.slices, earlier.folder);
    expect(await commitSlices(lake, earlierWritten, { force: true, check })).toMatchObject({
      rows: 1,
      kept: [],
    });
  });

  it("stops between slices when the signal aborts", async () => {
    const { lake } = await tempLake();
    const { folder, slices } = await spool(lake, [row("2026-11-01")]);
    const stop = new AbortController();
    const onSlice = (): void => stop.abort(new Error("enough"));
    await expect(
      commitSlices(lake, await writeSlices(lake, slices, folder), {
        force: false,
        check,
        signal: stop.signal,
        onSlice,
      }),
    ).rejects.toThrow("enough");
    const stored = (await lake.list()).map(({ key }) => key.date);
    expect(stored).toContain("2026-11-01");
    expect(stored.length).toBeLessThanOrEqual(lake.store.writers);
    expect(slices.length).toBeGreaterThan(lake.store.writers);
  });
});
