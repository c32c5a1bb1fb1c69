import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { writeNewerSlice } from "../helpers/lakes.ts";
import { hasTerminal, onTerminal } from "../helpers/terminal.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const BEFORE = addDays(YESTERDAY, -1);
const OLD = "2021-02-10";
const zeros = Object.fromEntries(METRICS.map((metric) => [metric, 0]));

let sandbox: Sandbox;
/** Two days of jobs by method with their raw rows, one day and one month of 2021 by client. */
let filled: string;

const slice = (date: string, name = "jobs.method", granularity = "day"): string =>
  `usage/granularity=${granularity}/date=${date}/${name}.parquet`;
const raw = (date: string): string => `gc_usage_api_source/granularity=day/jobs.method.${date}.json`;
const MONTH = slice("2021-02-01", "legacy.client", "month");
const DAY = slice(OLD, "legacy.client");

beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1 });
  filled = await workFolder();
  const row = { clientId: "c", ...zeros, requests: 1 };
  await writeFile(join(filled, "day.json"), JSON.stringify([{ ...row, date: OLD }]));
  await writeFile(join(filled, "month.json"), JSON.stringify([{ ...row, requests: 9, date: "2021-02-01" }]));
  for (const args of [
    ["sync", "--group-by", "method", "--last", "2d", "--keep-source"],
    ["load", "day.json", "--granularity", "day"],
    ["load", "month.json", "--granularity", "month", "--interval", "2021-02/2021-02"],
  ]) {
    const ran = await gcUsage(args, { cwd: filled, env: sandbox.env });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
  }
});
afterAll(() => sandbox.close());

const remove = (cwd: string, ...args: string[]): Promise<Ran> => gcUsage(["remove", ...args], { cwd });
/** The paths of the lake's data. */
async function dataOf(cwd: string): Promise<string[]> {
  const names = Object.keys(await tree(join(cwd, "usage-lake")));
  return names.filter((name) => /^(usage|gc_).*[^/]$/.test(name)).sort();
}

