import { expect, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { parseDay } from "../../src/usage/day.ts";
import type { Counts } from "../../src/views/counts.ts";
import { Facts } from "../../src/views/facts.ts";
import { readCounts } from "../../src/views/read-counts.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const day = (text: string) => parseDay(text, "day");

const SERIES = {
  service: "jobs",
  granularity: "day",
  grouping: "client-uri-method",
  words: ["client", "endpoint", "method"],
} as const;

const rowOf = (at: number, i: number) => ({
  clientId: i % 5 === 4 ? null : `client-${i % 5}`,
  clientName: `Client ${i % 5}${at > 3 ? " (renamed)" : ""}`,
  templateUri: `/api/v2/${["users", "queues", 'it\'s, "quoted"'][i % 3]}`,
  httpMethod: i % 2 === 0 ? "GET" : "POST",
  status200: (i * 7919 + at) % 1000,
  status300: 0,
  status400: (i * 31) % 7,
  status500: i % 3,
  status429: (i * 31) % 3,
  requests: ((i * 7919 + at) % 1000) + ((i * 31) % 7) + (i % 3),
});

/** In a form that does not depend on the order of values with equal requests. */
function comparable({ values, rows, dates }: Counts) {
  return rows.date
    .map((date, i) => {
      const value = values[rows.value[i] ?? 0];
      return JSON.stringify([
        dates[date],
        value?.id,
        value?.name,
        ...Object.values(rows)
          .slice(2)
          .map((column) => column[i]),
      ]);
    })
    .sort();
}

test("counts from memory equal those of a statement, for every dimension and filter", async () => {
  const days = [1, 2, 3, 5, 6];
  const folder = await makeLake([
    ...days.map((at) =>
      slice(`2026-11-0${at}`, Array.from({ length: 40 }, (_, i) => rowOf(at, i)).slice(0, 5 + at * 5)),
    ),
    slice("2026-11-02", [{ clientId: "client-1", requests: 1_000_000 }], { grouping: "client" }),
  ]);
  await using lake = await openLake(folder);
  const facts = await Facts.read(lake, SERIES);
  expect(facts).toBeDefined();
  const asked = { service: "jobs", granularity: "day", groupBy: "client,uri,method" } as const;
  const filters = [
    {},
    { client: ["client-1"] },
    { client: ["client-1", "client-3"], method: ["POST"] },
    { endpoint: ['/api/v2/it\'s, "quoted"'] },
    { endpoint: ["/api/v2/users", "/api/v2/queues"], client: ["client-0"], method: ["GET"] },
  ];
  const spans = [
    { from: "2026-11-01", to: "2026-11-06" },
    { from: "2026-11-02", to: "2026-11-05" },
    { from: "2026-11-04", to: "2026-11-04" },
  ] as const;
  let compared = 0;
  for (const by of ["client", "endpoint", "method"] as const) {
    for (const span of spans) {
      for (const filter of filters) {
        const expected = await readCounts(lake, { by, ...asked, ...span, ...filter }).catch(() => undefined);
        // A filter whose value is not in the days is an error of the statement.
        if (expected === undefined) continue;
        compared++;
        const basis = { ...expected.basis, filters: [] };
        const found = facts?.counts(by, filter, basis);
        expect(withoutNames(found)).toEqual(withoutNames(expected));
        expect(found?.basis.filters.map(({ value }) => value).sort()).toEqual(
          Object.values(filter).flat().sort(),
        );
      }
    }
  }
  expect(compared).toBeGreaterThan(30);
});

/** A client that was renamed has its newest name in memory, and the newest of the days in a statement. */
function withoutNames(counts: Counts | undefined) {
  return counts && comparable({ ...counts, values: counts.values.map(({ id }) => ({ id, name: null })) });
}

test("a part of a name, and a dimension that the rows do not have, need a statement", async () => {
  await using lake = await openLake(await makeLake([slice("2026-11-01", [rowOf(1, 0)])]));
  const facts = await Facts.read(lake, SERIES);
  const span = { start: day("2026-11-01"), end: day("2026-11-01") };
  const { basis } = await readCounts(lake, { from: span.start, to: span.end });
  expect(facts?.counts("client", { client: ["Client 0"] }, basis)).toBeUndefined();
  expect(facts?.counts("user", {}, basis)).toBeUndefined();
  expect(facts?.counts("client", { user: ["someone"] }, basis)).toBeUndefined();
});

test("counts that are too large for memory need a statement", async () => {
  await using lake = await openLake(
    await makeLake([slice("2026-11-01", [{ ...rowOf(1, 0), requests: 5_000_000_000 }])]),
  );
  expect(await Facts.read(lake, SERIES)).toBeUndefined();
});

test("weeks that begin on a Sunday, and totals, are answered from memory like from a statement", async () => {
  const folder = await makeLake([
    ...["2026-10-04", "2026-10-11", "2026-10-18"].map((date, at) =>
      slice(date, [rowOf(at, 0), rowOf(at, 1)], { granularity: "week" }),
    ),
    slice("2026-09-01", [rowOf(1, 0), rowOf(1, 2)], {
      granularity: "total",
      known: { start: day("2026-09-01"), end: day("2026-09-20") },
    }),
  ]);
  await using lake = await openLake(folder);
  for (const [granularity, from, to] of [
    ["week", "2026-10-04", "2026-10-24"],
    ["total", "2026-09-01", "2026-09-20"],
  ] as const) {
    const facts = await Facts.read(lake, { ...SERIES, granularity });
    const asked = { service: "jobs", granularity, groupBy: "client,uri,method", from, to } as const;
    const expected = await readCounts(lake, asked);
    expect(expected.rows.date.length).toBeGreaterThan(0);
    const found = facts?.counts("client", {}, expected.basis);
    expect(found?.dates).toEqual(expected.dates);
    expect(withoutNames(found)).toEqual(withoutNames(expected));
  }
});
