import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, GcUsageError } from "../support/errors.ts";
import {
  fileSystemNow,
  type Holder,
  holderInName,
  isOver,
  nameOfHolder,
  newHolder,
  RENEW_MS,
  readLease,
  removeProbe,
  writeLease,
} from "./lease.ts";
import { withLock } from "./local/lock.ts";
import { insideFolder } from "./local/make-folder.ts";

/** The purpose of a workspace, and the prefix of its folder's name. */
export type WorkspaceKind = "job" | "load" | "spill" | "download" | "nightly";

const LEASE = "lease.json";
/** A folder that may have no lease yet. Its name contains its holder, because a kill can come before the lease. */
const NEW = "new";
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Folders of 0.1.0 have no lease: `kind.pid.started.random.host`. Live ones were touched every minute. */
const OF_0_1_0 = /^\d+\.\d+\.[0-9a-f-]+\..+$/;
const TERM_OF_0_1_0_MS = 15 * 60_000;

/** A private folder for temporary files, with a lease, so that other processes can see whether its owner is alive. */
export class Workspace {
  readonly folder: string;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;

  private constructor(folder: string, holder: Holder) {
    this.folder = folder;
    this.#holder = holder;
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS);
    this.#timer.unref();
  }

  /** @param parent created if it does not exist. */
  static async open(parent: string, kind: WorkspaceKind): Promise<Workspace> {
    const holder = newHolder();
    const fresh = join(parent, `${NEW}.${nameOfHolder(holder)}`);
    const folder = join(parent, `${kind}.${randomUUID()}`);
    await insideFolder(parent, () => mkdirSync(fresh, { mode: 0o700 }));
    writeFileSync(join(fresh, LEASE), JSON.stringify(holder));
    renameSync(fresh, folder);
    return new Workspace(folder, holder);
  }

  /** Takes over an abandoned folder. If several processes try, one gets it; the others get undefined. */
  static async takeOver(parent: string, kind: WorkspaceKind, left: string): Promise<Workspace | undefined> {
    const folder = join(parent, `${kind}.${randomUUID()}`);
    const holder = newHolder();
    try {
      // The lease comes first: under its new name the folder must not look abandoned.
      await writeLease(join(left, LEASE), holder);
      await rename(left, folder);
      await writeLease(join(folder, LEASE), holder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    return new Workspace(folder, holder);
  }

  /** @throws {GcUsageError} lake, if another process considered this one dead and has taken over its work. */
  async check(): Promise<void> {
    const lease = await readLease(join(this.folder, LEASE));
    if (lease?.holder?.id === this.#holder.id) return;
    throw lost();
  }

  /** Ends the renewal and leaves the folder to the process that resumes it. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await rm(join(this.folder, LEASE), { force: true });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #renew(): Promise<void> {
    // Fails if the folder was taken over or removed: the next check reports it.
    await this.check()
      .then(() => writeLease(join(this.folder, LEASE), this.#holder))
      .catch(() => undefined);
  }
}

export function lost(): GcUsageError {
  return new GcUsageError(
    "lake",
    "This run was suspended for too long, and another process has taken over its work.",
    { hint: "Nothing is lost and nothing is stored twice. Run the same command again." },
  );
}

/** The folders of abandoned workspaces of one kind. */
export async function leftWorkspaces(parent: string, kind: WorkspaceKind | typeof NEW): Promise<string[]> {
  const names = (await namesIn(parent)).filter((name) => name.startsWith(`${kind}.`));
  if (names.length === 0) return [];
  const now = await fileSystemNow(parent);
  const left: string[] = [];
  for (const name of names) {
    const folder = join(parent, name);
    if (await isLeft(folder, name.slice(kind.length + 1), kind === NEW, now)) left.push(folder);
  }
  return left;
}

async function isLeft(folder: string, rest: string, isNew: boolean, now: number): Promise<boolean> {
  const lease = await readLease(join(folder, LEASE)).catch((error: unknown) => {
    if (codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  });
  if (lease && !isNew) return isOver(lease, now);
  const info = await stat(folder).catch(() => undefined);
  if (!info?.isDirectory()) return false;
  if (isNew) {
    const [id = ""] = rest.split(".");
    const writtenMs = lease?.writtenMs ?? info.mtimeMs;
    return ID.test(id) && isOver({ holder: lease?.holder ?? holderInName(rest), writtenMs }, now);
  }
  if (OF_0_1_0.test(rest)) return now - info.mtimeMs > TERM_OF_0_1_0_MS;
  // Its owner has abandoned it; a workspace that is just being created has another name.
  return ID.test(rest);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Removes abandoned workspaces that nobody can resume. */
export async function sweepWorkspaces(parent: string): Promise<void> {
  for (const kind of ["load", "spill", "download", "nightly", NEW] as const) {
    for (const folder of await leftWorkspaces(parent, kind))
      await rm(folder, { recursive: true, force: true });
  }
  await removeProbe(parent);
}

/**
 * Runs a task unless one is already running here: two schedulers, or a night that is longer than a day. A run whose process
 * died does not count.
 *
 * @param staging a folder for temporary files, common to the processes that must not run at the same time.
 * @returns undefined if another one is running.
 */
export async function runAlone<T>(
  staging: string,
  task: () => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const mine = await withLock(join(staging, "nightly.lock"), async () => {
    const running = (await namesIn(staging)).filter((name) => /^nightly\.[0-9a-f-]+$/.test(name));
    const left = await leftWorkspaces(staging, "nightly");
    if (running.length > left.length) return undefined;
    for (const folder of left) await rm(folder, { recursive: true, force: true });
    return await Workspace.open(staging, "nightly");
  });
  if (mine === undefined) return undefined;
  try {
    return { result: await task() };
  } finally {
    await mine.close();
  }
}
