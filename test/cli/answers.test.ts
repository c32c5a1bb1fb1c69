import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { list } from "../../src/questions/questions.ts";
import { addDays, type Day, dayOf, eachDay } from "../../src/usage/day.ts";
import type { Envelope } from "../../src/usage/envelope.ts";
import { periodStart } from "../../src/usage/period.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { addSource, damageSlice, makeLake, type SliceRows, slice, sliceKey } from "../helpers/lakes.ts";
import { readMetadata } from "../helpers/parquet.ts";

const TODAY = dayOf(Date.now());
const YESTERDAY = addDays(TODAY, -1);
const ago = (days: number): Day => addDays(TODAY, -days);

const ROW = { clientId: "a", clientName: "Alpha", templateUri: "/x", httpMethod: "GET" };
const COUNTS = { status200: 6n, status300: 0n, status400: 3n, status500: 1n, status429: 2n, requests: 10n };

/** Every day of a range except those left out, each with the same rows. */
function days(
  from: Day,
  to: Day,
  but: readonly Day[] = [],
  key: Parameters<typeof slice>[2] = {},
): SliceRows[] {
  return eachDay(from, to)
    .filter((day) => !but.includes(day))
    .map((day) => slice(day, [{ ...ROW, ...COUNTS }], key));
}

type Answer = Envelope & { readonly rows: Record<string, unknown>[] };

