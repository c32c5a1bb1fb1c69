import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../support/errors.ts";
import { isMembers, isTextOrNothing } from "../support/members.ts";
import { insideFolder } from "./local/make-folder.ts";

/**
 * A lease shows that the owner of a file or folder is alive. Its holder renews it. Any process, also on another machine, can
 * check it in one of two ways, and neither compares two clocks:
 *
 * - A process of the same kernel and process-id namespace is checked directly: it runs, or it does not.
 * - For any other process the age of its lease decides. Both times come from the file system's own clock: when the lease
 *   was last written, and the current time.
 */
export interface Holder {
  readonly id: string;
  readonly pid?: number | undefined;
  /** The kernel's boot and the namespace of `pid`; omitted if unknown. */
  readonly machine?: string | undefined;
  /** The start time of the process, in kernel ticks, because process ids are reused. */
  readonly started?: string | undefined;
  /** The view of the processes that `started` was read from. */
  readonly view?: string | undefined;
}

/** How often a lease is renewed, and how long it is valid without renewal. */
export const RENEW_MS = 15_000;
export const TERM_MS = 120_000;

const PROCESS = processFacts();
/** Short enough for a file's name. */
const THIS_MACHINE = createHash("sha256")
  .update(PROCESS.machine ?? "")
  .digest("hex")
  .slice(0, 16);

/** A new lease held by this process. */
export function newHolder(): Holder {
  return { id: randomUUID(), pid: process.pid, ...PROCESS };
}

/** Only Linux reports the kernel and namespace of a process; elsewhere the age of a lease decides. */
function processFacts(): Pick<Holder, "machine" | "started" | "view"> {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const started = startOf("self");
    return {
      machine: `${boot} ${readlinkSync("/proc/self/ns/pid")}`,
      ...(started === undefined ? {} : { started }),
      view: String(statSync("/proc").dev),
    };
  } catch {
    return {};
  }
}

/** Field 22 of /proc/PID/stat. The name in the second field can contain anything, so counting starts after it. */
function startOf(pid: number | "self"): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Whether the holder's process runs, if that is certain; undefined if only the age of its lease can decide. */
export function isRunning({ pid, machine, started, view }: Holder): boolean | undefined {
  if (pid === undefined || machine === undefined || machine !== PROCESS.machine) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: a running process of another user.
    if (codeOf(error) === "ESRCH") return false;
  }
  // The id may belong to another process by now. Only the same view of the processes can decide.
  if (view !== PROCESS.view || started === undefined) return undefined;
  const now = startOf(pid);
  return now === undefined ? undefined : now === started;
}

/** Writes or renews a lease in one step, so that a kill never leaves a partial lease that only its age could decide. */
export async function writeLease(file: string, holder: Holder): Promise<void> {
  const fresh = `${file}.${holder.id}`;
  await writeFile(fresh, JSON.stringify(holder));
  await rename(fresh, file);
}

/** A lease as stored in a file. */
export interface Lease {
  /** Undefined if it is incomplete. */
  readonly holder: Holder | undefined;
  /** By the file system's clock, in milliseconds. */
  readonly writtenMs: number;
}

/** Undefined if there is none. */
export async function readLease(file: string): Promise<Lease | undefined> {
  try {
    const [text, info] = await Promise.all([readFile(file, "utf8"), stat(file)]);
    return { holder: parseHolder(text), writtenMs: info.mtimeMs };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function parseHolder(text: string): Holder | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isMembers(json)) return undefined;
  const { id, pid, machine, started, view } = json;
  if (typeof id !== "string" || !(pid === undefined || typeof pid === "number")) return undefined;
  if (!isTextOrNothing(machine) || !isTextOrNothing(started) || !isTextOrNothing(view)) return undefined;
  return { id, pid, machine, started, view };
}

/** A holder as part of a file's name, for a folder that is created before there can be a lease in it. */
export function nameOfHolder({ id, pid, started, view }: Holder): string {
  return started === undefined ? id : [id, pid, started, view, THIS_MACHINE].join(".");
}

/** The holder in such a name; undefined if it is of another machine, or not known. */
export function holderInName(name: string): Holder | undefined {
  const [id = "", pid, started, view, machine] = name.split(".");
  if (machine === undefined || machine !== THIS_MACHINE) return undefined;
  return { ...PROCESS, id, pid: Number(pid), started, view };
}

/** True if nobody holds the lease any more. @param nowMs the current time on the file system of the lease. */
export function isOver({ holder, writtenMs }: Lease, nowMs: number, termMs = TERM_MS): boolean {
  const running = holder && isRunning(holder);
  return running === undefined ? nowMs - writtenMs > termMs : !running;
}

/** The current time of a file system's own clock, in milliseconds: on a network share it is the server's. */
export async function fileSystemNow(folder: string): Promise<number> {
  const probe = probeIn(folder);
  for (;;) {
    await insideFolder(folder, () => writeFileSync(probe, "now"));
    try {
      return (await stat(probe)).mtimeMs;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    } finally {
      await rm(probe, { force: true });
    }
  }
}

/** Removes what a process left that died while it asked for the time. One that is asking now asks again. */
export async function removeProbe(folder: string): Promise<void> {
  await rm(probeIn(folder), { force: true });
}

/** One name for all, so that nobody's file stays. */
function probeIn(folder: string): string {
  return join(folder, "now");
}
