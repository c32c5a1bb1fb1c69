import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { writeNewerSlice } from "../helpers/lakes.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const BEFORE = addDays(YESTERDAY, -1);
const ALL = ["--lake", "lake"];
const SYNC = ["sync", "--from", BEFORE, "--to", YESTERDAY, "--group-by", "client", "--recheck", "0", ...ALL];
const PATH = `usage/granularity=day/date=${YESTERDAY}/jobs.client.parquet`;

let sandbox: Sandbox;
let sound: string;
beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1 });
  sound = await workFolder();
  expect(await gcUsage(SYNC, { cwd: sound, env: sandbox.env })).toMatchObject({ exitCode: 0 });
});
afterAll(() => sandbox.close());

/** A lake of two days; a later version wrote yesterday's slice. */
async function lakeWithNewer(change: Record<string, unknown> = {}): Promise<string> {
  const cwd = await workFolder(sound);
  await writeNewerSlice(join(cwd, "lake", PATH), YESTERDAY, change);
  return cwd;
}

const CHANGES: [what: string, change: Record<string, unknown>][] = [
  ["is understood", {}],
  ["is not understood", { metrics: { all: true }, end: null }],
  ["has an unknown metric, but no new format", { format: 2 }],
];

describe.each(CHANGES)("a slice of a later version whose metadata %s", (_what, change) => {
  it("is read", async () => {
    const cwd = await lakeWithNewer(change);
    const sql = `SELECT sum(requests) AS n FROM usage WHERE date = DATE '${YESTERDAY}'`;
    const ran = await gcUsage(["sql", sql, "--output", "csv", ...ALL], { cwd });
    expect(ran).toMatchObject({ exitCode: 0, stdout: "n\r\n41\r\n" });
    const both = await gcUsage(
      ["sql", "SELECT count(DISTINCT date) AS n FROM usage", "--output", "csv", ...ALL],
      {
        cwd,
      },
    );
    expect(both.stdout).toBe("n\r\n2\r\n");
  });

  it("is reported by status", async () => {
    const cwd = await lakeWithNewer(change);
    const text = await gcUsage(["status", ...ALL], { cwd });
    expect(text).toMatchObject({ exitCode: 0 });
    expect(text.stdout).toContain("1 newer");
    expect(text.stdout).not.toContain("1 damaged");
    const { stdout } = await gcUsage(["status", "--json", ...ALL], { cwd });
    const { series } = JSON.parse(stdout) as { series: { periods: { date: string; state: string }[] }[] };
    expect(series[0]?.periods.at(-1)).toMatchObject({ date: YESTERDAY, state: "newer" });
  });

  it("is never replaced, not even with --force, and a warning says so", async () => {
    const cwd = await lakeWithNewer(change);
    const before = await readFile(join(cwd, "lake", PATH));
    const synced = await gcUsage(SYNC, { cwd, env: sandbox.env });
    expect(synced.exitCode).toBe(0);
    expect(synced.stderr).toMatch(/warning: 1 slice written by gc-usage 9\.1\.0[^]*Upgrade gc-usage/);
    const answer = join(cwd, "answer.json");
    const row = { date: YESTERDAY, requestCount: 1, oauthClient: { id: "c", name: "Name" } };
    await writeFile(answer, JSON.stringify([row]));
    const load = ["load", answer, "--granularity", "day", ...ALL];
    for (const args of [load, [...load, "--force"]]) {
      const loaded = await gcUsage(args, { cwd });
      expect(loaded.exitCode).toBe(8);
      expect(loaded.stderr).toMatch(/gc-usage 9\.1\.0[^]*Upgrade gc-usage/);
    }
    const copied = await gcUsage(["copy", join(sound, "lake"), "lake", "--force"], { cwd });
    expect(copied.exitCode).toBe(0);
    expect(copied.stderr).toMatch(/Not copied: usage\/[^]*gc-usage 9\.1\.0[^]*Upgrade gc-usage/);
    expect((await readFile(join(cwd, "lake", PATH))).equals(before)).toBe(true);
  });

  it("is copied byte for byte", async () => {
    const cwd = await lakeWithNewer(change);
    expect(await gcUsage(["copy", "lake", "twin"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await tree(join(cwd, "twin", "usage"))).toEqual(await tree(join(cwd, "lake", "usage")));
  });
});

it("a slice with more columns is read together with others, in any order", async () => {
  const cwd = await workFolder(sound);
  const path = PATH.replace(YESTERDAY, BEFORE);
  await writeNewerSlice(join(cwd, "lake", path), BEFORE);
  const sql = `SELECT date, sum(requests) AS n FROM usage GROUP BY 1 ORDER BY 1`;
  const { exitCode, stdout } = await gcUsage(["sql", sql, "--output", "csv", ...ALL], { cwd });
  expect(exitCode).toBe(0);
  expect(stdout.split("\r\n").slice(0, 2)).toEqual(["date,n", `${BEFORE},41`]);
  expect(stdout.split("\r\n")[2]).toMatch(new RegExp(`^${YESTERDAY},\\d{4,}$`));
});
