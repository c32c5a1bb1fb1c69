import { spawnSync } from "node:child_process";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { sweepLock, withLock } from "../../src/lake/local/lock.ts";
import { isGone, ownerOf, ownName } from "../../src/lake/owner.ts";
import { tempFolder } from "./helpers.ts";

/** The id of a process that has ended. */
export function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

const CONTENDER = fileURLToPath(new URL("contender.js", import.meta.url));

function contend(lock: string, counter: string, rounds: number, crash = "") {
  return execa(process.execPath, [CONTENDER, lock, counter, String(rounds), crash], { reject: false });
}

describe("an owner's name", () => {
  it("is told from the name, of its own kind alone", () => {
    const name = ownName("job");
    expect(ownerOf(name, "job")).toMatchObject({ pid: process.pid, host: hostname() });
    expect(ownerOf(name, "load")).toBeUndefined();
    expect(ownName("job")).not.toBe(name);
    for (const other of ["job", "job.1", "job.x.1.a.host", "lock", `${name}/..`.replace("job", "jobs")]) {
      expect(ownerOf(other, "job"), other).toBeUndefined();
    }
  });

  it("is of one who is gone where the process has ended, or was another of the same id, or is silent elsewhere", () => {
    const here = { pid: process.pid, started: Math.round(performance.timeOrigin), host: hostname() };
    expect(isGone(here, 0, 1000)).toBe(false);
    expect(isGone({ ...here, started: here.started - 5 }, 0, 1000)).toBe(true);
    expect(isGone({ ...here, pid: deadPid() }, 0, 1000)).toBe(true);
    expect(isGone({ ...here, pid: process.ppid }, 0, 1000)).toBe(false);
    const elsewhere = { ...here, pid: deadPid(), host: "elsewhere" };
    expect(isGone(elsewhere, 999, 1000)).toBe(false);
    expect(isGone(elsewhere, 1001, 1000)).toBe(true);
  });
});

describe("the lock", () => {
  it("is free again after the task, also one that fails, and leaves nothing", async () => {
    const folder = await tempFolder();
    const lock = join(folder, "lock");
    expect(await withLock(lock, () => readFile(lock, "utf8"))).toMatch(/^lock\.\d+\./);
    await expect(withLock(lock, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withLock(lock, () => Promise.resolve(5))).toBe(5);
    expect(await readdir(folder)).toEqual([]);
  });

  it("lets one task in at a time", async () => {
    const lock = join(await tempFolder(), "lock");
    let inside = 0;
    let most = 0;
    const task = (): Promise<void> =>
      withLock(lock, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      });
    await Promise.all(Array.from({ length: 20 }, task));
    expect(most).toBe(1);
  });

  it.each([
    ["a dead process", () => `lock.${deadPid()}.5.abc.${hostname()}`, 0],
    ["an earlier process of our id", () => `lock.${process.pid}.5.abc.${hostname()}`, 0],
    ["a silent process elsewhere", () => "lock.1.5.abc.elsewhere", 31_000],
    ["nobody knows whom", () => "", 31_000],
  ])("is taken over from %s", async (_whom, name, ageMs) => {
    const folder = await tempFolder();
    const lock = join(folder, "lock");
    await writeFile(lock, name());
    const then = new Date(Date.now() - ageMs);
    await utimes(lock, then, then);
    expect(await withLock(lock, () => Promise.resolve("in"))).toBe("in");
    expect(await readdir(folder)).toEqual([]);
  });

  it("counts as held from when it was taken, however long it was waited for", async () => {
    const lock = join(await tempFolder(), "lock");
    await withLock(lock, async () => {
      expect(Math.abs(Date.now() - (await stat(lock)).mtimeMs)).toBeLessThan(5000);
    });
  });

  it("is not removed by one who was taken for dead meanwhile", async () => {
    const lock = join(await tempFolder(), "lock");
    await withLock(lock, () => writeFile(lock, "lock.1.5.abc.elsewhere"));
    expect(await readFile(lock, "utf8")).toBe("lock.1.5.abc.elsewhere");
  });

  it("is swept with what dead processes left beside it, and nothing that lives", async () => {
    const folder = await tempFolder();
    const lock = join(folder, "lock");
    const dead = `lock.${deadPid()}.5.abc.${hostname()}`;
    const alive = ownName("lock");
    for (const name of [dead, alive, "other"]) await writeFile(join(folder, name), name);
    await writeFile(lock, dead);
    await sweepLock(lock);
    expect((await readdir(folder)).sort()).toEqual([alive, "other"].sort());
    await writeFile(lock, alive);
    await sweepLock(lock);
    expect(await readFile(lock, "utf8")).toBe(alive);
  });

  it("keeps processes apart that contend for it, also where some die holding it", async () => {
    const folder = await tempFolder();
    const lock = join(folder, "lock");
    const counter = join(folder, "counter");
    await writeFile(counter, "0");
    await writeFile(lock, `lock.${deadPid()}.5.abc.${hostname()}`);
    const ends = await Promise.all([
      contend(lock, counter, 15),
      contend(lock, counter, 15),
      contend(lock, counter, 3, "crash"),
      contend(lock, counter, 6, "crash"),
      contend(lock, counter, 9, "crash"),
    ]);
    expect(ends.map(({ exitCode, signal }) => signal ?? exitCode)).toEqual([
      0,
      0,
      "SIGKILL",
      "SIGKILL",
      "SIGKILL",
    ]);
    expect(await readFile(counter, "utf8")).toBe("48");
  });
});