describe.concurrent("remove", () => {
  it("shows what it would remove, and removes nothing without --yes or a terminal", async () => {
    const cwd = await workFolder(filled);
    const all = await dataOf(cwd);
    const range = ["--from", BEFORE];
    const shown = await remove(cwd, ...range, "--dry-run");
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/^Would remove from usage-lake: 2 slices, [\d,]+ rows, [\d.]+ kB\n/);
    expect(shown.stdout).toMatch(
      new RegExp(`\n  jobs day method  ${BEFORE} to ${YESTERDAY}: 2 slices, [\\d,]+ rows, [\\d.]+ kB\n`),
    );
    expect(shown.stdout).toMatch(/\n {2}and the raw rows stored with them: 2 files, [\d.]+ kB\n$/);
    const unasked = await remove(cwd, ...range, "-q");
    expect(unasked).toMatchObject({ exitCode: 8, stdout: "" });
    expect(unasked.stderr).toMatch(
      /^To be removed from usage-lake: 2 slices[^]*Nothing was removed[^]*--yes/,
    );
    expect(await dataOf(cwd)).toEqual(all);
  });

  it("removes a range with its raw rows, and folders that are empty then", async () => {
    const cwd = await workFolder(filled);
    const ran = await remove(cwd, "--last", "1d", "--yes", "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      lake: "usage-lake",
      dryRun: false,
      slices: 1,
      rawFiles: 1,
      objects: [{ path: slice(YESTERDAY), state: "readable", source: raw(YESTERDAY) }],
    });
    const kept = Object.keys(await tree(join(cwd, "usage-lake")));
    expect(kept).not.toContain(`usage/granularity=day/date=${YESTERDAY}/`);
    // The raw rows of loaded results are kept.
    expect(await dataOf(cwd)).toEqual(expect.arrayContaining([slice(BEFORE), raw(BEFORE), DAY, MONTH]));
    expect((await dataOf(cwd)).filter((path) => path.includes(YESTERDAY))).toEqual([]);
    const again = await remove(cwd, "--last", "1d", "--yes");
    expect(again).toMatchObject({ exitCode: 0, stdout: "" });
    expect(again.stderr).toMatch(/Nothing to remove[^]*The lake contains jobs, method: 1 day/);
  });

  it("removes a series, and keeps a month that is only partly in the range", async () => {
    const cwd = await workFolder(filled);
    const part = await remove(cwd, "--service", "legacy", "--to", OLD, "--yes");
    expect(part.exitCode).toBe(0);
    expect(part.stderr).toContain(`only partly in the range: 1 slice, for example ${MONTH}.`);
    expect(await dataOf(cwd)).not.toContain(DAY);
    expect(await dataOf(cwd)).toContain(MONTH);
    const whole = await remove(cwd, "--granularity", "month", "--group-by", "client", "--yes");
    expect(whole.stderr).toContain("Removed 1 slice from usage-lake.");
    expect(await dataOf(cwd)).not.toContain(MONTH);
    expect(await dataOf(cwd)).toContain(slice(BEFORE));
  });

  it("removes damaged slices and raw rows without a slice, but no other files", async () => {
    const cwd = await workFolder(filled);
    const lake = join(cwd, "usage-lake");
    await truncate(join(lake, slice(BEFORE)), 20);
    await truncate(join(lake, DAY), 0);
    const note = join(lake, dirname(slice(BEFORE)), "notes.txt");
    await writeFile(note, "mine");
    await writeFile(join(lake, raw(OLD)), "");
    const ran = await remove(cwd, "--granularity", "day", "--to", BEFORE, "--yes");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("(1 damaged)");
    const left = await dataOf(cwd);
    expect(left).toContain(slice(BEFORE).replace("jobs.method.parquet", "notes.txt"));
    expect(left.filter((path) => [slice(BEFORE), raw(BEFORE), DAY, raw(OLD)].includes(path))).toEqual([]);
  });

  it("rejects slices of a newer version unless forced", async () => {
    const cwd = await workFolder(filled);
    await writeNewerSlice(join(cwd, "usage-lake", slice(YESTERDAY)), YESTERDAY);
    const before = await dataOf(cwd);
    const range = ["--from", BEFORE];
    const refused = await remove(cwd, ...range, "--yes");
    expect(refused.exitCode).toBe(8);
    expect(refused.stderr).toMatch(/Nothing was removed: 1 slice written by gc-usage 9\.1\.0[^]*add --force/);
    expect(await dataOf(cwd)).toEqual(before);
    const { stdout, stderr } = await remove(cwd, ...range, "--dry-run", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ dryRun: true, slices: 2 });
    expect(stderr).toContain("warning: 1 slice written by gc-usage 9.1.0");
    expect(await remove(cwd, ...range, "--yes", "--force")).toMatchObject({ exitCode: 0 });
    expect((await dataOf(cwd)).filter((path) => path.startsWith("usage/"))).toHaveLength(2);
  });

  it("stops at a link to outside the lake, before anything is removed", async () => {
    const cwd = await workFolder(filled);
    const outside = join(cwd, "outside");
    await mkdir(outside);
    await symlink(outside, join(cwd, "usage-lake/usage/granularity=week"));
    const before = await dataOf(cwd);
    const ran = await remove(cwd, "--from", BEFORE, "--yes");
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("usage/granularity=week in the lake is a link");
    expect(await dataOf(cwd)).toEqual(before);
  });

  it.each([
    [[], /No slices are selected[^]*--from/],
    [["--from", "2026-11-02", "--to", "2026-11-01"], /--from 2026-11-02 is after --to 2026-11-01/],
    [["--from", "soon"], /--from: "soon" is not a day/],
    [["--last", "7d", "--from", "2026-11-01"], /--last and --from both/],
    [["--last-week", "--month", "2026-10"], /--last-week and --month both/],
    [["--last-month", "--to", "2026-10-10"], /--last-month and --to both/],
    [["--month", "2026-13"], /Invalid --month: "2026-13"/],
    [["--from", "2026-11-01", "--week-start", "sunday"], /--week-start only decides/],
    [["--group-by", "color"], /Unknown grouping "color"/],
  ])("refuses %j", async (args, message) => {
    const ran = await remove(filled, ...args, "--yes");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
  });

  it.runIf(hasTerminal())("asks on a terminal, and accepts only yes", async () => {
    const cwd = await workFolder(filled);
    const args = ["remove", "--last", "1d"];
    const after = /Remove them\? \[y\/N\] /;
    const no = await onTerminal(args, { cwd, keys: [{ after, type: "\r" }] });
    expect(no).toMatchObject({ exitCode: 0 });
    expect(no.shown).toContain("Nothing was removed.");
    expect(await dataOf(cwd)).toContain(slice(YESTERDAY));
    const yes = await onTerminal(args, { cwd, keys: [{ after, type: "y\r" }] });
    expect(yes.shown).toContain("Removed 1 slice");
    expect(await dataOf(cwd)).not.toContain(slice(YESTERDAY));
  });
});
