import { copyFile, mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { rewriteSlice, writeNewerSlice } from "../helpers/lakes.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const day = (back: number): Day => addDays(YESTERDAY, -back);
const sliceOf = (date: string): string => `usage/granularity=day/date=${date}/jobs.method.parquet`;
const rawOf = (date: string): string => `gc_usage_api_source/granularity=day/jobs.method.${date}.json`;
const GOLDEN = new URL("../golden/0.1.0", import.meta.url).pathname;

let sandbox: Sandbox;
let filled: string;
beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1 });
  filled = await workFolder();
  const sync = ["sync", "--group-by", "method", "--last", "14d", "--keep-source"];
  expect(await gcUsage(sync, { cwd: filled, env: sandbox.env })).toMatchObject({ exitCode: 0 });
});
afterAll(() => sandbox.close());

const verify = (cwd: string, ...args: string[]): Promise<Ran> => gcUsage(["verify", ...args], { cwd });

interface Found {
  readonly ok: boolean;
  readonly problems: { path: string; kind: string; what: string; next: string }[];
  readonly notes: { path: string; kind: string; what: string; next: string }[];
}

/** Rewrites a day's slice, without its raw rows, because they are not checked here. */
async function rewrite(
  lake: string,
  date: Day,
  statement: string,
  change: Record<string, unknown> = {},
): Promise<void> {
  await rewriteSlice(join(lake, sliceOf(date)), statement, change);
  await rm(join(lake, rawOf(date)), { force: true });
}

