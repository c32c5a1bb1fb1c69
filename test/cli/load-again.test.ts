import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const row = (date: string, change: object = {}): Record<string, unknown> => ({
  clientId: "c1",
  clientName: "Nightly",
  organizationId: "",
  userId: "",
  templateUri: "",
  httpMethod: "",
  status200: 3,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
  requests: 3,
  date: `${date}T00:00:00Z`,
  ...change,
});

async function folderWith(files: Readonly<Record<string, unknown>>): Promise<string> {
  const cwd = await workFolder();
  for (const [name, content] of Object.entries(files))
    await writeFile(join(cwd, name), typeof content === "string" ? content : JSON.stringify(content));
  return cwd;
}

const lakeTree = async (cwd: string): Promise<Record<string, string>> => await tree(join(cwd, "usage-lake"));

/** Granularities and rows' dates: the flags, whether load rejects them, and the hint or warning. */
const DATES: [what: string, dates: string[], flags: string[], exitCode: number, says: RegExp | undefined][] =
  [
    [
      "three months as days",
      ["2021-01-01", "2021-02-01", "2021-03-01"],
      ["day"],
      8,
      /^error: in has 3 dates, each the first of a month.*\nUse --granularity month, or --force/,
    ],
    [
      "two months as days",
      ["2021-01-01", "2021-02-01"],
      ["day"],
      8,
      /looks like an answer by month, not by day/,
    ],
    [
      "one month as a day",
      ["2021-02-01"],
      ["day"],
      0,
      /^warning: 2021-02-01 is the first day of a month\. If the query used --granularity month, pass --granularity month instead\./,
    ],
    [
      "one month as a day, with the month's interval",
      ["2021-02-01"],
      ["day", "--interval", "2021-02-01/2021-02-28"],
      8,
      /by month/,
    ],
    [
      "two months as days, with their interval",
      ["2021-01-01", "2021-02-01"],
      ["day", "--interval", "2021-01/2021-02"],
      8,
      /by month/,
    ],
    [
      "one month as a week",
      ["2021-02-01"],
      ["week", "--interval", "2021-02-01/2021-02-28"],
      8,
      /by month, not by week/,
    ],
    [
      "Mondays as days",
      ["2021-01-04", "2021-01-11"],
      ["day"],
      8,
      /by week, not by day\.\nUse --granularity week, or/,
    ],
    [
      "Sundays as days",
      ["2021-01-03", "2021-01-10"],
      ["day"],
      8,
      /\nUse --granularity week --week-start sunday, or/,
    ],
    [
      "one Monday as a day",
      ["2021-01-04"],
      ["day"],
      0,
      /^warning: 2021-01-04 is the first day of a week\. If the query used --granularity week, pass --granularity week instead\./,
    ],
    [
      "a single day whose interval says so",
      ["2021-02-01"],
      ["day", "--interval", "2021-02-01/2021-02-01"],
      0,
      undefined,
    ],
    [
      "two days, one without requests",
      ["2021-02-01"],
      ["day", "--interval", "2021-02-01/2021-02-02"],
      0,
      undefined,
    ],
    ["days", ["2021-02-01", "2021-02-02"], ["day"], 0, undefined],
    [
      "months as weeks",
      ["2021-01-01", "2021-02-01"],
      ["week", "--interval", "2021-01/2021-02"],
      2,
      /\nPass the granularity of the query: --granularity month\./,
    ],
    [
      "Sundays as weeks from Monday on",
      ["2021-01-03", "2021-01-10"],
      ["week", "--interval", "2021-01-03/2021-01-16"],
      2,
      /: --granularity week --week-start sunday\./,
    ],
    [
      "Mondays as months",
      ["2021-01-04", "2021-01-11"],
      ["month", "--interval", "2021-01/2021-02"],
      2,
      /: --granularity week\./,
    ],
    [
      "one Monday as a month",
      ["2021-01-04"],
      ["month", "--interval", "2021-01/2021-02"],
      2,
      /: --granularity day, or --granularity week\./,
    ],
    [
      "days as months",
      ["2021-01-05", "2021-01-12"],
      ["month", "--interval", "2021-01/2021-02"],
      2,
      /: --granularity day\./,
    ],
  ];

