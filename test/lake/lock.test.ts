import { spawnSync } from "node:child_process";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { type Holder, isOver, newHolder, readLease, TERM_MS, writeLease } from "../../src/lake/lease.ts";
import { sweepLock, withLock } from "../../src/lake/local/lock.ts";
import { workFolder } from "../helpers/folders.ts";

/** The id of a process that has ended. */
export function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

const CONTENDER = fileURLToPath(new URL("contender.js", import.meta.url));

function contend(lock: string, counter: string, rounds: number, crash = "") {
  return execa(process.execPath, [CONTENDER, lock, counter, String(rounds), crash], { reject: false });
}

/** Leases of other processes. */
const gone = (): Holder => ({ ...newHolder(), pid: deadPid() });
const elsewhere = (): Holder => ({ ...newHolder(), machine: "another kernel" });

describe("a lease", () => {
  it("is over if its process has ended, or its id belongs to another process", () => {
    const writtenMs = Date.now();
    expect(isOver({ holder: newHolder(), writtenMs }, writtenMs)).toBe(false);
    expect(isOver({ holder: newHolder(), writtenMs }, writtenMs + 10 * TERM_MS)).toBe(false);
    expect(isOver({ holder: gone(), writtenMs }, writtenMs)).toBe(true);
    expect(isOver({ holder: { ...newHolder(), started: "1" }, writtenMs }, writtenMs)).toBe(true);
  });

  it.each([
    ["another machine or process-id namespace", elsewhere()],
    ["another view of the processes", { ...newHolder(), view: "none" }],
    ["a system that does not report it", { id: "a", pid: deadPid() }],
    ["nobody knows whom", undefined],
  ])("of %s expires only by its age", (_whose, holder) => {
    expect(isOver({ holder, writtenMs: 0 }, TERM_MS - 1)).toBe(false);
    expect(isOver({ holder, writtenMs: 0 }, TERM_MS + 1)).toBe(true);
  });
});

describe("a lease's file", () => {
  it("is complete at every moment, so that a lease can be judged even after a kill during its renewal", async () => {
    const file = join(await workFolder(), "lease.json");
    const holder = newHolder();
    await writeLease(file, holder);
    const renewing = { ended: false };
    const renewals = (async () => {
      for (let i = 0; i < 300; i++) await writeLease(file, holder);
      renewing.ended = true;
    })();
    let halves = 0;
    while (!renewing.ended) if ((await readLease(file))?.holder?.id !== holder.id) halves++;
    await renewals;
    expect(halves).toBe(0);
  });
});

describe("the lock", () => {
  it("is free again after the task, even a failed one, and leaves nothing behind", async () => {
    const folder = await workFolder();
    const lock = join(folder, "lock");
    expect(JSON.parse(await withLock(lock, () => readFile(lock, "utf8")))).toMatchObject({
      pid: process.pid,
    });
    await expect(withLock(lock, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withLock(lock, () => Promise.resolve(5))).toBe(5);
    expect(await readdir(folder)).toEqual([]);
  });

  it("lets one task in at a time", async () => {
    const lock = join(await workFolder(), "lock");
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
    ["a dead process", () => JSON.stringify(gone()), 0],
    ["an earlier process of our id", () => JSON.stringify({ ...newHolder(), started: "1" }), 0],
    ["a silent process elsewhere", () => JSON.stringify(elsewhere()), 31_000],
    ["a process that died while it wrote", () => "", 31_000],
    ["a process of 0.1.0", () => "lock.1.5.abc.elsewhere", 31_000],
  ])("is taken over from %s", async (_whom, content, ageMs) => {
    const folder = await workFolder();
    const lock = join(folder, "lock");
    await writeFile(lock, content());
    const then = new Date(Date.now() - ageMs);
    await utimes(lock, then, then);
    expect(await withLock(lock, () => Promise.resolve("in"))).toBe("in");
    expect(await readdir(folder)).toEqual([]);
  });

  it("is no longer held by a process that another considered dead", async () => {
    const lock = join(await workFolder(), "lock");
    const held = await withLock(lock, async (isHeld) => {
      const before = isHeld();
      await writeFile(lock, JSON.stringify(elsewhere()));
      return [before, isHeld()];
    });
    expect(held).toEqual([true, false]);
    expect(JSON.parse(await readFile(lock, "utf8"))).toMatchObject({ machine: "another kernel" });
  });

  it("counts as held from when it was taken, however long the wait was", async () => {
    const lock = join(await workFolder(), "lock");
    await withLock(lock, async () => {
      expect(Math.abs(Date.now() - (await stat(lock)).mtimeMs)).toBeLessThan(5000);
    });
  });

  it("is removed with leftovers of dead 0.1.0 processes, but not with those of live ones", async () => {
    const folder = await workFolder();
    const lock = join(folder, "lock");
    const left = join(folder, "lock.1.5.abc.elsewhere");
    for (const file of [left, join(folder, "other")]) await writeFile(file, "");
    const then = new Date(Date.now() - 31_000);
    await utimes(left, then, then);
    await writeFile(lock, JSON.stringify(gone()));
    await sweepLock(lock);
    expect(await readdir(folder)).toEqual(["other"]);
    const alive = JSON.stringify(newHolder());
    await writeFile(lock, alive);
    await sweepLock(lock);
    expect(await readFile(lock, "utf8")).toBe(alive);
  });

  it("excludes concurrent processes, even if some die holding it", async () => {
    const folder = await workFolder();
    const lock = join(folder, "lock");
    const counter = join(folder, "counter");
    await writeFile(counter, "0");
    await writeFile(lock, JSON.stringify(gone()));
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
