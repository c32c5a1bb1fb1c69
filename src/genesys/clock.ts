import type { Effects } from "../support/effects.ts";
import { parseHttpDate } from "./http-date.ts";

/** Milliseconds. A larger difference between the clocks is reported, because the clock decides which UTC days are complete. */
export const SKEW_MS = 60_000;
/** `Date` has whole seconds, so it can be this much too low. */
const RESOLUTION_MS = 1_000;

/**
 * The service's clock, from the `Date` header of its responses. It decides which days are complete and can be fetched.
 * Before the first response it is this machine's clock. It may be up to a second late but is never early, so no day is
 * considered complete too soon.
 */
export class ServiceClock {
  readonly #effects: Effects;
  /** The service's time minus this machine's monotonic timer, which nobody can set. */
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

  /** How far this machine's clock is ahead of the service's, in milliseconds; undefined if unknown. */
  get skewMs(): number | undefined {
    return this.#offset === undefined ? undefined : this.#effects.now() - this.now();
  }

  /** Updates the clock from the `Date` of a response that has just arrived. */
  observe(date: string | undefined): void {
    const ms = parseHttpDate(date ?? "", this.#effects.now());
    if (ms === undefined) return;
    const offset = ms - performance.now();
    const isFiner = this.#offset !== undefined && Math.abs(this.#offset - offset) < RESOLUTION_MS;
    this.#offset = isFiner ? Math.max(offset, this.#offset ?? offset) : offset;
  }

  /** Corrects the clock after a wait: it is at least `ms`, a time that this clock gave before. */
  noEarlierThan(ms: number): void {
    const behind = ms - this.now();
    if (this.#offset !== undefined && behind >= 0 && behind < RESOLUTION_MS) this.#offset += behind + 1;
  }

  /** The warning to print if this machine's clock is off by minutes; undefined otherwise. */
  get warning(): string | undefined {
    const skew = this.skewMs ?? 0;
    if (Math.abs(skew) <= WARN_SKEW_MS) return undefined;
    return (
      `This machine's clock is ${describeSkew(skew)} the service's, which says ${new Date(this.now()).toISOString()}. ` +
      "gc-usage uses the service's clock. Correct the clock of this machine."
    );
  }
}

/** A smaller difference may only mean a busy machine. */
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