async function json(args: readonly string[]): Promise<Answer> {
  const { stdout, stderr, exitCode } = await gcUsage([...args, "--json"]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Answer;
}

const LOOKING_BACK = ["change", "new-clients", "silent-clients"];

describe.concurrent("a question about partly missing days", () => {
  test.each(LOOKING_BACK)("%s is rejected if days of the period before are missing", async (name) => {
    const lake = await makeLake(days(ago(14), YESTERDAY, [ago(13), ago(12), ago(9)]));
    const ran = await gcUsage(["ask", name, "--last", "7d", "--lake", lake]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain(
      `${name} compares ${ago(7)} to ${YESTERDAY} with ${ago(14)} to ${ago(8)}, but the lake has 11 of these 14 days ` +
        `(jobs, client-uri-method). Missing: ${ago(13)} to ${ago(12)}, ${ago(9)}.`,
    );
    expect(ran.stderr).toContain(
      `Run \`gc-usage sync --from ${ago(13)} --to ${ago(9)} --lake ${lake}\` first.`,
    );
    expect(ran.stderr).toContain("--allow-partial");
    const accepted = await gcUsage(["ask", name, "--last", "7d", "--lake", lake, "--allow-partial", "-q"]);
    expect(accepted).toMatchObject({ exitCode: 0 });
    expect(accepted.stderr).toContain("warning: ");
    expect(accepted.stderr).toContain("has 11 of these 14 days");
  });

  test.each([
    ["with one of 30 days missing", ["--last", "30d"], 29, 30],
    ["from and to named", ["--from", ago(12), "--to", ago(8)], 4, 5],
  ])("is rejected: %s", async (_what, period, has, of) => {
    const lake = await makeLake(days(ago(30), YESTERDAY, [ago(10)]));
    for (const question of ["noisy-clients", "requests-by-day", "busy-endpoints"]) {
      const ran = await gcUsage(["ask", question, ...period, "--lake", lake]);
      expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
      expect(ran.stderr).toContain(
        `the lake has ${has} of these ${of} days (jobs, client-uri-method). Missing: ${ago(10)}.`,
      );
      expect(ran.stderr).toContain(`gc-usage sync --from ${ago(10)} --to ${ago(10)} --lake`);
    }
  });

  test("is rejected only if a slice does not cover a metric that the question reads", async () => {
    const lake = await makeLake([
      ...days(ago(5), YESTERDAY, [ago(3)]),
      slice(ago(3), [{ ...ROW, requests: 5n }], { known: { metrics: ["requests"] } }),
    ]);
    const noisy = await gcUsage(["ask", "noisy-clients", "--last", "5d", "--lake", lake]);
    expect(noisy).toMatchObject({ exitCode: 9, stdout: "" });
    expect(noisy.stderr).toContain(
      `has 4 of these 5 days (jobs, client-uri-method). Without status429: ${ago(3)}.`,
    );
    const grown = await json(["ask", "change", "--from", ago(2), "--to", YESTERDAY, "--lake", lake]);
    expect(grown.coverage).toMatchObject({ complete: true, days: 4 });
  });

  test("warns if some rows have no value for a metric, and fails if it must be complete", async () => {
    const lake = await makeLake([
      ...days(ago(5), YESTERDAY, [ago(2)]),
      slice(ago(2), [
        { ...ROW, ...COUNTS },
        { ...ROW, templateUri: "/y", requests: 3n },
      ]),
    ]);
    const asked = ["ask", "noisy-clients", "--last", "5d", "--lake", lake, "-q", "--json"];
    const ran = await gcUsage(asked);
    expect(ran.stderr).toBe(`warning: Rows without status429, which totals leave out: ${ago(2)}.\n`);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      coverage: { complete: true, rowsLacking: [{ from: ago(2), to: ago(2), lacks: ["status429"] }] },
    });
    expect(await gcUsage([...asked, "--require-complete"])).toMatchObject({ exitCode: 12, stdout: "" });
  });

  test("is rejected with a hint if a slice cannot be read", async () => {
    const lake = await makeLake(days(ago(5), YESTERDAY));
    await damageSlice(lake, sliceKey(ago(2)));
    const ran = await gcUsage(["ask", "noisy-clients", "--last", "5d", "--lake", lake]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain(`Missing: ${ago(2)}. Stored, but unreadable: ${ago(2)}.`);
    expect(ran.stderr).toContain(`gc-usage sync --from ${ago(2)} --to ${ago(2)}`);
    const accepted = await json(["ask", "noisy-clients", "--last", "5d", "--lake", lake, "--allow-partial"]);
    expect(accepted).toMatchObject({
      coverage: { daysCovered: 4, unreadable: [{ from: ago(2), to: ago(2) }] },
      rows: [{ status429: 8 }],
    });
  });

  test("is rejected if a day was fetched before it was over", async () => {
    const lake = await makeLake([
      ...days(ago(5), YESTERDAY, [ago(2)]),
      slice(ago(2), [{ ...ROW, ...COUNTS }], { known: { fetchedAt: Date.parse(`${ago(2)}T12:00:00Z`) } }),
    ]);
    const ran = await gcUsage(["ask", "noisy-clients", "--last", "5d", "--lake", lake]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain(`Missing: ${ago(2)}.`);
  });

  test("does not suggest fetching future days, or days that the service no longer has", async () => {
    const lake = await makeLake(days(ago(5), YESTERDAY));
    const future = await gcUsage([
      "ask",
      "busy-clients",
      "--from",
      ago(5),
      "--to",
      addDays(TODAY, 3),
      "--lake",
      lake,
    ]);
    expect(future.exitCode).toBe(9);
    expect(future.stderr).toContain(`There is no data after ${YESTERDAY} yet.`);
    expect(future.stderr).not.toContain("gc-usage sync");
    const old = await gcUsage(["ask", "busy-clients", "--from", ago(700), "--to", YESTERDAY, "--lake", lake]);
    expect(old.stderr).toContain(`The jobs service has no data before ${ago(365)}.`);
    expect(old.stderr).toContain(`gc-usage sync --from ${ago(365)} --to ${ago(6)}`);
  });

  test("reports missing days as JSON with --json", async () => {
    const lake = await makeLake(days(ago(5), YESTERDAY, [ago(2)]));
    const ran = await gcUsage(["ask", "busy-clients", "--last", "5d", "--lake", lake, "--json"]);
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: {
        kind: "lake",
        exitCode: 9,
        coverage: { daysMissing: 1, missing: [{ from: ago(2), to: ago(2) }] },
      },
    });
  });

  test("still prints its statement", async () => {
    const lake = await makeLake(days(ago(5), YESTERDAY, [ago(2)]));
    const ran = await gcUsage(["ask", "busy-clients", "--last", "5d", "--lake", lake, "--print-sql"]);
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain("FROM usage");
  });
});

