import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openOrCreateLake } from "../../src/lake/open.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance } from "../helpers/lakes.ts";

const NO_CLIENT = { GENESYSCLOUD_OAUTHCLIENT_ID: "", GENESYSCLOUD_OAUTHCLIENT_SECRET: "" };

let quick: Sandbox;
let slow: Sandbox;

beforeAll(async () => {
  // With this seed, the first day of the data has requests of only one organization.
  quick = await startSandbox({ jobDelayMs: 1, seed: 9 });
  slow = await startSandbox({ jobDelayMs: 3_600_000 });
});
afterAll(async () => {
  await Promise.all([quick.close(), slow.close()]);
});

describe.concurrent("sync", () => {
  it("reports what it stored, with correct singulars", async () => {
    const cwd = await workFolder();
    const first = ["--service", "legacy", "--from", "2018-01-01", "--to", "2018-01-01"];
    const ran = await gcUsage(["sync", ...first, "--group-by", "organization"], { cwd, env: quick.env });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stderr).toMatch(
      /^Stored 1 row in 1 day slice from 1 query, \d+ calls, [\d.]+ s\. Lake: usage-lake\n$/,
    );
    const sync = ["sync", "--last", "1d", "--group-by", "method"];
    expect((await gcUsage(sync, { cwd, env: quick.env })).exitCode).toBe(0);
    expect((await gcUsage(sync, { cwd, env: quick.env })).stderr).toMatch(
      /^Nothing to do: usage-lake has every day \(1 fetched recently may still change; to refetch, add --recheck 0\)\.\n$/,
    );
  });

  it("reports the last day that it fetches if --to is not over yet", async () => {
    const cwd = await workFolder();
    const today = dayOf(Date.now());
    const yesterday = addDays(today, -1);
    const ran = await gcUsage(["sync", "--from", yesterday, "--to", today, "--dry-run"], { cwd });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain(`  query ${yesterday}/${yesterday}\n`);
    expect(ran.stderr).toBe(
      `The current UTC day is never in the data, so --to ${today} means ${yesterday}.\n`,
    );
  });

  it("accepts calendar weeks and months", async () => {
    const cwd = await workFolder();
    const dryRun = (...args: string[]) => gcUsage(["sync", "--dry-run", "--json", ...args], { cwd });
    const lastWeek = await dryRun("--last-week", "--week-start", "sunday");
    const sunday = addDays(dayOf(Date.now()), -new Date().getUTCDay() - 7);
    expect(JSON.parse(lastWeek.stdout)).toMatchObject({ from: sunday, to: addDays(sunday, 6) });
    const future = await dryRun("--month", "9999-01");
    expect(future).toMatchObject({ exitCode: 2, stdout: "" });
    expect(future.stderr).toContain("--month 9999-01 is in the future.");
    const both = await dryRun("--last-month", "--from", "2026-01-01");
    expect(both.stderr).toContain("--from and --last-month both set the start of the period.");
  });

  it("rejects a dry run for an invalid lake", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "file"), "");
    const ran = await gcUsage(["sync", "--dry-run", "--lake", "file"], { cwd });
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
  });

  it("treats the last valid day as yesterday", async () => {
    const cwd = await workFolder();
    const yesterday = addDays(dayOf(Date.now()), -1);
    const ran = await gcUsage(["sync", "--from", yesterday, "--to", "9999-12-31", "--dry-run"], { cwd });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain(`  query ${yesterday}/${yesterday}\n`);
  });

  it("reports which slices were left unchanged, and why", async () => {
    const cwd = await workFolder();
    const yesterday = addDays(dayOf(Date.now()), -1);
    const lake = await openOrCreateLake(join(cwd, "usage-lake"));
    const key = { ...KEY, grouping: parseGrouping("method"), date: yesterday };
    // It has only some metrics, so it is refetched. It was fetched slightly in the future, by another machine's
    // clock, so it is kept.
    const later = provenance({
      start: yesterday,
      end: yesterday,
      metrics: ["requests"],
      fetchedAt: Date.now() + 200_000,
    });
    const file = join(cwd, "slice.parquet");
    await lake.files.write(key, undefined, file, later);
    await lake.commit(key, file, later, { force: false });
    await lake.close();
    const sync = ["sync", "--last", "1d", "--group-by", "method"];
    const { exitCode, stderr } = await gcUsage(sync, { cwd, env: quick.env });
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      `Not replaced, because the lake covers more than the result: ${slicePath(key)}, it was fetched`,
    );
    expect(stderr).toContain("Stored 0 rows in 0 day slices from 1 query");
  });

  it("rejects today as the first day, with the reason", async () => {
    const ran = await gcUsage(["sync", "--from", dayOf(Date.now())], { cwd: await workFolder() });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/\nThe current UTC day is never in the data/);
  });

  it("suggests the other --week-start if the service's weeks start differently", async () => {
    const cwd = await workFolder();
    const ran = await gcUsage(
      ["sync", "--granularity", "week", "--last", "3w", "--week-start", "sunday", "--group-by", "client"],
      { cwd, env: quick.env },
    );
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toMatch(
      /is not the first day of a week\.\nPass the granularity of the query: --granularity week --week-start monday\./,
    );
  });

  it.each([
    ["cannot sign in", 3, { GENESYSCLOUD_OAUTHCLIENT_SECRET: "wrong-secret" }],
    ["reaches nobody", 5, { GENESYSCLOUD_GATEWAY_PORT: "1" }],
    ["signs in with a rejected token", 3, { ...NO_CLIENT, GENESYSCLOUD_ACCESS_TOKEN: "wrong-token" }],
  ])("does not create a lake if it %s, and does not suggest to resume", async (_what, exitCode, env) => {
    const cwd = await workFolder();
    const ran = await gcUsage(["sync", "--last", "90d", "--lake", "a/b"], {
      cwd,
      env: { ...quick.env, ...env },
    });
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).not.toContain("Fetched data is kept");
    expect(await readdir(cwd)).toEqual([]);
  });

  it("reports on Ctrl-C that nothing was fetched yet", async () => {
    const cwd = await workFolder();
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const running = start(["sync", "--last", "1d"], {
      cwd,
      env: { ...quick.env, GENESYSCLOUD_GATEWAY_PORT: String(port) },
    });
    await once(silent, "connection");
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    silent.close();
    expect(exitCode).toBe(130);
    expect(stderr).toContain("error: Interrupted.\nNothing was fetched yet. Run the same command again.\n");
    expect(await readdir(cwd)).toEqual([]);
  });

  it("ends with exit code 130 on Ctrl-C, with one hint how to resume", async () => {
    const cwd = await workFolder();
    const running = start(["--debug", "sync", "--last", "1d"], { cwd, env: slow.env });
    while ((slow.counts()["results"] ?? 0) === 0) await sleep(20);
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(
      /error: Interrupted\.\nFetched data is kept. Run the same command again to resume\.\n/,
    );
  });
});
