import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { findLake } from "../../src/lake/open.ts";
import { parseFaults, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import type { Service } from "../../src/usage/service.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { expectTruth, fastEffects, runSync, span } from "../helpers/synced-lakes.ts";

/**
 * The sandbox faults that no other test covers, and how a sync handles each of them. docs/decisions/retrying.md lists
 * all.
 */

const NOW = Date.parse("2026-11-20T12:00:00Z");
const DAYS = span("2026-11-10", "2026-11-19");
const SYNC = ["sync", "--from", DAYS.start, "--to", DAYS.end, "--lake", "lake"];
const GROUPING = parseGrouping("client,method");

let sandbox: Sandbox;
afterEach(() => sandbox.close());

async function withFaults(faults: string, rateLimit = 1_000_000): Promise<Sandbox> {
  sandbox = await startSandbox({ now: NOW, jobDelayMs: 1, rateLimit, faults: parseFaults(faults) });
  return sandbox;
}

async function slicesIn(lake: string): Promise<number> {
  return (await (await findLake(lake))?.list())?.length ?? 0;
}

describe("sync stores all rows correctly", () => {
  it.each([
    ["despite conflicts and small pages", "409=0.5,too-large=1", 15],
    ["despite 429 responses that report the window of the rate limit", "429-window=0.3", 1],
  ])("%s", async (_what, faults, more) => {
    await withFaults(faults);
    const lake = join(await workFolder(), "lake");
    await runSync(sandbox, lake, fastEffects(NOW, 200), { grouping: GROUPING, span: DAYS });
    await expectTruth(lake, { service: "jobs", grouping: GROUPING, span: DAYS });
    const counts = sandbox.counts();
    expect(counts["results"]).toBeGreaterThan(more);
    for (const fault of Object.keys(parseFaults(faults))) expect(counts).toHaveProperty(`fault:${fault}`);
  });
});

describe("an inconsistent response to a finished query is rejected, and nothing is stored:", () => {
  it.each<[string, Service, string]>([
    ["no-rows", "jobs", 'has no list "entities"'],
    ["no-rows", "legacy", 'has no list "results"'],
    ["repeat", "jobs", "has the same rows as page 1"],
    ["blank-pages", "jobs", "pages in a row are empty but have a next page"],
  ])("%s, of the %s service", async (fault, service, why) => {
    await withFaults(`${fault}=1`);
    const lake = join(await workFolder(), "lake");
    const syncing = runSync(sandbox, lake, fastEffects(NOW, 200), {
      service,
      grouping: GROUPING,
      span: DAYS,
    });
    await expect(syncing).rejects.toMatchObject({
      kind: "service",
      message: expect.stringContaining(why) as string,
    });
    expect(await slicesIn(lake)).toBe(0);
  });
});

describe("sync fails and stores nothing", () => {
  it.each([
    [
      "if the service asks to wait for an hour",
      "retry-after=1",
      [],
      5,
      /asks for a wait of 3600 s.*\nRun the same command again in 3600 s/,
    ],
    ["if the query is too long", "too-long=1", [], 2, /too many filters.*\nUse fewer filters/],
    [
      "at --timeout, during a slow response",
      "trickle=1",
      ["--timeout", "2s"],
      7,
      /is not finished after 2 s.*\n.*--timeout/,
    ],
  ])("%s", async (_what, faults, more, exitCode, message) => {
    const { env } = await withFaults(faults);
    const cwd = await workFolder();
    const ran = await gcUsage([...SYNC, ...more], { cwd, env });
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(await slicesIn(join(cwd, "lake"))).toBe(0);
  });
});

describe("a wait for the rate limit is reported on stderr, and Ctrl-C ends it:", () => {
  it.each<[string, string, number, (seconds: number) => boolean]>([
    ["until the window's end", "0", 5, (seconds) => seconds > 10 && seconds <= 60],
    [
      "a minute at most, whatever the reset",
      "reset=1",
      1_000_000,
      (seconds) => seconds > 58 && seconds <= 60,
    ],
  ])("%s", async (_what, faults, rateLimit, isRight) => {
    const { env } = await withFaults(faults, rateLimit);
    const running = start(SYNC, { cwd: await workFolder(), env });
    let stderr = "";
    running.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    while (!/next call in \d+ s/.test(stderr) && running.exitCode === null) await sleep(20);
    running.kill("SIGINT");
    expect((await running).exitCode).toBe(130);
    const [, seconds] = /^Rate limit: next call in (\d+) s\.$/m.exec(stderr) ?? [];
    expect(Number(seconds)).toSatisfy(isRight);
  });
});
