import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Lake } from "../../src/lake/lake.ts";
import { type JobState, StagedJob, stagingFolder, sweepStaging } from "../../src/sync/staging.ts";
import type { Day } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { tempLake } from "../lake/helpers.ts";

const NOW = Date.UTC(2026, 10, 23, 10);
const STATE: JobState = {
  service: "jobs",
  granularity: "day",
  grouping: "client-uri" as Grouping,
  weekStart: "monday",
  start: "2026-11-01" as Day,
  end: "2026-11-10" as Day,
  id: "job-1",
  submittedAt: NOW - 1000,
  after: "cursor",
  bytes: 6,
  rows: 1,
  complete: false,
};
const DEAD = spawnSync(process.execPath, ["-e", ""]).pid;

/** A job as a process that has ended left it. */
async function left(
  lake: Lake,
  change: Partial<JobState> = {},
  owner = `${DEAD}.5.${crypto.randomUUID()}.${hostname()}`,
): Promise<string> {
  const job = await StagedJob.create(lake, { ...STATE, ...change });
  await writeFile(job.spool, "first\nsecond, not finis");
  const folder = join(lake.store.staging, `job.${owner}`);
  await rename(job.folder, folder);
  return folder;
}

async function age(folder: string, minutes: number): Promise<void> {
  const then = new Date(Date.now() - minutes * 60_000);
  await utimes(folder, then, then);
}

describe("staged work", () => {
  it("of a dead process is gone on with, from the last row that is certain", async () => {
    const { lake } = await tempLake();
    await left(lake);
    const [job, ...others] = await StagedJob.adopt(lake, NOW, () => "take");
    expect(others).toEqual([]);
    expect(job?.state).toEqual(STATE);
    const spool = await job?.openSpool();
    await spool?.appendFile("second\n");
    await spool?.close();
    expect(await readFile(job?.spool ?? "", "utf8")).toBe("first\nsecond\n");
    expect(await readdir(lake.store.staging)).toEqual([basename(job?.folder ?? "")]);
    await job?.remove();
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("of a live process is left alone, as is what nobody wants", async () => {
    const { lake } = await tempLake();
    const own = await StagedJob.create(lake, STATE);
    const parents = await left(lake, {}, `${process.ppid}.5.abc.${hostname()}`);
    const elsewhere = await left(lake, {}, "1.5.abc.elsewhere");
    const legacy = await left(lake, { service: "legacy" });
    expect(
      await StagedJob.adopt(lake, NOW, ({ service }) => (service === "jobs" ? "take" : "leave")),
    ).toEqual([]);
    expect((await readdir(lake.store.staging)).sort()).toEqual(
      [own.folder, parents, elsewhere, legacy].map((one) => basename(one)).sort(),
    );
  });

  it("of another machine is gone on with after a quarter of an hour without a sign of life", async () => {
    const { lake } = await tempLake();
    const folder = await left(lake, {}, "1.5.abc.elsewhere");
    await age(folder, 14);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    await age(folder, 16);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toHaveLength(1);
  });

  it("is claimed by one where several want it, however long it lay", async () => {
    const { lake } = await tempLake();
    for (let i = 0; i < 10; i++) await age(await left(lake, { id: `job-${i}` }), 60);
    const claims = await Promise.all([0, 1, 2, 3].map(() => StagedJob.adopt(lake, NOW, () => "take")));
    const later = await StagedJob.adopt(lake, NOW, () => "take");
    const ids = [...claims, later].flatMap((jobs) => jobs.map(({ state }) => state.id));
    expect(ids.sort()).toEqual([
      "job-0",
      "job-1",
      "job-2",
      "job-3",
      "job-4",
      "job-5",
      "job-6",
      "job-7",
      "job-8",
      "job-9",
    ]);
    expect(later).toEqual([]);
  });

  it("is removed where it is too old or damaged", async () => {
    const { lake } = await tempLake();
    await left(lake, { submittedAt: NOW - 25 * 3_600_000 });
    const damaged = await left(lake);
    await writeFile(join(damaged, "job.json"), '{"service":"jo');
    const foreign = await left(lake);
    await writeFile(join(foreign, "job.json"), JSON.stringify({ ...STATE, grouping: "../../x" }));
    const begun = join(lake.store.staging, `job.${DEAD}.5.abc.${hostname()}`);
    await mkdir(begun);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("is removed where its rows are fewer than it says, or the query was never submitted", async () => {
    const { lake } = await tempLake();
    const short = await left(lake);
    await truncate(join(short, "rows.ndjson"), STATE.bytes - 1);
    await rm(join(await left(lake), "rows.ndjson"));
    await left(lake, { id: undefined, bytes: 0, rows: 0 });
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("is removed where nobody will ever want it", async () => {
    const { lake } = await tempLake();
    await left(lake);
    expect(await StagedJob.adopt(lake, NOW, () => "drop")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("begins anew where its id is forgotten", async () => {
    const { lake } = await tempLake();
    const job = await StagedJob.create(lake, STATE);
    await writeFile(job.spool, "first\n");
    await job.restart(NOW);
    const { id: _id, after: _after, ...rest } = STATE;
    expect(job.state).toEqual({ ...rest, bytes: 0, rows: 0, submittedAt: NOW });
    expect(JSON.parse(await readFile(join(job.folder, "job.json"), "utf8"))).toEqual(job.state);
    await (await job.openSpool()).close();
    expect(await readFile(job.spool, "utf8")).toBe("");
  });

  it("of a load that died is swept, with locks and spilled data, and that of the living is not", async () => {
    const { lake } = await tempLake();
    const own = await stagingFolder(lake, "load");
    const job = await left(lake);
    for (const kind of ["load", "spill"])
      await mkdir(join(lake.store.staging, `${kind}.${DEAD}.5.abc.${hostname()}`));
    const spilling = join(lake.store.staging, `spill.${process.ppid}.5.abc.${hostname()}`);
    await mkdir(spilling);
    await age(spilling, 60);
    await writeFile(join(lake.store.staging, "lock"), `lock.${DEAD}.5.abc.${hostname()}`);
    await sweepStaging(lake);
    expect((await readdir(lake.store.staging)).sort()).toEqual(
      [own, job, spilling].map((one) => basename(one)).sort(),
    );
  });
});
