import type { Effects } from "../support/effects.ts";
import { parseHttpDate } from "./http-date.ts";

/** A clock that is further off than this is worth a word: it decides which UTC days are over. */
export const SKEW_MS = 60_000;
/** `Date` is in whole seconds: what it says is up to so much too low. */
const RESOLUTION_MS = 1_000;

/**
 * The service's clock, as the `Date` of its answers gives it: which days are over, and so can be fetched, is decided by the
 * service. Before an answer has come, this machine's. It may be a second late and is never early, so that no day is over
 * too soon.
 */
export class ServiceClock {
  readonly #effects: Effects;
  /** The service's time less that of this machine's timer, which nobody can set. */
  #offset: number | undefined;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  get isKnown(): boolean {
    return this.#offset !== undefined;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#offset === undefined ? this.#effects.now() : Math.floor(this.#offset + performance.now());
  }

  /** How far this machine's clock is ahead of the service's, in milliseconds; undefined where that is not known. */
  get skewMs(): number | undefined {
    return this.#offset === undefined ? undefined : this.#effects.now() - this.now();
  }

  /** Takes note of an answer's `Date`, just now. */
  observe(date: string | undefined): void {
    const ms = parseHttpDate(date ?? "", this.#effects.now());
    if (ms === undefined) return;
    const offset = ms - performance.now();
    const isFiner = this.#offset !== undefined && Math.abs(this.#offset - offset) < RESOLUTION_MS;
    this.#offset = isFiner ? Math.max(offset, this.#offset ?? offset) : offset;
  }

  /** It is later than `ms`, which this clock said before: what is within its resolution is put right. */
  noEarlierThan(ms: number): void {
    const behind = ms - this.now();
    if (this.#offset !== undefined && behind >= 0 && behind < RESOLUTION_MS) this.#offset += behind + 1;
  }

  /** What to tell where this machine's clock is off by minutes; undefined where it is not. */
  get warning(): string | undefined {
    const skew = this.skewMs ?? 0;
    if (Math.abs(skew) <= WARN_SKEW_MS) return undefined;
    return (
      `This machine's clock is ${describeSkew(skew)} the service's, which says ${new Date(this.now()).toISOString()}. ` +
      "Days and times follow the service's clock: set this machine's."
    );
  }
}

/** A clock that is off by less may be a busy machine. */
const WARN_SKEW_MS = 5 * 60_000;

/** `3 hours ahead of`, `90 seconds behind`. */
export function describeSkew(skewMs: number): string {
  const seconds = Math.abs(skewMs) / 1000;
  const [size, unit] = UNITS.find(([each]) => Math.round(seconds / each) >= 2) ?? [1, "second"];
  const count = Math.round(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ${skewMs > 0 ? "ahead of" : "behind"}`;
}

const UNITS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
] as const;
