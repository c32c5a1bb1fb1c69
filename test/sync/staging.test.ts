import { spawnSync } from "node:child_process";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Lake } from "../../src/lake/lake.ts";
import { type Holder, newHolder } from "../../src/lake/lease.ts";
import { Workspace } from "../../src/lake/workspace.ts";
import { type JobState, StagedJob, sweepStaging } from "../../src/sync/staging.ts";
import type { Day } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { tempLake } from "../helpers/lakes.ts";

const NOW = Date.UTC(2026, 10, 23, 10);
const STATE: JobState = {
  format: 2,
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
  crc: crc32("first\n"),
  complete: false,
};
const DEAD: Holder = { ...newHolder(), pid: spawnSync(process.execPath, ["-e", ""]).pid };
const ELSEWHERE: Holder = { ...newHolder(), machine: "another kernel" };

/** A job as the holder of its lease left it, with an unfinished page. */
async function left(lake: Lake, change: Partial<JobState> = {}, holder = DEAD): Promise<string> {
  const job = await StagedJob.create(lake, STATE);
  await job.save({ ...STATE, ...change });
  await writeFile(job.spool, "first\nsecond, not finis");
  await writeFile(join(job.folder, "lease.json"), JSON.stringify(holder));
  return job.folder;
}

/** A file last written this many minutes ago. */
async function age(path: string, minutes: number): Promise<void> {
  const then = new Date(Date.now() - minutes * 60_000);
  await utimes(path, then, then);
}

/** A folder that 0.1.0 left, with the pid and host in its name. */
async function leftBy010(lake: Lake, kind: string, minutes: number): Promise<string> {
  const folder = join(lake.store.staging, `${kind}.1.5.${crypto.randomUUID()}.${hostname()}`);
  await mkdir(folder, { recursive: true });
  await age(folder, minutes);
  return folder;
}

