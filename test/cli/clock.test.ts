import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import {
  daysAgo,
  daysOf,
  jobsRow,
  type Look,
  legacyRow,
  startUsageService,
} from "../helpers/usage-service.ts";

const DAY_MS = 86_400_000;

/** A service with rows for each day that is over by its own clock. */
async function serviceAt(aheadDays: number) {
  const now = (): number => Date.now() + aheadDays * DAY_MS;
  const today = (): string => new Date(now()).toISOString().slice(0, 10);
  const answer = (look: Look) => ({
    body: {
      queryStatus: "Succeeded",
      entities: daysOf(look)
        .filter((day) => day < today())
        .map((day) => jobsRow(day, "a", 10)),
    },
  });
  return await startUsageService(answer, { now });
}

const sync = (cwd: string, env: Record<string, string>, ...more: string[]) =>
  gcUsage(["sync", "--group-by", "client,method", ...more], { cwd, env });

const days = async (cwd: string): Promise<string[]> =>
  (await readdir(join(cwd, "usage-lake", "usage", "granularity=day"))).map((name) => name.slice(5)).sort();

const fetchedAt = async (cwd: string): Promise<number> => {
  const file = `usage-lake/usage/granularity=day/date=${(await days(cwd))[0]}/jobs.client-method.parquet`;
  const { readFooter } = await import("../../src/lake/footer.ts");
  const reading = await readFooter(join(cwd, file));
  return typeof reading === "object" && reading.provenance ? reading.provenance.fetchedAt : Number.NaN;
};

describe.concurrent("a clock that is", () => {
  it("ahead of the service's stores only days that are over by the service's, and causes one warning", async () => {
    const service = await serviceAt(-3);
    const cwd = await workFolder();
    const ran = await sync(cwd, service.env, "--last", "3d");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr.match(/warning: This machine's clock is 3 days ahead of the service's/g)).toHaveLength(
      1,
    );
    expect(await days(cwd)).toEqual([daysAgo(6), daysAgo(5), daysAgo(4)]);
    expect(Math.abs((await fetchedAt(cwd)) - (Date.now() - 3 * DAY_MS))).toBeLessThan(600_000);
    const named = await sync(cwd, service.env, "--from", daysAgo(4), "--to", daysAgo(1));
    expect(named.exitCode).toBe(0);
    expect(await days(cwd)).toHaveLength(3);
    const future = await sync(cwd, service.env, "--from", daysAgo(2));
    expect(future).toMatchObject({ exitCode: 2, stdout: "" });
  });

  it("behind the service's fetches all days that are over by the service's", async () => {
    const service = await serviceAt(2);
    const cwd = await workFolder();
    const ran = await sync(cwd, service.env, "--last", "3d");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("This machine's clock is 2 days behind the service's");
    expect(await days(cwd)).toEqual([daysAgo(1), daysAgo(0), daysAgo(-1)]);
    expect((await sync(cwd, service.env, "--from", daysAgo(0))).exitCode).toBe(0);
  });

  it("correct causes no warning", async () => {
    const service = await serviceAt(0);
    const ran = await sync(await workFolder(), service.env, "--last", "1d");
    expect(ran.stderr).not.toContain("clock");
  });

  it("corrected refetches and replaces what was stored from the future", async () => {
    const early = await serviceAt(40);
    const cwd = await workFolder();
    expect((await sync(cwd, early.env, "--from", daysAgo(1), "--to", daysAgo(1))).exitCode).toBe(0);
    const status = await gcUsage(["status", "--json"], { cwd });
    expect(status.stdout).toContain(`{"date":"${daysAgo(1)}","state":"changing"`);
    const service = await serviceAt(0);
    const ran = await sync(cwd, service.env, "--last", "1d", "--json");
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ written: 1, kept: [], periods: { unsettled: 1 } });
    expect(await fetchedAt(cwd)).toBeLessThan(Date.now() + 60_000);
  });
});

it("treats a loaded file from the future as written now, with a warning", async () => {
  const cwd = await workFolder();
  const row = (date: string): string => `${JSON.stringify(legacyRow(date))}\n`;
  await writeFile(join(cwd, "rows.ndjson"), row(daysAgo(1)));
  const ahead = Date.now() + 40 * DAY_MS;
  await utimes(join(cwd, "rows.ndjson"), ahead / 1000, ahead / 1000);
  await writeFile(join(cwd, "tomorrow.ndjson"), row(daysAgo(-1)));
  await utimes(join(cwd, "tomorrow.ndjson"), ahead / 1000, ahead / 1000);
  const loaded = await gcUsage(["load", "rows.ndjson", "--granularity", "day"], { cwd });
  expect(loaded.exitCode).toBe(0);
  expect(loaded.stderr).toContain("warning: rows.ndjson has a modification time that is 40 days ahead of");
  const status = await gcUsage(["status", "--json"], { cwd });
  expect(status.stdout).toContain(`"state":"changing"`);
  const refused = await gcUsage(["load", "tomorrow.ndjson", "--granularity", "day"], { cwd });
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
});
