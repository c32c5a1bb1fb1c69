import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const zeros = Object.fromEntries(METRICS.map((metric) => [metric, 0]));
const row = (date: string): object => ({ clientId: "c", ...zeros, requests: 1, date });

describe("status", () => {
  it("shows the state of each day: present, empty, missing, damaged, or still changing", async () => {
    const cwd = await workFolder();
    await writeFile(
      join(cwd, "a"),
      JSON.stringify([row("2021-01-30"), row("2021-02-02"), row("2021-02-04")]),
    );
    await writeFile(join(cwd, "b"), '{"results":[],"queryStatus":"Complete"}');
    const day = ["--granularity", "day"];
    await gcUsage(["load", "a", ...day], { cwd });
    await gcUsage(
      [
        "load",
        "b",
        ...day,
        "--service",
        "legacy",
        "--group-by",
        "client",
        "--interval",
        "2021-02-01/2021-02-01",
      ],
      { cwd },
    );
    await gcUsage(["load", "a", "--granularity", "day", "--group-by", "client,uri"], { cwd });
    await truncate(join(cwd, "usage-lake/usage/granularity=day/date=2021-02-04/legacy.client.parquet"), 20);
    const shown = await gcUsage(["status"], { cwd });
    expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^usage-lake: 7 slices, 5 rows, [\d.]+ kB\n/);
    expect(shown.stdout).toMatch(
      /\nlegacy day client {2}2021-01-30 to 2021-02-04, 2 rows, [\d.]+ (kB|bytes)\n {2}2 present, 1 empty, 2 missing, 1 damaged\n/,
    );
    expect(shown.stdout).toMatch(/\n {2}2021-01 {31}#\.\n {2}2021-02 {2}0#\.!\n/);
    expect(shown.stdout).toContain("\n  2021-02-04: it does not end like a Parquet file\n");
    const json = JSON.parse((await gcUsage(["status", "--json", "--settle", "400"], { cwd })).stdout) as {
      series: { grouping: string; periods: { date: string; state: string }[] }[];
    };
    expect(json.series.map(({ grouping }) => grouping)).toEqual(["client", "client-uri"]);
    expect(json.series[0]?.periods.map(({ date, state }) => ({ date, state }))).toEqual(
      [
        "01-30 present",
        "01-31 missing",
        "02-01 empty",
        "02-02 present",
        "02-03 missing",
        "02-04 damaged",
      ].map((text) => ({ date: `2021-${text.slice(0, 5)}`, state: text.slice(6) })),
    );
  });

  it("shows partial days like sync, also for missing metrics", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "a"), JSON.stringify([{ clientId: "c", requests: 1, date: "2021-02-04" }]));
    await gcUsage(["load", "a", "--granularity", "day"], { cwd });
    const shown = (await gcUsage(["status"], { cwd })).stdout;
    expect(shown).toContain("\n  1 partial\n");
    expect(shown).toContain(
      "\n  2021-02-04: status200, status300, status400, status500, status429 never requested\n",
    );
    const from = [
      "--from",
      "2021-02-04",
      "--to",
      "2021-02-04",
      "--service",
      "legacy",
      "--group-by",
      "client",
    ];
    expect((await gcUsage(["sync", ...from, "--dry-run"], { cwd })).stdout).toContain("1 partial");
  });

  it("distinguishes a partial month from one that may still change", async () => {
    const cwd = await workFolder();
    const [now, month] = [new Date(), "2021-02-01"];
    const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 0)).toISOString().slice(0, 10);
    for (const [name, date, interval] of [
      ["a", "2021-01-01", "2021-01/2021-02"],
      ["b", month, "2021-01/2021-02"],
      ["c", `${first.slice(0, 7)}-01`, `${first.slice(0, 7)}-01/${first}`],
    ] as const) {
      await writeFile(join(cwd, name), JSON.stringify([row(date)]));
      const ran = await gcUsage(["load", name, "--granularity", "month", "--interval", interval, "--force"], {
        cwd,
      });
      expect(ran.stderr).toMatch(/^Stored 1 row in \d slices? \(legacy, client, month\)/);
    }
    const json = JSON.parse((await gcUsage(["status", "--json", "--settle", "400"], { cwd })).stdout) as {
      series: { periods: { date: string; state: string }[] }[];
    };
    const periods = json.series[0]?.periods ?? [];
    expect(periods.find(({ date }) => date === month)?.state).toBe("partial");
    expect(periods.at(-1)?.state).toBe("changing");
    const { stdout } = await gcUsage(["status"], { cwd });
    expect(stdout).toMatch(/\n {2}2021 {2}.\/\.{10}\n/);
    expect(stdout).toContain("\n  2021-02-01: only 2021-02-01 requested\n");
    const unsettled = (await gcUsage(["status", "--settle", "400"], { cwd })).stdout;
    expect(unsettled).toMatch(
      /: fetched \d{4}-\d\d-\d\d \d\d:\d\d UTC, before it settled \(400 days after its end\)\n/,
    );
  });

  it("shows the lake's organization, and which days are covered and missing", async () => {
    const cwd = await workFolder();
    const organization = "11111111-2222-4333-8444-555555555555";
    await writeFile(join(cwd, "a"), JSON.stringify([row("2021-02-01"), row("2021-02-04")]));
    await gcUsage(["load", "a", "--granularity", "day", "--organization", organization], { cwd });
    const shown = await gcUsage(["status"], { cwd });
    expect(shown.stdout).toContain(`\nBelongs to the organization ${organization}\n`);
    expect(JSON.parse((await gcUsage(["status", "--json"], { cwd })).stdout)).toMatchObject({
      lake: "usage-lake",
      organization: { id: organization },
      source: null,
      series: [
        {
          service: "legacy",
          period: { from: "2021-02-01", to: "2021-02-04" },
          coverage: {
            complete: false,
            days: 4,
            daysCovered: 2,
            daysMissing: 2,
            missing: [{ from: "2021-02-02", to: "2021-02-03" }],
          },
          fetchedAt: { oldest: expect.any(String), newest: expect.any(String) },
          newestDay: "2021-02-04",
        },
      ],
    });
  });

  it("shows each of several organizations' lakes", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "a"), JSON.stringify([row("2021-02-01")]));
    for (const name of ["acme", "globex"])
      await gcUsage(["load", "a", "--granularity", "day", "--lake", `lakes/${name}`, "--force"], { cwd });
    const text = await gcUsage(["status", "--lake", "lakes"], { cwd });
    expect(text.stdout).toMatch(/^lakes\/acme: 1 slice[^]*\nlakes\/globex: 1 slice/);
    const json = await gcUsage(["status", "--lake", "lakes", "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({
      lake: "lakes",
      lakes: [{ name: "acme", lake: "lakes/acme", series: [{ slices: 1 }] }, { name: "globex" }],
    });
    const check = await gcUsage(["status", "--lake", "lakes", "--check", "--json"], { cwd });
    expect(check.exitCode).toBe(12);
    expect(check.stderr).toMatch(/"message":"acme: The lake has 1 of the [^]*1 more series is incomplete/);
    expect(check.stderr).toContain("--service legacy --group-by client --lake lakes/acme`");
  });

  it("--check fails if the lake is not complete up to yesterday, or older than --max-age", async () => {
    const cwd = await workFolder();
    const days = [3, 2, 1].map((back) => addDays(dayOf(Date.now()), -back));
    const load = async (...dates: string[]): Promise<void> => {
      await writeFile(join(cwd, "a"), JSON.stringify(dates.map(row)));
      const interval = ["--interval", `${dates[0]}/${dates.at(-1)}`, "--force"];
      expect(await gcUsage(["load", "a", "--granularity", "day", ...interval], { cwd })).toMatchObject({
        exitCode: 0,
      });
    };
    const check = (...more: string[]) => gcUsage(["status", "--check", ...more], { cwd });
    const [first = "", second = "", third = ""] = days;
    await load(first);
    const stale = await check();
    expect(stale.exitCode).toBe(12);
    expect(stale.stdout).toContain("usage-lake: 1 slice");
    expect(stale.stderr).toContain(
      `error: The lake has 1 of the 3 days from ${first} to ${third} (legacy, client, by day). Missing: ${second} to ${third}.`,
    );
    expect(stale.stderr).toContain(
      `\`gc-usage sync --from ${second} --to ${third} --service legacy --group-by client\``,
    );
    expect(await check("--max-age", "4d")).toMatchObject({ exitCode: 0, stderr: "" });
    const old = await check("--max-age", "12h");
    expect(old.exitCode).toBe(12);
    expect(old.stderr).toMatch(
      /The newest day is \S+, which ended \d+ (?:hours|days) ago, more than --max-age 12 hours/,
    );
    await load(third);
    const gap = await check("--max-age", "4d");
    expect(gap.exitCode).toBe(12);
    expect(gap.stderr).toContain(`Missing: ${second}.`);
    expect(await check("--service", "jobs")).toMatchObject({ exitCode: 12 });
    await load(second);
    expect(await check()).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await gcUsage(["status", "--max-age", "1d"], { cwd })).toMatchObject({ exitCode: 2 });
  });

  it("rejects a missing lake, and does not create it", async () => {
    const cwd = await workFolder();
    for (const command of [["status"], ["status", "--json"], ["sql", "SELECT 1"]]) {
      const ran = await gcUsage([...command, "--lake", "none/lake"], { cwd });
      expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
      expect(ran.stderr).toMatch(/No lake at none\/lake/);
    }
    expect(await tree(cwd)).toEqual({});
  });

  it("reports a lake without slices", async () => {
    const cwd = await workFolder();
    expect(await gcUsage(["status", "--lake", "."], { cwd })).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: ".: no slices yet. Fill it with gc-usage sync.\n",
    });
    expect(await tree(cwd)).toEqual({});
  });

  it.each([["-1"], ["x"], ["401"], ["1.5"]])("rejects --settle %s", async (days) => {
    const ran = await gcUsage(["status", `--settle=${days}`, "--lake", "."], { cwd: await workFolder() });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/Invalid --settle: ".*" \(expected a whole number from 0 to 400\)/);
  });
});
