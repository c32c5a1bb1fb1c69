import { readFileSync } from "node:fs";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, UsageError } from "../../support/errors.ts";
import {
  fileSystemNow,
  type Holder,
  isOver,
  type Lease,
  newHolder,
  parseHolder,
  readLease,
} from "../lease.ts";

/** A lock is held for a comparison and a rename, a few milliseconds; this is for holders that cannot be asked. */
const TERM_MS = 30_000;
const WAIT_MS = 60_000;

/**
 * Runs `task` while holding the lock file at `path`, waiting for others and taking over what a dead process left. The
 * file holds its holder's lease (lease.ts).
 *
 * @param task is given a check whether the lock is still held: a process that was suspended for longer than a lock is
 *   good for has lost it to another.
 * @throws {UsageError} lake, where another process holds it for a minute.
 */
export async function withLock<T>(path: string, task: (isHeld: () => boolean) => T | Promise<T>): Promise<T> {
  const holder = await acquire(path);
  const isHeld = (): boolean => idIn(path) === holder.id;
  try {
    return await task(isHeld);
  } finally {
    // Whoever took this process for dead holds the lock by now: it is not ours to remove then.
    if (isHeld()) await rm(path, { force: true });
  }
}

/** Removes the lock, and the lock of its takeover, where their holders are dead; and what 0.1.0 left beside them. */
export async function sweepLock(path: string): Promise<void> {
  await takeOver(path);
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (!/^lock\.\d+\.\d+\./.test(name)) continue;
    const file = join(dirname(path), name);
    const info = await stat(file).catch(() => undefined);
    if (info && (await fileSystemNow(dirname(path))) - info.mtimeMs > TERM_MS)
      await rm(file, { force: true });
  }
}

async function acquire(path: string): Promise<Holder> {
  const holder = newHolder();
  for (let waited = 0; ; ) {
    try {
      // Exclusive creation is what every file system has; hard links are not (exFAT, some network shares).
      await writeFile(path, JSON.stringify(holder), { flag: "wx" });
      return holder;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    if (await takeOver(path)) continue;
    if (waited > WAIT_MS) {
      throw new UsageError("lake", `Another process holds the lake's lock ${path}.`, {
        hint: "Wait for it to end. If none runs, remove that file.",
      });
    }
    const pause = 5 + Math.random() * 20;
    waited += pause;
    await sleep(pause);
  }
}

/**
 * Removes a lock whose holder is gone. True where it is worth trying again at once. A second lock makes sure that only
 * one process at a time looks and removes: what it has looked at is still there then, since nobody else removes it.
 */
async function takeOver(path: string): Promise<boolean> {
  const lease = await readLease(path);
  if (!lease) return true;
  if (!(await isLeft(path, lease))) return false;
  // Of three locks on top of each other the last is a process's that died twice within milliseconds: time frees it.
  if (basename(path).endsWith(".break.break")) {
    await rm(path, { force: true });
    return true;
  }
  await withLock(`${path}.break`, async (isHeld) => {
    const current = await readLease(path);
    if (current && (await isLeft(path, current)) && isHeld()) await rm(path, { force: true });
  });
  return true;
}

async function isLeft(path: string, lease: Lease): Promise<boolean> {
  const isMaybeLeft = isOver(lease, Number.POSITIVE_INFINITY, TERM_MS);
  // The file system is asked for the time where nothing else can tell.
  return isMaybeLeft && isOver(lease, await fileSystemNow(dirname(path)), TERM_MS);
}

function idIn(path: string): string | undefined {
  try {
    return parseHolder(readFileSync(path, "utf8"))?.id;
  } catch {
    return undefined;
  }
}
