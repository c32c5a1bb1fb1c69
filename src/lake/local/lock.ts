import { readFileSync, writeFileSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, GcUsageError } from "../../support/errors.ts";
import {
  fileSystemNow,
  type Holder,
  isOver,
  type Lease,
  newHolder,
  parseHolder,
  readLease,
} from "../lease.ts";
import { insideFolder } from "./make-folder.ts";

/** A lock is held for a comparison and a rename, a few milliseconds. This limit is for holders that cannot be checked. */
const TERM_MS = 30_000;
const WAIT_MS = 60_000;

/**
 * Runs `task` while holding the lock file at `path`. Waits for other holders and takes over the lock of a dead process. The
 * file contains its holder's lease (lease.ts).
 *
 * @param task gets a function that checks whether the lock is still held: a process that was suspended for longer than a
 *   lock is valid has lost it to another.
 * @throws {GcUsageError} lake, if another process holds it for a minute.
 */
export async function withLock<T>(path: string, task: (isHeld: () => boolean) => T | Promise<T>): Promise<T> {
  const holder = await acquire(path);
  const isHeld = (): boolean => idIn(path) === holder.id;
  try {
    return await task(isHeld);
  } finally {
    // A process that considered this one dead holds the lock by now: then it is not ours to remove.
    if (isHeld()) await rm(path, { force: true });
  }
}

/** Removes the lock and its takeover lock if their holders are dead, and leftovers of 0.1.0. */
export async function sweepLock(path: string): Promise<void> {
  for (const lock of [`${path}.break.break`, `${path}.break`, path]) await takeOver(lock);
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
      // Every file system has exclusive creation, but not hard links (exFAT, some network shares).
      // Without a pause before its content: a kill there leaves an empty lock, which only its age can judge.
      await insideFolder(dirname(path), () => writeFileSync(path, JSON.stringify(holder), { flag: "wx" }));
      return holder;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    if (await takeOver(path)) continue;
    if (waited > WAIT_MS) {
      throw new GcUsageError("lake", `Another process holds the lake's lock ${path}.`, {
        hint: "Wait for it to finish. If no gc-usage process is running, remove that file.",
      });
    }
    const pause = 5 + Math.random() * 20;
    waited += pause;
    await sleep(pause);
  }
}

/**
 * Removes a lock whose holder is dead. True if an immediate retry makes sense. A second lock ensures that only one process
 * at a time checks and removes: the lock that it checked is still the same, because nobody else removes it.
 */
async function takeOver(path: string): Promise<boolean> {
  const lease = await readLease(path);
  if (!lease) return true;
  if (!(await isLeft(path, lease))) return false;
  // With three locks on top of each other, a process died twice within milliseconds: the last one expires with time.
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
  // The file system's time is needed only if nothing else can decide.
  return isMaybeLeft && isOver(lease, await fileSystemNow(dirname(path)), TERM_MS);
}

function idIn(path: string): string | undefined {
  try {
    return parseHolder(readFileSync(path, "utf8"))?.id;
  } catch {
    return undefined;
  }
}