describe.concurrent("verify", () => {
  it("finds no problems in an intact lake, also of 0.1.0, and changes nothing", async () => {
    const before = await tree(join(filled, "usage-lake"));
    const ran = await verify(filled);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      /^usage-lake: 14 slices, [\d,]+ rows, 14 files of raw rows, [\d.]+ [kM]B read\. No problems\.\n$/,
    );
    expect(await tree(join(filled, "usage-lake"))).toEqual(before);
    const golden = await workFolder(GOLDEN);
    const old = await verify(golden, "--lake", "lake", "--json");
    expect(old.exitCode, old.stdout).toBe(0);
    expect(JSON.parse(old.stdout)).toMatchObject({ ok: true, slices: 11, problems: [], notes: [] });
  });

  it("reports each slice that contradicts its path or metadata, with the command that fixes it", async () => {
    const cwd = await workFolder(filled);
    const lake = join(cwd, "usage-lake");
    await truncate(join(lake, sliceOf(day(0))), 500);
    const bytes = await readFile(join(lake, sliceOf(day(1))));
    // The footer is unchanged, so only reading the rows finds it.
    await writeFile(join(lake, sliceOf(day(1))), bytes.fill(0xff, 4, 200));
    await rewrite(lake, day(2), "SELECT * FROM SLICE", { rows: 4711 });
    await rewrite(lake, day(3), "SELECT * REPLACE ('legacy' AS service) FROM SLICE");
    await rewrite(lake, day(4), "SELECT * REPLACE (-requests AS requests) FROM SLICE");
    await rewrite(lake, day(5), "SELECT * REPLACE ('u' AS userId) FROM SLICE");
    await rewrite(lake, day(6), "SELECT * EXCLUDE (status300) FROM SLICE");
    await rewrite(lake, day(7), "SELECT *, DATE '2020-01-01' AS date FROM SLICE");
    await rewrite(lake, day(8), "SELECT * FROM SLICE", { metrics: METRICS.slice(1) });
    await rewrite(lake, day(9), "SELECT * FROM SLICE", { fetchedAt: `${day(9)}T10:00:00.000Z` });
    await rewrite(lake, day(10), "SELECT * FROM SLICE", {
      organization: { id: "11111111-2222-4333-8444-555555555555", name: "Else" },
    });
    const ran = await verify(cwd, "--json");
    expect(ran.exitCode).toBe(9);
    expect(ran.stderr).toContain("11 problems found in usage-lake.");
    const { ok, problems } = JSON.parse(ran.stdout) as Found;
    expect(ok).toBe(false);
    const byDay = new Map(problems.map(({ path, what }) => [path, what]));
    const found = (back: number): string | undefined => byDay.get(sliceOf(day(back)));
    expect(found(0)).toMatch(/does not end like a Parquet file/);
    expect(found(1)).toMatch(/^DuckDB cannot read its rows: /);
    expect(found(2)).toMatch(/^it has \d+ rows, but its metadata says 4711$/);
    expect(found(3)).toMatch(/^\d+ rows are not of the service jobs$/);
    expect(found(4)).toMatch(/^\d+ rows have negative requests$/);
    expect(found(5)).toMatch(/^\d+ rows have a userId, which is not in the grouping$/);
    expect(found(6)).toBe("column status300 is missing");
    expect(found(7)).toBe("it has a column date, which belongs only in its path");
    expect(found(8)).toMatch(new RegExp(`^\\d+ rows have ${METRICS[0]}, which was not requested$`));
    expect(found(9)).toBe(`it claims days up to ${day(9)}, but was fetched on ${day(9)}`);
    expect(found(10)).toMatch(/^it belongs to "Else" \(id 11111111[^]*, but the lake belongs to "Simulated/);
    const next = (back: number): string | undefined =>
      problems.find(({ path }) => path === sliceOf(day(back)))?.next;
    expect(next(3)).toBe(`gc-usage sync --refetch --from ${day(3)} --to ${day(3)} --group-by method`);
    expect(next(10)).toMatch(
      /^gc-usage remove --from \S+ --to \S+ --service jobs --granularity day --group-by method$/,
    );
    // The suggested commands fix the problems.
    const run = (command: string | undefined, ...more: string[]): Promise<Ran> =>
      gcUsage([...(command ?? "").split(" ").slice(1), ...more], { cwd, env: sandbox.env });
    for (const back of [9, 10]) expect(await run(next(back), "--yes")).toMatchObject({ exitCode: 0 });
    const all = `gc-usage sync --refetch --keep-source --from ${day(13)} --to ${day(0)} --group-by method`;
    expect(await run(all)).toMatchObject({ exitCode: 0 });
    const again = await verify(cwd);
    expect(again.exitCode, again.stdout).toBe(0);
  });

  it("reports raw rows that do not match, links, and files that are not part of the lake", async () => {
    const cwd = await workFolder(filled);
    const lake = join(cwd, "usage-lake");
    await writeFile(join(lake, rawOf(day(0))), '{"requests":1}\n');
    await writeFile(join(lake, rawOf(day(1))), '{"requests":1}\n{"reques');
    await rm(join(lake, sliceOf(day(2))));
    await writeFile(join(lake, "usage/notes.txt"), "mine");
    await writeNewerSlice(join(lake, sliceOf(day(3))), day(3));
    await rm(join(lake, rawOf(day(3))));
    const outside = join(cwd, "outside");
    await mkdir(outside);
    await symlink(outside, join(lake, "usage/granularity=week"));
    const { exitCode, stdout } = await verify(cwd);
    expect(exitCode).toBe(9);
    expect(stdout).toMatch(/ 4 problems\.\n\nProblems\n/);
    expect(stdout).toMatch(
      new RegExp(
        `  ${rawOf(day(0))}\n    it has 1 raw row, but the slice has \\d+: they come from different answers\n` +
          `    → gc-usage sync --refetch --from ${day(0)} --to ${day(0)} --keep-source --group-by method\n`,
      ),
    );
    expect(stdout).toContain(`  ${rawOf(day(1))}\n    line 2 is not a JSON object\n`);
    expect(stdout).toContain(
      `  ${rawOf(day(2))}\n    it has the raw rows of ${sliceOf(day(2))}, which does not exist\n`,
    );
    expect(stdout).toMatch(
      / {2}usage\/granularity=week\n {4}it is a link to [^]*outside the lake, so commands fail because of it\n/,
    );
    expect(stdout).toMatch(/\nNotes\n[^]* {4}written by gc-usage 9\.1\.0, so it is only checked in part\n/);
    expect(stdout).toMatch(/ {2}usage\/notes\.txt\n {4}it is not read: /);
  });

  it("verifies each of several organizations' lakes", async () => {
    const cwd = await workFolder();
    for (const name of ["acme", "globex"]) {
      await mkdir(dirname(join(cwd, "lakes", name, sliceOf(day(0)))), { recursive: true });
      await copyFile(join(filled, "usage-lake", sliceOf(day(0))), join(cwd, "lakes", name, sliceOf(day(0))));
    }
    await truncate(join(cwd, "lakes/globex", sliceOf(day(0))), 9);
    const ran = await verify(cwd, "--lake", "lakes", "--json");
    expect(ran.exitCode).toBe(9);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      lake: "lakes",
      ok: false,
      lakes: [
        { organization: "acme", ok: true },
        {
          organization: "globex",
          ok: false,
          problems: [{ next: expect.stringMatching(/ --lake lakes\/globex$/) }],
        },
      ],
    });
  });

  it("reports an empty or missing lake", async () => {
    const cwd = await workFolder();
    expect(await verify(cwd)).toMatchObject({ exitCode: 9, stdout: "" });
    await mkdir(join(cwd, "usage-lake"));
    const ran = await verify(cwd);
    expect(ran).toMatchObject({
      exitCode: 0,
      stdout: "usage-lake: 0 slices, 0 rows, 0 bytes read. No problems.\n",
    });
  });
});