describe.concurrent("load recognizes months and weeks by their dates", () => {
  it.each(DATES)("%s", async (_what, dates, flags, exitCode, says) => {
    const cwd = await folderWith({ in: dates.map((date) => row(date)) });
    const ran = await gcUsage(["load", "in", "--granularity", ...flags], { cwd });
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toMatchObject({ exitCode });
    if (says === undefined) expect(ran.stderr).not.toMatch(/warning|error/);
    else expect(ran.stderr).toMatch(says);
    if (exitCode !== 0) {
      expect(await lakeTree(cwd)).toEqual({});
      if (exitCode === 8)
        expect((await gcUsage(["load", "in", "--granularity", ...flags, "--force"], { cwd })).exitCode).toBe(
          0,
        );
    }
  });

  it("accepts the first of a month and a Monday if they continue a series of days", async () => {
    const cwd = await folderWith({
      before: [row("2021-01-30"), row("2021-01-31")],
      first: [row("2021-02-01", { requests: 4 })],
      monday: [row("2021-02-08"), row("2021-02-15")],
      around: [row("2021-02-07"), row("2021-02-16")],
    });
    for (const file of ["before", "first", "around", "monday"]) {
      const ran = await gcUsage(["load", file, "--granularity", "day"], { cwd });
      expect({ file, ...ran }).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).not.toContain("warning");
    }
  });

  it("treats a first of a month or a Monday as a month or week if the lake has its neighbors", async () => {
    const cwd = await folderWith({
      month: [row("2021-01-01")],
      week: [row("2021-02-08", { requests: 5 })],
      asMonth: [row("2021-02-01", { requests: 4 })],
      asWeek: [row("2021-02-15", { requests: 6 })],
    });
    const interval = (span: string): string[] => ["--interval", span];
    for (const [file, granularity, span] of [
      ["month", "month", "2021-01/2021-01"],
      ["week", "week", "2021-02-08/2021-02-14"],
    ] as const) {
      const ran = await gcUsage(["load", file, "--granularity", granularity, ...interval(span)], { cwd });
      expect({ file, ...ran }).toMatchObject({ exitCode: 0 });
    }
    for (const [file, granularity] of [
      ["asMonth", "month"],
      ["asWeek", "week"],
    ] as const) {
      const ran = await gcUsage(["load", file, "--granularity", "day"], { cwd });
      expect(ran.exitCode).toBe(8);
      expect(ran.stderr).toContain(
        `error: ${file} has 1 date, the first of a ${granularity}: the lake has the ${granularity}s next to it.\nUse --granularity ${granularity}. If it is that single day, add --interval`,
      );
    }
  });

  it("rejects the same rows under another granularity, even if only their slice exists", async () => {
    const month = [row("2021-02-01"), row("2021-02-01", { clientId: "c2" })];
    const cwd = await folderWith({ in: month, other: [...month].reverse() });
    const asMonth = ["--granularity", "month", "--interval", "2021-02-01/2021-02-28"];
    expect((await gcUsage(["load", "in", ...asMonth], { cwd })).exitCode).toBe(0);
    const before = await lakeTree(cwd);
    for (const file of ["in", "other"]) {
      const asDay = ["load", file, "--granularity", "day", "--interval", "2021-02-01/2021-02-01"];
      const ran = await gcUsage(asDay, { cwd });
      expect(ran).toMatchObject({ exitCode: 8, stdout: "" });
      expect(ran.stderr).toMatch(
        /^error: The same rows are already stored as month: usage\/granularity=month\/date=2021-02-01\/legacy\.client\.parquet\. Nothing was written\./,
      );
    }
    expect(await lakeTree(cwd)).toEqual(before);
  });
});