describe.concurrent("a question without a period", () => {
  test("covers the last 30 days that the lake has", async () => {
    const lake = await makeLake(days(ago(40), YESTERDAY));
    const { period, coverage } = await json(["ask", "noisy-clients", "--lake", lake]);
    expect({ period, days: coverage?.days }).toEqual({ period: { from: ago(30), to: YESTERDAY }, days: 30 });
  });

  test("covers the consecutive days of a new lake, and warns about it even with --quiet", async () => {
    const lake = await makeLake(days(ago(20), YESTERDAY, [ago(12)]));
    const ran = await gcUsage(["ask", "noisy-clients", "--lake", lake, "-q", "--json"]);
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ period: { from: ago(11), to: YESTERDAY } });
    expect(ran.stderr).toContain(
      "warning: The answer covers 11 days, because the lake has no more in a row.",
    );
  });

  test.each(LOOKING_BACK)("%s compares the two halves of a new lake", async (name) => {
    const lake = await makeLake(days(ago(11), YESTERDAY));
    const { period, comparedWith, coverage } = await json(["ask", name, "--lake", lake]);
    expect(period).toEqual({ from: ago(5), to: YESTERDAY });
    expect(comparedWith).toEqual({ from: ago(10), to: ago(6) });
    expect(coverage).toMatchObject({ complete: true, days: 10 });
  });

  test("cannot compare a single day", async () => {
    const lake = await makeLake(days(YESTERDAY, YESTERDAY));
    const ran = await gcUsage(["ask", "change", "--lake", lake]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("gc-usage sync --from");
  });

  test("skips an incomplete newest day, and reports that newer days can be fetched", async () => {
    const lake = await makeLake([
      ...days(ago(40), ago(2)),
      slice(YESTERDAY, [{ ...ROW, requests: 1n }], { known: { metrics: ["requests"] } }),
    ]);
    const ran = await gcUsage(["ask", "noisy-clients", "--lake", lake, "--json"]);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      period: { from: ago(31), to: ago(2) },
      newestDay: YESTERDAY,
    });
    expect(ran.stderr).toContain(`The lake's newest complete day is ${ago(2)}`);
  });

  test("ends on the day of --to", async () => {
    const lake = await makeLake(days(ago(40), YESTERDAY, [ago(15)]));
    const { period } = await json(["ask", "noisy-clients", "--to", ago(10), "--lake", lake]);
    expect(period).toEqual({ from: ago(14), to: ago(10) });
    const hole = await gcUsage(["ask", "noisy-clients", "--to", ago(15), "--lake", lake]);
    expect(hole).toMatchObject({ exitCode: 9, stdout: "" });
  });
});

