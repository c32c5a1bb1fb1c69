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
import { gcUsage, start, workFolder } from "../helpers/cli.ts";
import { KEY, provenance } from "../lake/helpers.ts";

const NO_CLIENT = { GENESYSCLOUD_OAUTHCLIENT_ID: "", GENESYSCLOUD_OAUTHCLIENT_SECRET: "" };

let quick: Sandbox;
let slow: Sandbox;

beforeAll(async () => {
  // With this seed the first day of the data has one organisation's requests alone.
  quick = await startSandbox({ jobDelayMs: 1, seed: 9 });
  slow = await startSandbox({ jobDelayMs: 3_600_000 });
});
afterAll(async () => {
  await Promise.all([quick.close(), slow.close()]);
});

describe.concurrent("sync", () => {
  it("says what it landed, with one of a thing in the singular", async () => {
    const cwd = await workFolder();
    const first = ["--service", "legacy", "--from", "2018-01-01", "--to", "2018-01-01"];
    const one = await gcUsage(["sync", ...first, "--group-by", "organization"], { cwd, env: quick.env });
    expect(one).toMatchObject({ exitCode: 0 });
    expect(one.stderr).toMatch(
      /^Landed 1 row in 1 day slice from 1 query, \d+ calls, [\d.]+ s\. Lake: usage-lake\n$/,
    );
    const sync = ["sync", "--last", "1d", "--group-by", "method"];
    expect((await gcUsage(sync, { cwd, env: quick.env })).exitCode).toBe(0);
    expect((await gcUsage(sync, { cwd, env: quick.env })).stderr).toMatch(
      /^Nothing to do: usage-lake has every day \(read lately, though figures may still change: 1; --recheck 0 reads again\)\.\n$/,
    );
  });

  it("says up to which day it reads where --to is not over yet", async () => {
    const cwd = await workFolder();
    const today = dayOf(Date.now());
    const yesterday = addDays(today, -1);
    const ran = await gcUsage(["sync", "--from", yesterday, "--to", today, "--dry-run"], { cwd });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain(`  ask ${yesterday}/${yesterday}\n`);
    expect(ran.stderr).toBe(`The current UTC day is never in the data: --to ${today} means ${yesterday}.\n`);
  });

  it("plans nothing for a lake that cannot be", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "file"), "");
    const ran = await gcUsage(["sync", "--dry-run", "--lake", "file"], { cwd });
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
  });

  it("takes the last day that there is for yesterday", async () => {
    const cwd = await workFolder();
    const yesterday = addDays(dayOf(Date.now()), -1);
    const ran = await gcUsage(["sync", "--from", yesterday, "--to", "9999-12-31", "--dry-run"], { cwd });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain(`  ask ${yesterday}/${yesterday}\n`);
  });

  it("says which slices stayed as they were, and why", async () => {
    const cwd = await workFolder();
    const yesterday = addDays(dayOf(Date.now()), -1);
    const lake = await openOrCreateLake(join(cwd, "usage-lake"));
    const key = { ...KEY, grouping: parseGrouping("method"), date: yesterday };
    // Of some of the metrics, so it is fetched again; a little later than now, as by another machine's clock, so it stays.
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
      `Not replaced, since the lake knows more than the answer: ${slicePath(key)}, it was fetched`,
    );
    expect(stderr).toContain("Landed 0 rows in 0 day slices from 1 query");
  });

  it("refuses to begin today, and says why", async () => {
    const ran = await gcUsage(["sync", "--from", dayOf(Date.now())], { cwd: await workFolder() });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/\nThe current UTC day is never in the data/);
  });

  it("names the other first day of the week where the service's weeks do not begin as said", async () => {
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
    ["is not signed in", 3, { GENESYSCLOUD_OAUTHCLIENT_SECRET: "wrong-secret" }],
    ["reaches nobody", 5, { GENESYSCLOUD_GATEWAY_PORT: "1" }],
    [
      "is signed in with a token that is refused",
      3,
      { ...NO_CLIENT, GENESYSCLOUD_ACCESS_TOKEN: "wrong-token" },
    ],
  ])("leaves no lake where it %s, and speaks of nothing to go on with", async (_what, exitCode, env) => {
    const cwd = await workFolder();
    const ran = await gcUsage(["sync", "--last", "90d", "--lake", "a/b"], {
      cwd,
      env: { ...quick.env, ...env },
    });
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).not.toContain("Fetched data is kept");
    expect(await readdir(cwd)).toEqual([]);
  });

  it("says on Ctrl-C before anything was fetched that nothing was", async () => {
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

  it("ends with 130 on Ctrl-C, and says once how to go on", async () => {
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
