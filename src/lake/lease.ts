import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { codeOf } from "../support/errors.ts";

/**
 * A lease says who works on a file or folder, and that they are alive. Its holder renews it; anybody can judge it, on
 * another machine too, in one of two ways. Neither compares two clocks:
 *
 * - A process of the same kernel and the same process-id namespace is asked for directly: it runs, or it does not.
 * - Of any other process the age of its lease tells. The file system's own clock gives both times: when the lease was
 *   last written, and now.
 */
const HOLDER = z.object({
  id: z.string(),
  pid: z.number().optional(),
  /** The kernel's boot and the namespace that `pid` counts in; left out where there is no telling. */
  machine: z.string().optional(),
  /** When the process started, in the kernel's ticks: process ids are used again. */
  started: z.string().optional(),
  /** Which view of the processes `started` was read from. */
  view: z.string().optional(),
});
export type Holder = z.infer<typeof HOLDER>;

/** How often a lease is renewed, and how long it is good for without renewal. */
export const RENEW_MS = 15_000;
export const TERM_MS = 120_000;

const PROCESS = processFacts();

/** This process as the holder of one lease. */
export function newHolder(): Holder {
  return { id: randomUUID(), pid: process.pid, ...PROCESS };
}

/** Linux tells which kernel and namespace a process belongs to; elsewhere the age of a lease has to do. */
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

/** Field 22 of /proc/PID/stat; the name in the second field can hold anything, so counting starts behind it. */
function startOf(pid: number | "self"): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** True or false where it is certain whether the holder's process runs; undefined where only its lease's age can tell. */
export function isRunning({ pid, machine, started, view }: Holder): boolean | undefined {
  if (pid === undefined || machine === undefined || machine !== PROCESS.machine) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: somebody else's process, and it runs.
    if (codeOf(error) === "ESRCH") return false;
  }
  // The id may be another process's by now. Nothing else than the same view of the processes can tell.
  if (view !== PROCESS.view || started === undefined) return undefined;
  const now = startOf(pid);
  return now === undefined ? undefined : now === started;
}

/** Writes or renews a lease, in one step: a kill never leaves half of one, which only its age could judge. */
export async function writeLease(file: string, holder: Holder): Promise<void> {
  const fresh = `${file}.${holder.id}`;
  await writeFile(fresh, JSON.stringify(holder));
  await rename(fresh, file);
}

/** A lease as it stands in a file. */
export interface Lease {
  /** Undefined where it is half written. */
  readonly holder: Holder | undefined;
  /** By the file system's clock, in milliseconds. */
  readonly writtenMs: number;
}

/** Undefined where there is none. */
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
  try {
    return HOLDER.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** True where nobody holds the lease any more. @param nowMs by the clock of the file system that the lease is on. */
export function isOver({ holder, writtenMs }: Lease, nowMs: number, termMs = TERM_MS): boolean {
  const running = holder && isRunning(holder);
  return running === undefined ? nowMs - writtenMs > termMs : !running;
}

/** The time by a file system's own clock, in milliseconds: on a network share it is the server's. */
export async function fileSystemNow(folder: string): Promise<number> {
  // One name for all: whoever dies here leaves what the next one writes over and removes.
  const probe = join(folder, "now");
  for (;;) {
    await writeFile(probe, "now");
    try {
      return (await stat(probe)).mtimeMs;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    } finally {
      await rm(probe, { force: true });
    }
  }
}
