import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { codeOf } from "../support/errors.ts";

/** The process that a file or folder of work in progress belongs to; it stands in the name, so it is never half written. */
export interface Owner {
  readonly pid: number;
  /** When the process began, in milliseconds: ids are given out anew, in containers the same one at each start. */
  readonly started: number;
  readonly host: string;
}

const SELF: Owner = { pid: process.pid, started: Math.round(performance.timeOrigin), host: hostname() };

/** A name that no other has: `kind.pid.started.random.host`. */
export function ownName(kind: string): string {
  return [kind, SELF.pid, SELF.started, randomUUID().slice(0, 13), SELF.host].join(".");
}

/** The owner in a name that `ownName(kind)` made; undefined for any other name. */
export function ownerOf(name: string, kind: string): Owner | undefined {
  const [, pid, started, host] = /^[a-z]+\.(\d+)\.(\d+)\.[0-9a-f-]+\.(.+)$/.exec(name) ?? [];
  if (!name.startsWith(`${kind}.`) || pid === undefined || started === undefined || host === undefined)
    return undefined;
  return { pid: Number(pid), started: Number(started), host };
}

/**
 * True where the owner is gone: a process of this machine that no longer runs, or, since of other machines only the
 * age tells, one that has been silent for longer than `maxSilenceMs`.
 */
export function isGone(owner: Owner, silenceMs: number, maxSilenceMs: number): boolean {
  if (silenceMs > maxSilenceMs) return true;
  if (owner.host !== SELF.host) return false;
  if (owner.pid === SELF.pid) return owner.started !== SELF.started;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}
