import { afterAll, beforeAll, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { bind, daysRead, get, list } from "../../src/questions/questions.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { ORACLE, type OracleRow } from "./oracle.ts";

const START = "2026-09-01" as Day;
const GROUPING = "client-user-uri-method" as Grouping;
let lake: string;
let engine: DuckDbEngine;
let facts: OracleRow[];

/** Reproducible small whole numbers: mulberry32. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Forty days with ties, renamed and unnamed clients, built-in clients without an id, and clients that come and go. */
function generate(): OracleRow[] {
  const below = chance(7);
  const rows: OracleRow[] = [];
  for (let day = 0; day < 40; day++) {
    for (let n = 0; n < 25; n++) {
      const client = below(9);
      if ((client === 7 && day < 25) || (client === 8 && day >= 22)) continue;
      const status429 = below(3) === 0 && client < 5 ? BigInt(below(4)) : 0n;
      const status400 = status429 + (client === 6 ? 0n : BigInt(below(5)));
      const status200 = client === 3 ? 9_007_199_254_740_993n : BigInt(below(50));
      const status500 = BigInt(below(2) && client !== 6 ? 1 : 0);
      rows.push({
        day: addDays(START, day),
        clientId: client === 4 ? null : `client-${client}`,
        clientName:
          client === 5 || below(10) === 0 ? null : `Name ${client}${day > 30 ? " renamed" : ""}${below(2)}`,
        userId: below(3) === 0 ? null : `user-${below(6)}`,
        templateUri: `/api/v2/things/${below(4)}`,
        httpMethod: ["GET", "POST"][below(2)] ?? null,
        counts: {
          status200,
          status300: 0n,
          status400,
          status500,
          status429,
          requests: status200 + status400 + status500,
        },
      });
    }
  }
  // A client without requests is neither new nor silent.
  rows.push({
    ...(rows[0] as OracleRow),
    day: addDays(START, 38),
    clientId: "client-idle",
    counts: { status200: 0n, status300: 0n, status400: 0n, status500: 0n, status429: 0n, requests: 0n },
  });
  return rows;
}

beforeAll(async () => {
  facts = generate();
  const days = [...new Set(facts.map((row) => row.day))];
  const rowsOf = (day: string) =>
    facts.filter((row) => row.day === day).map(({ counts, ...row }) => ({ ...row, ...counts }));
  lake = await makeLake([
    ...days.map((day) => slice(day, rowsOf(day), { grouping: GROUPING })),
    // The same requests again, which must not be added up.
    ...days.map((day) => slice(day, rowsOf(day), { grouping: GROUPING, service: "legacy" })),
    ...days.map((day) =>
      slice(day, [{ clientId: "client-1", requests: 1_000_000n }], { grouping: "client" }),
    ),
    slice("2026-09-01", rowsOf("2026-09-01"), { grouping: GROUPING, granularity: "month" }),
  ]);
  engine = await openDuckDb(lake);
});

afterAll(async () => {
  await engine.close();
});

test.each(list().map((question) => question.name))(
  "%s returns the same as a simple calculation over the rows",
  async (name) => {
    const question = get(name);
    const oracle = ORACLE[name];
    if (!oracle) throw new Error(`${name} has no oracle`);
    for (const [start, end] of [
      ["2026-09-21", "2026-10-10"],
      ["2026-09-05", "2026-09-05"],
      ["2026-10-09", "2026-11-30"],
      ["2027-01-01", "2027-01-31"],
    ] as [Day, Day][]) {
      for (const top of [3, 1000]) {
        const params = question.params.some((param) => param.name === "top") ? { top } : {};
        const sql = bind(question, { start, end, service: "jobs", grouping: GROUPING, params });
        const rows = (await allRows(await engine.query(sql))).map((row) => [...row]);
        const window = {
          before: daysRead({ ...question, looksBack: true }, { start, end }).start,
          from: start,
          to: end,
        };
        // The limit of a trend is for each day: its place there is the last value of a row.
        const expected =
          name === "trend"
            ? oracle(facts, window).flatMap((row) => (Number(row.at(-1)) < top ? [row.slice(0, -1)] : []))
            : oracle(facts, window).slice(0, "top" in params ? top : undefined);
        expect(rows).toEqual(expected.map((row) => row.map(asPrinted)));
      }
    }
  },
);

function asPrinted(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)
    ? value
    : Number(value);
}