describe.concurrent("a stale lake", () => {
  test("causes a warning even with --quiet, and can fail a script", async () => {
    const lake = await makeLake(days(ago(60), ago(10)));
    const asked = ["ask", "noisy-clients", "--last", "7d", "--lake", lake, "-q"];
    const ran = await gcUsage(asked);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toBe(
      `warning: The lake's newest day is ${ago(10)}. To fetch the days since then: gc-usage sync --lake ${lake}\n`,
    );
    for (const demand of [
      ["--max-age", "2d"],
      ["--require-complete"],
      ["--require-complete", "--allow-partial"],
    ]) {
      const failed = await gcUsage([...asked, ...demand]);
      expect(failed).toMatchObject({ exitCode: 12, stdout: "" });
      expect(failed.stderr).toContain("gc-usage sync");
    }
    expect((await gcUsage([...asked, "--max-age", "11d"])).exitCode).toBe(0);
    const named = await gcUsage([
      "ask",
      "noisy-clients",
      "--from",
      ago(20),
      "--to",
      ago(11),
      "--lake",
      lake,
      "-q",
    ]);
    expect(named).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("fails with --require-complete, which expects days up to yesterday", async () => {
    const lake = await makeLake(days(ago(29), YESTERDAY));
    const required = ["--require-complete", "--lake", lake];
    expect((await gcUsage(["ask", "busy-clients", "--last", "29d", ...required])).exitCode).toBe(0);
    const short = await gcUsage(["ask", "busy-clients", ...required, "--json"]);
    expect(short).toMatchObject({ exitCode: 12, stdout: "" });
    expect(JSON.parse(short.stderr)).toMatchObject({
      error: { kind: "incomplete", exitCode: 12, coverage: { daysMissing: 1 } },
    });
  });

  test("fails with --max-age if its age is unknown", async () => {
    const lake = await makeLake(days(ago(5), YESTERDAY));
    await damageSlice(lake, sliceKey(YESTERDAY));
    const asked = [
      "ask",
      "busy-clients",
      "--from",
      ago(5),
      "--to",
      ago(2),
      "--max-age",
      "2d",
      "--lake",
      lake,
    ];
    expect(await gcUsage(asked)).toMatchObject({ exitCode: 12, stdout: "" });
  });
});

describe.concurrent("machine-readable output describes the data behind it", () => {
  const FACTS = (lake: string): object => ({
    program: expect.stringMatching(/^gc-usage \d/) as string,
    lake,
    engine: "duckdb",
    question: "noisy-clients",
    basis: "question",
    period: { from: ago(4), to: YESTERDAY },
    comparedWith: null,
    service: "jobs",
    granularity: "day",
    grouping: "client-uri-method",
    coverage: {
      complete: false,
      days: 4,
      daysCovered: 2,
      daysPartial: 1,
      daysMissing: 1,
      missing: [{ from: ago(3), to: ago(3) }],
      partial: [{ from: ago(2), to: ago(2), lacks: ["status429"] }],
      unreadable: [],
      unsettled: [
        { from: ago(4), to: ago(4) },
        { from: ago(2), to: YESTERDAY },
      ],
    },
    fetchedAt: { oldest: `${ago(3)}T00:00:00.000Z`, newest: `${ago(0)}T01:00:00.000Z` },
    newestDay: YESTERDAY,
  });
  const gappy = (): Promise<string> =>
    makeLake([
      slice(ago(4), [{ ...ROW, ...COUNTS }], { known: { fetchedAt: Date.parse(ago(3)) } }),
      slice(ago(2), [{ ...ROW, requests: 1n }], {
        known: { metrics: ["requests"], fetchedAt: Date.parse(ago(1)) - 1 + 86_400_000 },
      }),
      slice(YESTERDAY, [{ ...ROW, ...COUNTS }], { known: { fetchedAt: Date.parse(TODAY) + 3_600_000 } }),
    ]);
  const ask = ["ask", "noisy-clients", "--last", "4d", "--allow-partial"];

  test("as JSON members next to the rows, also in a file", async () => {
    const lake = await gappy();
    const { rows, ...facts } = JSON.parse(
      (await gcUsage([...ask, "--lake", lake, "--json"])).stdout,
    ) as Answer;
    expect(facts).toMatchObject(FACTS(lake));
    expect(rows).toMatchObject([{ client_id: "a", status429: 4 }]);
    const folder = await workFolder();
    await gcUsage([...ask, "--lake", lake, "--out", "r.json"], { cwd: folder });
    expect(JSON.parse(readFileSync(join(folder, "r.json"), "utf8"))).toMatchObject({ ...FACTS(lake), rows });
  });

  test("on its own line in NDJSON and CSV with --envelope, and not at all without it", async () => {
    const lake = await gappy();
    const lines = async (...args: string[]): Promise<string[]> =>
      (await gcUsage([...ask, "--lake", lake, ...args])).stdout.trim().split(/\r?\n/);
    const bare = await lines("--output", "ndjson");
    const [head, ...rest] = await lines("--output", "ndjson", "--envelope");
    expect(JSON.parse(head ?? "")).toMatchObject({ gc_usage_answer: FACTS(lake) });
    expect(rest).toEqual(bare);
    const csv = await lines("--output", "csv");
    const [comment, ...csvRest] = await lines("--output", "csv", "--envelope");
    expect(comment?.slice(0, 18)).toBe("# gc_usage_answer:");
    expect(JSON.parse(comment?.slice(18) ?? "")).toMatchObject(FACTS(lake));
    expect(csvRest).toEqual(csv);
  });

  test("in the metadata of Parquet", async () => {
    const lake = await gappy();
    const folder = await workFolder();
    await gcUsage([...ask, "--lake", lake, "--out", "r.parquet"], { cwd: folder });
    const facts = await readMetadata(join(folder, "r.parquet"), "gc_usage_answer");
    expect(facts).toMatchObject(FACTS(lake));
  });

  test("for a statement, as the content of the tables that it names", async () => {
    const lake = await makeLake([
      ...days(ago(5), YESTERDAY, [ago(3)]),
      ...days(ago(2), YESTERDAY, [], { service: "legacy", grouping: "client" }),
    ]);
    const daily = await json(["sql", "SELECT sum(requests) AS n FROM daily", "--lake", lake]);
    expect(daily).toMatchObject({
      question: null,
      basis: "tables",
      tables: ["daily"],
      service: "jobs",
      grouping: "client-uri-method",
      granularity: "day",
      period: { from: ago(5), to: YESTERDAY },
      coverage: { complete: false, days: 5, daysMissing: 1, missing: [{ from: ago(3), to: ago(3) }] },
      fetchedAt: { oldest: expect.any(String) as string },
      rows: [{ n: 40 }],
    });
    const usage = await json(["sql", "SELECT count(*) AS n FROM usage", "--lake", lake]);
    expect(usage).toMatchObject({ service: null, period: null, coverage: null, tables: ["usage"] });
    expect(usage.series).toMatchObject([
      { service: "jobs", coverage: { daysMissing: 1 } },
      { service: "legacy", coverage: { complete: true, days: 2 } },
    ]);
    addSource(lake, "day", "x", '{"clientId":"c"}\n');
    const raw = await json(["sql", "SELECT count(*) AS n FROM gc_usage_api_source", "--lake", lake]);
    expect(raw).toMatchObject({
      coverage: null,
      fetchedAt: null,
      series: null,
      tables: ["gc_usage_api_source"],
    });
  });
});

describe.concurrent("a statement", () => {
  test("fails with --require-complete or --max-age if its tables have gaps, are old, or are unknown", async () => {
    const gaps = await makeLake(days(ago(9), ago(5), [ago(7)]));
    const whole = await makeLake(days(ago(9), ago(5)));
    const run = async (lake: string, table: string, ...demands: string[]) =>
      await gcUsage(["sql", `SELECT count(*) AS n FROM ${table}`, "--lake", lake, ...demands]);
    for (const table of ["daily", "usage"]) {
      const failed = await run(gaps, table, "--require-complete");
      expect(failed).toMatchObject({ exitCode: 12, stdout: "" });
      expect(failed.stderr).toContain(`Missing: ${ago(7)}.`);
      expect(failed.stderr).toContain(`gc-usage sync --from ${ago(7)} --to ${ago(7)} --lake ${gaps}`);
      expect((await run(whole, table, "--require-complete")).exitCode).toBe(0);
      expect((await run(whole, table, "--max-age", "2d")).exitCode).toBe(12);
      expect((await run(whole, table, "--max-age", "6d")).exitCode).toBe(0);
    }
    addSource(whole, "day", "x", '{"clientId":"c"}\n');
    expect((await run(whole, "gc_usage_api_source", "--require-complete")).exitCode).toBe(12);
    const other = await makeLake(days(ago(2), YESTERDAY, [], { service: "legacy" }));
    expect((await run(other, "daily", "--require-complete")).exitCode).toBe(12);
    expect((await run(other, "daily", "--max-age", "2d")).exitCode).toBe(12);
  });
});

describe.concurrent("a lake of months or weeks", () => {
  const months = ["2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01"].map((date, i) =>
    slice(date, [{ ...ROW, ...COUNTS, requests: BigInt(100 * (i + 1)) }], { granularity: "month" }),
  );

  test("is suggested to a question that reads days", async () => {
    const lake = await makeLake(months);
    const ran = await gcUsage(["ask", "noisy-clients", "--lake", lake]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("jobs, client-uri-method: 4 months, 2026-05-01 to 2026-08-01");
    expect(ran.stderr).toContain("Add --granularity month to read the months.");
  });

  test("answers every question that its grouping allows, by whole months", async () => {
    const lake = await makeLake(months);
    const by = ["--granularity", "month", "--lake", lake, "--from", "2026-07-10", "--to", "2026-08-05"];
    for (const { name } of list().filter(({ needs }) => !needs.includes("user"))) {
      const { period, coverage, granularity } = await json(["ask", name, ...by]);
      expect({ name, period, granularity, complete: coverage?.complete }).toEqual({
        name,
        period: { from: "2026-07-01", to: "2026-08-31" },
        granularity: "month",
        complete: true,
      });
    }
    const { rows } = await json(["ask", "requests-by-day", ...by]);
    expect(rows.map(({ month, requests }) => [month, requests])).toEqual([
      ["2026-07-01", 300],
      ["2026-08-01", 400],
    ]);
    const { rows: grown, comparedWith } = await json(["ask", "change", ...by]);
    expect(comparedWith).toEqual({ from: "2026-05-01", to: "2026-06-30" });
    expect(grown).toMatchObject([{ requests_before: 300, requests: 700 }]);
    const { rows: noisy } = await json(["ask", "noisy-clients", ...by]);
    expect(noisy).toMatchObject([{ limited_months: 2 }]);
  });

  test("is rejected if a month is incomplete", async () => {
    const lake = await makeLake([
      ...months.slice(0, 3),
      slice("2026-08-01", [{ ...ROW, ...COUNTS }], {
        granularity: "month",
        known: { start: "2026-08-01" as Day, end: "2026-08-20" as Day },
      }),
    ]);
    const by = ["--granularity", "month", "--lake", lake];
    const ran = await gcUsage(["ask", "noisy-clients", ...by, "--from", "2026-08-01", "--to", "2026-08-31"]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("Missing: 2026-08-21 to 2026-08-31.");
    expect(ran.stderr).toContain(
      "gc-usage sync --from 2026-08-21 --to 2026-08-31 --granularity month --lake",
    );
    const open = await gcUsage(["ask", "noisy-clients", ...by, "--json"]);
    expect(JSON.parse(open.stdout)).toMatchObject({ period: { from: "2026-05-01", to: "2026-07-31" } });
    expect(open.stderr).toContain("The lake's newest complete month ends on 2026-07-31");
  });

  test.each([
    ["Monday", "monday"],
    ["Sunday", "sunday"],
  ] as const)("reads weeks that start on %s", async (_what, weekStart) => {
    const last = addDays(periodStart("week", TODAY, weekStart), -7);
    const weeks = [0, 1, 2, 3].map((n) =>
      slice(addDays(last, -7 * n), [{ ...ROW, ...COUNTS }], { granularity: "week" }),
    );
    const lake = await makeLake(weeks);
    const { period, rows } = await json([
      "ask",
      "noisy-clients",
      "--granularity",
      "week",
      "--last",
      "2w",
      "--lake",
      lake,
    ]);
    expect(period).toEqual({ from: addDays(last, -7), to: addDays(last, 6) });
    expect(rows).toMatchObject([{ limited_weeks: 2, requests: 20 }]);
    const { comparedWith } = await json([
      "ask",
      "change",
      "--granularity",
      "week",
      "--lake",
      lake,
      "--last",
      "2w",
    ]);
    expect(comparedWith).toEqual({ from: addDays(last, -21), to: addDays(last, -8) });
  });

  test("is rejected with weeks of both kinds, which count the same days twice", async () => {
    const last = addDays(periodStart("week", TODAY, "monday"), -7);
    const lake = await makeLake(
      [last, addDays(last, -1), addDays(last, -7), addDays(last, -8)].map((date) =>
        slice(date, [{ ...ROW, ...COUNTS }], { granularity: "week" }),
      ),
    );
    const ran = await gcUsage([
      "ask",
      "noisy-clients",
      "--granularity",
      "week",
      "--last",
      "2w",
      "--lake",
      lake,
    ]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("count the same days twice");
  });
});
