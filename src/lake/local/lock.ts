import { link, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, UsageError } from "../../support/errors.ts";
import { isGone, ownerOf, ownName } from "../owner.ts";

/** A lock is held for a comparison and a rename, a few milliseconds; this is for owners that cannot be asked. */
const MAX_AGE_MS = 30_000;
const WAIT_MS = 60_000;
/** What the names of lock files' owners begin with. */
const KIND = "lock";

/**
 * Runs `task` while holding the lock file at `path`, waiting for others and taking over what a dead process left.
 * The lock file's content is its holder's name (owner.ts).
 *
 * @throws {UsageError} lake, where another process holds it for a minute.
 */
export async function withLock<T>(path: string, task: () => Promise<T>): Promise<T> {
  const name = await acquire(path);
  try {
    return await task();
  } finally {
    // Whoever took this process for dead holds the lock by now: it is not ours to remove then.
    if ((await holderOf(path))?.name === name) await rm(path, { force: true });
  }
}

/** Removes what dead processes left beside the lock, and the lock itself where its holder is dead. */
export async function sweepLock(path: string): Promise<void> {
  await takeOver(path);
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    const owner = ownerOf(name, KIND);
    if (owner && isGone(owner, 0, MAX_AGE_MS)) await rm(join(dirname(path), name), { force: true });
  }
}

/** Gives the name under which the lock is held. */
async function acquire(path: string): Promise<string> {
  // The lock appears with its content in one step, by a link, so that nobody can read half of it.
  const name = ownName(KIND);
  const own = join(dirname(path), name);
  await writeFile(own, name);
  try {
    for (let waited = 0; ; ) {
      try {
        // The age of a lock is how long it has been held, not how long it was waited for.
        const now = new Date();
        await utimes(own, now, now);
        await link(own, path);
        return name;
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
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Removes a lock whose holder is gone. True where it is worth trying again at once. A second lock makes sure that only
 * one process at a time looks and removes: what it has looked at is still there then, since nobody else removes it.
 */
async function takeOver(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (!holder) return true;
  if (!isLeft(holder)) return false;
  await withLock(`${path}.break`, async () => {
    const current = await holderOf(path);
    if (current && isLeft(current)) await rm(path, { force: true });
  });
  return true;
}

interface Holder {
  readonly name: string;
  readonly ageMs: number;
}

function isLeft({ name, ageMs }: Holder): boolean {
  const owner = ownerOf(name, KIND);
  return owner ? isGone(owner, ageMs, MAX_AGE_MS) : ageMs > MAX_AGE_MS;
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const [name, info] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    return { name, ageMs: Date.now() - info.mtimeMs };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