describe.concurrent("the same rows again", () => {
  const ROWS = [
    row("2021-01-12"),
    row("2021-01-12", { clientId: "c2", requests: 2 ** 53 }),
    row("2021-01-13"),
  ];
  const DAY = ["--granularity", "day"];

  it.each([
    ["later", Date.now()],
    ["long ago", Date.UTC(2022, 0, 1)],
    ["before the days of its rows", 0],
    ["in the future", Date.now() + 400 * 86_400_000],
  ])("are already stored, even if their file was written %s", async (_when, time) => {
    const cwd = await folderWith({ in: ROWS });
    expect((await gcUsage(["load", "in", ...DAY], { cwd })).exitCode).toBe(0);
    const before = await lakeTree(cwd);
    await utimes(join(cwd, "in"), time / 1000, time / 1000);
    const again = await gcUsage(["load", "in", ...DAY], { cwd });
    expect(again).toMatchObject({ exitCode: 0, stdout: "" });
    // A file from the future causes a warning first.
    expect(again.stderr.split("\n").slice(-2)).toEqual([
      "Already stored: the same rows are in usage-lake (legacy, client, day). Nothing was written.",
      "",
    ]);
    const json = await gcUsage(["load", "in", ...DAY, "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: "there", written: [], rows: 0 });
    expect(await lakeTree(cwd)).toEqual(before);
  });

  it.each([
    ["in another order", [...ROWS].reverse()],
    ["indented, as an answer", JSON.stringify({ results: ROWS, queryStatus: "Complete" }, null, 2)],
    [
      "with their members in a different order",
      ROWS.map((row) => Object.fromEntries(Object.entries(row).reverse())),
    ],
    ["one per line", ROWS.map((row) => JSON.stringify(row)).join("\n")],
  ])("are already stored %s, even under another id", async (_how, content) => {
    const cwd = await folderWith({ in: ROWS, again: content });
    expect((await gcUsage(["load", "in", ...DAY], { cwd })).exitCode).toBe(0);
    const before = await lakeTree(cwd);
    const again = await gcUsage(["load", "again", ...DAY, "--id", "another", "--json"], { cwd });
    expect(again).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: "there" });
    expect(await lakeTree(cwd)).toEqual(before);
    const uploaded = await gcUsage(["upload", "again", ...DAY, "--id", "third", "--json"], { cwd });
    expect(JSON.parse(uploaded.stdout)).toMatchObject({ outcome: "there" });
    expect(await lakeTree(cwd)).toEqual(before);
  });

  it("with a different count are not the same", async () => {
    const cwd = await folderWith({
      in: ROWS,
      other: [...ROWS.slice(0, 2), row("2021-01-13", { requests: 4 })],
    });
    await gcUsage(["load", "in", ...DAY], { cwd });
    const other = await gcUsage(["load", "other", ...DAY, "--json"], { cwd });
    expect(JSON.parse(other.stdout)).toMatchObject({
      outcome: "written",
      written: ["usage/granularity=day/date=2021-01-13/legacy.client.parquet"],
      kept: [{ why: "the same rows are already stored" }],
    });
  });

  it("are uploaded only once, whatever the granularity", async () => {
    const cwd = await folderWith({ in: [row("2021-01-01"), row("2021-02-01")] });
    expect((await gcUsage(["upload", "in", "--granularity", "month"], { cwd })).exitCode).toBe(0);
    const before = await lakeTree(cwd);
    const asDay = await gcUsage(["upload", "in", ...DAY], { cwd });
    expect(asDay).toMatchObject({ exitCode: 8, stdout: "" });
    expect(await lakeTree(cwd)).toEqual(before);
    const again = await gcUsage(["upload", "in", "--granularity", "month"], { cwd });
    expect(again.stderr).toContain("Already uploaded: the same 2 rows are in");
  });
});
