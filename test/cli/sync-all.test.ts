import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const MONTH = `${YESTERDAY.slice(0, 7)}-01`;
const OLD = addDays(YESTERDAY, -30);
const DAYS = ["--from", OLD, "--to", OLD];
const STATUSES = { status200: 1, status300: 0, status400: 0, status500: 0, status429: 0 };
const sliceOf = (date: string, name = "jobs.method"): string =>
  `usage/granularity=day/date=${date}/${name}.parquet`;

let sandbox: Sandbox;
/** Days of jobs by method, this month of jobs by client, and a loaded total. */
let filled: string;

beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1, rateLimit: 100_000 });
  filled = await workFolder();
  const env = { cwd: filled, env: sandbox.env };
  await writeFile(join(filled, "total.json"), JSON.stringify([{ clientId: "c", requests: 1, status200: 1 }]));
  for (const args of [
    ["sync", "--group-by", "method", ...DAYS],
    ["sync", "--group-by", "client", "--granularity", "month", "--last", "1d"],
    ["load", "total.json", "--granularity", "total", "--interval", "2026-01-01/2026-01-31"],
  ]) {
    const ran = await gcUsage(args, env);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
  }
});
afterAll(() => sandbox.close());

const run = (cwd: string, ...args: string[]): Promise<Ran> => gcUsage(args, { cwd, env: sandbox.env });

describe.concurrent("sync --refetch", () => {
  it("refetches settled days, but only those of the range", async () => {
    const cwd = await workFolder(filled);
    const file = join(cwd, "usage-lake", sliceOf(OLD));
    const before = await readFile(file);
    const range = ["sync", "--group-by", "method", ...DAYS];
    expect((await run(cwd, ...range)).stderr).toContain("Nothing to do");
    const plan = await run(cwd, ...range, "--refetch", "--dry-run", "--json");
    expect(JSON.parse(plan.stdout)).toMatchObject({ periods: { again: 1, settled: 0, missing: 0 } });
    expect(await readFile(file)).toEqual(before);
    const ran = await run(cwd, ...range, "--refetch", "--json");
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(ran.stdout)).toMatchObject({ jobs: 1, written: 1, kept: [] });
    expect((await readFile(file)).equals(before)).toBe(false);
  });

  it("skips days that the service no longer has, and rejects them if they are explicit", async () => {
    const cwd = await workFolder(filled);
    const [gone, slice] = [addDays(YESTERDAY, -380), join(cwd, "usage-lake", sliceOf(OLD))];
    const row = [{ date: gone, httpMethod: "GET", requestCount: 1, ...STATUSES }];
    await writeFile(join(cwd, "old.json"), JSON.stringify(row));
    const load = ["load", "old.json", "--granularity", "day", "--interval", `${gone}/${gone}`];
    expect(await run(cwd, ...load, "--group-by", "method")).toMatchObject({ exitCode: 0 });
    await rm(slice);
    const sync = ["sync", "--refetch", "--group-by", "method", "--dry-run"];
    const named = await run(cwd, ...sync, "--from", gone, "--to", gone);
    expect(named).toMatchObject({ exitCode: 2, stdout: "" });
    expect(named.stderr).toContain(`but ${gone} cannot be refetched.`);
    const { stdout, stderr } = await run(cwd, ...sync, "--last", "13m", "--json");
    expect(stderr).toContain("Skipped: ");
    expect(JSON.parse(stdout)).toMatchObject({ periods: { settled: 1, again: 0 } });
  });
});

interface All {
  readonly series: Record<string, unknown>[];
}

describe.concurrent("sync --all", () => {
  it("syncs each series with its own grouping and granularity, and reports skipped ones", async () => {
    const cwd = await workFolder(filled);
    const args = ["sync", "--all", "--last", "2d", "--refetch"];
    const planned = await run(cwd, ...args, "--dry-run");
    expect(planned.stdout).toMatch(/^jobs month client in usage-lake\n[^]*\njobs day method in usage-lake\n/);
    const ran = await run(cwd, ...args, "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("legacy total client: not synced, because a total is only for its own days");
    const { series } = JSON.parse(ran.stdout) as All;
    expect(series).toMatchObject([
      { outcome: "done", granularity: "month", grouping: "client", from: MONTH, to: YESTERDAY, written: 1 },
      { outcome: "done", granularity: "day", grouping: "method", to: YESTERDAY, written: 2 },
      { outcome: "skipped", service: "legacy", granularity: "total", why: expect.any(String) },
    ]);
    const files = Object.keys(await tree(join(cwd, "usage-lake"))).filter((name) =>
      name.endsWith(".parquet"),
    );
    expect(files).toHaveLength(5);
  });

  it("continues if one series fails, and ends with its exit code", async () => {
    const cwd = await workFolder(filled);
    const inTheWay = join(cwd, "usage-lake", sliceOf(YESTERDAY));
    await mkdir(inTheWay, { recursive: true });
    const ran = await run(cwd, "sync", "--all", "--last", "1d", "--json");
    expect(ran.exitCode).toBe(9);
    expect(ran.stderr).toMatch(
      /"message":"1 of 2 series failed\. jobs day method: usage\/[^"]* is a folder instead of a file\."/,
    );
    const { series } = JSON.parse(ran.stdout) as All;
    expect(series).toMatchObject([
      { outcome: "done", granularity: "month" },
      { outcome: "failed", granularity: "day", error: { kind: "lake", message: expect.any(String) } },
      { outcome: "skipped" },
    ]);
  });

  it.each([
    ["--group-by", "client"],
    ["--granularity", "day"],
    ["--service", "jobs"],
    ["--week-start", "monday"],
  ])("cannot be combined with %s", async (flag, value) => {
    const ran = await run(filled, "sync", "--all", flag, value);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(`--all cannot be combined with ${flag}.`);
  });

  it("gives a hint for a missing lake, an empty one, or only totals, and does not create a lake", async () => {
    const cwd = await workFolder();
    const none = await run(cwd, "sync", "--all");
    expect(none).toMatchObject({ exitCode: 9, stdout: "" });
    expect(none.stderr).toContain("No lake at usage-lake");
    expect(await tree(cwd)).toEqual({});
    await mkdir(join(cwd, "usage-lake"));
    for (const more of [[], ["--dry-run"]]) {
      const empty = await run(cwd, "sync", "--all", ...more);
      expect(empty).toMatchObject({ exitCode: 9, stdout: "" });
      expect(empty.stderr).toMatch(/lake usage-lake is empty[^]*Run `gc-usage sync` once without --all/);
    }
    await writeFile(join(cwd, "total.json"), JSON.stringify([{ clientId: "c", requests: 1, status200: 1 }]));
    await run(cwd, "load", "total.json", "--granularity", "total", "--interval", "2026-01-01/2026-01-31");
    const totals = await run(cwd, "sync", "--all");
    expect(totals.exitCode).toBe(9);
    expect(totals.stderr).toContain("has no series that --all can sync");
  });
});