describe("staged work", () => {
  it("of a dead process is resumed from the last confirmed row", async () => {
    const { lake } = await tempLake();
    await left(lake);
    const [job, ...others] = await StagedJob.adopt(lake, NOW, () => "take");
    expect(others).toEqual([]);
    expect(job?.state).toEqual(STATE);
    expect((await stat(job?.folder ?? "")).mode & 0o777).toBe(0o700);
    const spool = await job?.openSpool();
    await spool?.appendFile("second\n");
    await spool?.close();
    expect(await readFile(job?.spool ?? "", "utf8")).toBe("first\nsecond\n");
    expect(await readdir(lake.store.staging)).toEqual([basename(job?.folder ?? "")]);
    await job?.remove();
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("of a live process is left alone, and so are jobs that nobody wants", async () => {
    const { lake } = await tempLake();
    const own = await StagedJob.create(lake, STATE);
    const elsewhere = await left(lake, {}, ELSEWHERE);
    const legacy = await left(lake, { service: "legacy" });
    expect(
      await StagedJob.adopt(lake, NOW, ({ service }) => (service === "jobs" ? "take" : "leave")),
    ).toEqual([]);
    expect((await readdir(lake.store.staging)).sort()).toEqual(
      [own.folder, elsewhere, legacy].map((folder) => basename(folder)).sort(),
    );
  });

  it("of another machine or container is resumed once its lease has not been renewed for two minutes", async () => {
    const { lake } = await tempLake();
    const lease = join(await left(lake, {}, ELSEWHERE), "lease.json");
    await age(lease, 1.5);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    await age(lease, 2.5);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toHaveLength(1);
  });

  it("of 0.1.0 is resumed after a quarter of an hour without activity, whatever its pid and host", async () => {
    const { lake } = await tempLake();
    const folder = await leftBy010(lake, "job", 14);
    const { format: _format, crc: _crc, ...of010 } = STATE;
    await writeFile(join(folder, "job.json"), JSON.stringify(of010));
    await writeFile(join(folder, "rows.ndjson"), "first\nsec");
    await age(folder, 14);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    await age(folder, 16);
    const [job] = await StagedJob.adopt(lake, NOW, () => "take");
    expect(job?.state).toEqual({ ...of010, format: 2 });
    expect(await readFile(job?.spool ?? "", "utf8")).toBe("first\n");
  });

  it("left on purpose can be taken at once", async () => {
    const { lake } = await tempLake();
    const job = await StagedJob.create(lake, { ...STATE, bytes: 0, rows: 0 });
    await job.leave();
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toHaveLength(1);
  });

  it("that was taken over is not touched by a process that was only suspended", async () => {
    const { lake } = await tempLake();
    const suspended = await StagedJob.create(lake, STATE);
    await suspended.save(STATE);
    await writeFile(suspended.spool, "first\n");
    const open = await suspended.openSpool();
    await writeFile(join(suspended.folder, "lease.json"), JSON.stringify(DEAD));
    const [taken] = await StagedJob.adopt(lake, NOW, () => "take");
    await open.appendFile("from the dead\n");
    await open.close();
    expect(await readFile(taken?.spool ?? "", "utf8")).toBe("first\n");
    const lost = /^This run was suspended for too long, and another process has taken over its work\.$/;
    await expect(suspended.check()).rejects.toThrow(lost);
    await expect(suspended.openSpool()).rejects.toThrow(lost);
    await expect(suspended.save({ rows: 2 })).rejects.toThrow(lost);
    await suspended.remove();
    expect(await taken?.isWhole()).toBe(true);
  });

  it("of a later version is left to that version", async () => {
    const { lake } = await tempLake();
    const folder = await left(lake);
    await writeFile(join(folder, "job.json"), JSON.stringify({ ...STATE, format: 3, what: "later" }));
    expect(await StagedJob.adopt(lake, NOW, () => "drop")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([basename(folder)]);
  });

  it("is claimed by only one of several processes", async () => {
    const { lake } = await tempLake();
    for (let i = 0; i < 10; i++) await left(lake, { id: `job-${i}` });
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

  it("is removed if it is too old or damaged", async () => {
    const { lake } = await tempLake();
    await left(lake, { submittedAt: NOW - 25 * 3_600_000 });
    const damaged = await left(lake);
    await writeFile(join(damaged, "job.json"), '{"service":"jo');
    const foreign = await left(lake);
    await writeFile(join(foreign, "job.json"), JSON.stringify({ ...STATE, grouping: "../../x" }));
    await leftBy010(lake, "job", 16);
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it.each([
    ["shorter", (spool: string) => truncate(spool, STATE.bytes - 1)],
    ["gone", (spool: string) => rm(spool)],
    ["empty", (spool: string) => writeFile(spool, "")],
    ["changed", (spool: string) => writeFile(spool, "fIrst\n")],
    ["of other lines", (spool: string) => writeFile(spool, "a\nb\nc\n")],
  ])("whose rows are %s is dropped and refetched", async (_what, damage) => {
    const { lake } = await tempLake();
    await damage(join(await left(lake), "rows.ndjson"));
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("that was never submitted is dropped", async () => {
    const { lake } = await tempLake();
    await left(lake, { id: undefined, bytes: 0, rows: 0, crc: 0 });
    expect(await StagedJob.adopt(lake, NOW, () => "take")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("detects rows that differ from what was recorded", async () => {
    const { lake } = await tempLake();
    const job = await StagedJob.create(lake, STATE);
    await job.save(STATE);
    await writeFile(job.spool, "first\n");
    expect(await job.isWhole()).toBe(true);
    await appendFile(job.spool, "second\n");
    expect(await job.isWhole()).toBe(false);
  });

  it("is removed if nobody will ever want it", async () => {
    const { lake } = await tempLake();
    await left(lake);
    expect(await StagedJob.adopt(lake, NOW, () => "drop")).toEqual([]);
    expect(await readdir(lake.store.staging)).toEqual([]);
  });

  it("starts over if its id is unknown", async () => {
    const { lake } = await tempLake();
    const job = await StagedJob.create(lake, STATE);
    await writeFile(job.spool, "first\n");
    await job.restart(NOW);
    const { id: _id, after: _after, ...rest } = STATE;
    expect(job.state).toEqual({ ...rest, bytes: 0, rows: 0, crc: 0, submittedAt: NOW });
    expect(JSON.parse(await readFile(join(job.folder, "job.json"), "utf8"))).toEqual(job.state);
    await (await job.openSpool()).close();
    expect(await readFile(job.spool, "utf8")).toBe("");
  });

  it.each(["lock.break", "lock.break.break", "now"])(
    "is removed if it is only what a process left that died while it cleaned up: %s",
    async (name) => {
      const { lake } = await tempLake();
      const { staging } = lake.store;
      await mkdir(staging, { recursive: true });
      await writeFile(join(staging, name), JSON.stringify(DEAD));
      await sweepStaging(lake);
      expect(await readdir(staging)).toEqual([]);
    },
  );

  it("of a dead load is removed, with locks and spilled data, but not that of live processes", async () => {
    const { lake } = await tempLake();
    const { staging } = lake.store;
    const own = await Workspace.open(staging, "load");
    const job = await left(lake);
    for (const kind of ["load", "spill"] as const) {
      const { folder } = await Workspace.open(staging, kind);
      await writeFile(join(folder, "lease.json"), JSON.stringify(DEAD));
      await leftBy010(lake, kind, 16);
    }
    const spilling = await Workspace.open(staging, "spill");
    await writeFile(join(spilling.folder, "lease.json"), JSON.stringify(ELSEWHERE));
    const old = await leftBy010(lake, "spill", 14);
    await writeFile(join(staging, "lock"), JSON.stringify(DEAD));
    await sweepStaging(lake);
    expect((await readdir(staging)).sort()).toEqual(
      [own.folder, job, spilling.folder, old].map((folder) => basename(folder)).sort(),
    );
  });
});
