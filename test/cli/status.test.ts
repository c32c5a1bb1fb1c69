import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { METRICS } from "../../src/usage/metric.ts";
import { gcUsage, workFolder } from "../helpers/cli.ts";
import { tree } from "../lake/helpers.ts";

const zeros = Object.fromEntries(METRICS.map((metric) => [metric, 0]));
const row = (date: string): object => ({ clientId: "c", ...zeros, requests: 1, date });

describe("status", () => {
  it("shows each day's state: there, empty, missing, damaged, or still changing", async () => {
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
    const json = JSON.parse((await gcUsage(["status", "--json", "--settle", "400"], { cwd })).stdout) as {
      series: { grouping: string; periods: unknown[] }[];
    };
    expect(json.series.map(({ grouping }) => grouping)).toEqual(["client", "client-uri"]);
    expect(json.series[0]?.periods).toEqual(
      [
        "01-30 present",
        "01-31 missing",
        "02-01 empty",
        "02-02 present",
        "02-03 missing",
        "02-04 damaged",
      ].map((one) => ({ date: `2021-${one.slice(0, 5)}`, state: one.slice(6) })),
    );
  });

  it("says known in part where sync would say so, also of metrics", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "a"), JSON.stringify([{ clientId: "c", requests: 1, date: "2021-02-04" }]));
    await gcUsage(["load", "a", "--granularity", "day"], { cwd });
    expect((await gcUsage(["status"], { cwd })).stdout).toContain("\n  1 partial\n");
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
    expect((await gcUsage(["sync", ...from, "--dry-run"], { cwd })).stdout).toContain("1 known in part");
  });

  it("tells a month that is known in part from one that may still change", async () => {
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
      expect(ran.stderr).toMatch(/^Landed 1 row in \d slices? \(legacy, client, month\)/);
    }
    const json = JSON.parse((await gcUsage(["status", "--json", "--settle", "400"], { cwd })).stdout) as {
      series: { periods: { date: string; state: string }[] }[];
    };
    const periods = json.series[0]?.periods ?? [];
    expect(periods.find(({ date }) => date === month)?.state).toBe("partial");
    expect(periods.at(-1)?.state).toBe("changing");
    expect((await gcUsage(["status"], { cwd })).stdout).toMatch(/\n {2}2021 {2}.\/\.{10}\n/);
  });

  it("refuses a lake that is not there, and makes none", async () => {
    const cwd = await workFolder();
    for (const command of [["status"], ["status", "--json"], ["sql", "SELECT 1"]]) {
      const ran = await gcUsage([...command, "--lake", "none/lake"], { cwd });
      expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
      expect(ran.stderr).toMatch(/There is no lake at none\/lake/);
    }
    expect(await tree(cwd)).toEqual({});
  });

  it("says so of a lake without slices", async () => {
    const cwd = await workFolder();
    expect(await gcUsage(["status", "--lake", "."], { cwd })).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: ".: no slices yet. Fill it with gc-usage sync.\n",
    });
    expect(await tree(cwd)).toEqual({});
  });

  it.each([["-1"], ["x"], ["401"], ["1.5"]])("refuses --settle %s", async (days) => {
    const ran = await gcUsage(["status", `--settle=${days}`, "--lake", "."], { cwd: await workFolder() });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/--settle: ".*" is no whole number from 0 to 400/);
  });
});
