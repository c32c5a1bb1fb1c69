import { abortable, type Effects, joinSignals, monotonicOf } from "../support/effects.ts";

/** The token's current window, from the `inin-ratelimit-*` headers of a response. */
export interface RateLimit {
  /** Calls counted in the window so far, including other clients' calls with the same token. */
  readonly count: number;
  readonly allowed: number;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/** Permission to make one call. Return it with `settle`, whatever the outcome. */
export interface Grant {
  /** The window of the grant and its known count. A response with no higher count belongs to a later window. */
  readonly window: number;
  readonly known: number;
  /** How many calls had settled and been lost by then: a response's count includes them all. */
  readonly settled: number;
  readonly lost: number;
}

/** Until the headers say otherwise: the documented limit of a client-credentials token, and a few concurrent calls. */
const ASSUMED_ALLOWED = 300;
const ASSUMED_WINDOW_MS = 60_000;
const FIRST_BURST = 10;

/** Share of the allowance left for others who use the same token, and for the calls that detect a new window. */
const HEADROOM = 0.05;

/** `inin-ratelimit-reset` is in whole seconds, so a window may last slightly longer than it says. */
const RECHECK_MS = 500;

/**
 * The service counts calls per minute, so a later reset is not believed. After a minute a single call goes ahead and shows
 * whether a new window has begun.
 */
const MAX_RESET_MS = ASSUMED_WINDOW_MS;

/**
 * The arithmetic of one token's rate limit, without clock or timers. The service counts calls in fixed windows.
 * Calls in progress are added to the known count, as if the service had not counted them yet. The allowance is therefore
 * never exceeded, but calls may wait slightly too early. When the allowance is used up and the window should be over, a
 * single call goes ahead: its response shows whether a new window has begun.
 */
export class RateWindow {
  #allowed = ASSUMED_ALLOWED;
  #known = 0;
  #underWay = 0;
  #settled = 0;
  #lost = 0;
  #window = 0;
  #resetAt: number | undefined;
  #pausedUntil = 0;
  #seen = false;
  #probing: Grant | undefined;

  /** A grant, or the milliseconds to wait before the next try (Infinity: until a call settles). */
  take(now: number): Grant | number {
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    this.#resetAt ??= now + ASSUMED_WINDOW_MS;
    if (!this.#seen) return this.#takeUnseen(now);
    if (this.#known + this.#underWay < this.#usable()) return this.#grant();
    if (this.#probing !== undefined) return Number.POSITIVE_INFINITY;
    if (now < this.#resetAt) return this.#resetAt - now;
    this.#probing = this.#grant();
    return this.#probing;
  }

  #takeUnseen(now: number): Grant | number {
    if (this.#resetAt !== undefined && now >= this.#resetAt) this.#roll(0, now + ASSUMED_WINDOW_MS);
    if (this.#underWay >= FIRST_BURST) return Number.POSITIVE_INFINITY;
    if (this.#known + this.#underWay >= this.#usable()) return (this.#resetAt ?? now) - now;
    return this.#grant();
  }

  #usable(): number {
    return Math.max(1, Math.floor(this.#allowed * (1 - HEADROOM)));
  }

  #grant(): Grant {
    this.#underWay++;
    return { window: this.#window, known: this.#known, settled: this.#settled, lost: this.#lost };
  }

  #roll(known: number, resetAt: number): void {
    this.#window++;
    this.#known = known;
    this.#resetAt = resetAt;
  }

  /** Records the outcome of the call of `grant`: the response's headers, or undefined if it had none or failed. */
  settle(grant: Grant, limit: RateLimit | undefined, now: number): void {
    this.#underWay--;
    const probed = this.#probing === grant;
    if (probed) this.#probing = undefined;
    if (limit === undefined || grant.window !== this.#window) {
      this.#known++;
      this.#lost++;
      if (probed) this.#resetAt = now + RECHECK_MS;
    } else {
      this.#learn(grant, limit, now, probed);
    }
    this.#settled++;
  }

  /** A response's count may miss calls that settled while it was in progress, so they are added to be safe. */
  #learn(grant: Grant, limit: RateLimit, now: number, probed: boolean): void {
    const resetAt = now + Math.min(limit.resetMs, MAX_RESET_MS);
    this.#allowed = limit.allowed;
    if (!this.#seen || limit.count <= grant.known) {
      this.#seen = true;
      this.#roll(limit.count + this.#settled - grant.settled, resetAt);
    } else {
      this.#known = Math.max(this.#known, limit.count + this.#lost - grant.lost);
      this.#resetAt = Math.max(this.#resetAt ?? 0, resetAt, probed ? now + RECHECK_MS : 0);
    }
  }

  /** Milliseconds until the next call may start, as far as is known; 0 if it need not wait. */
  delay(now: number): number {
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    if (this.#known + this.#underWay < this.#usable()) return 0;
    return Math.max(0, (this.#resetAt ?? now) - now);
  }

  /** The minimum time for this many more calls under the current limit, in milliseconds, if no other client uses it. */
  timeFor(calls: number, now: number): number {
    const paused = Math.max(0, this.#pausedUntil - now);
    const beyond = calls - Math.max(0, this.#usable() - this.#known - this.#underWay);
    if (beyond <= 0) return paused;
    const reset = Math.max(0, (this.#resetAt ?? now) - now);
    return Math.max(paused, reset + (Math.ceil(beyond / this.#usable()) - 1) * ASSUMED_WINDOW_MS);
  }

  /** Holds all calls for `ms`. The service demanded it of one call, but it counts all calls together. */
  pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }
}

/** The longest sleep of a waiting call before it checks again. */
const LOOK_AGAIN_MS = 60_000;
/** Shorter waits are not reported. */
const TELL_WAIT_MS = 10_000;

/** Starts calls in order of arrival, as fast as the token's rate limit allows. */
export class Limiter {
  readonly #window = new RateWindow();
  readonly #effects: Effects;
  readonly #onWait: (ms: number) => void;
  #line: Promise<unknown> = Promise.resolve();
  #wake = new AbortController();
  /** The end of the wait that was reported last. */
  #reportedUntil = 0;

  /** @param onWait called at the start of each wait of more than ten seconds. */
  constructor(effects: Effects, onWait: (ms: number) => void) {
    this.#effects = effects;
    this.#onWait = onWait;
  }

  /** Waits for permission to make one call. Rejects with the signal's reason as soon as it aborts, even while queued. */
  acquire(signal?: AbortSignal): Promise<Grant> {
    const turn = this.#line.then(() => this.#waitForGrant(signal));
    this.#line = turn.catch(() => undefined);
    return abortable(turn, signal).catch((error: unknown) => {
      // Return a grant that arrives at the moment of the abort.
      turn.then((grant) => this.settle(grant, undefined)).catch(() => undefined);
      throw error;
    });
  }

  async #waitForGrant(signal: AbortSignal | undefined): Promise<Grant> {
    for (;;) {
      signal?.throwIfAborted();
      const taken = this.#window.take(monotonicOf(this.#effects));
      if (typeof taken !== "number") return taken;
      this.#reportWait(taken);
      await this.#sleep(Math.min(taken, LOOK_AGAIN_MS), signal);
    }
  }

  #reportWait(ms: number): void {
    const until = monotonicOf(this.#effects) + ms;
    if (!Number.isFinite(ms) || ms <= TELL_WAIT_MS || until <= this.#reportedUntil + 1_000) return;
    this.#reportedUntil = until;
    this.#onWait(ms);
  }

  /** Sleeps at most until a call settles, because its response may show more room. */
  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    const joined = joinSignals(signal, wake.signal);
    try {
      await this.#effects.sleep(ms, joined.signal);
    } catch (error) {
      if (!wake.signal.aborted || signal?.aborted) throw error;
    } finally {
      joined.release();
    }
  }

  settle(grant: Grant, limit: RateLimit | undefined): void {
    this.#window.settle(grant, limit, monotonicOf(this.#effects));
    this.#wake.abort();
  }

  pause(ms: number): void {
    this.#window.pause(ms, monotonicOf(this.#effects));
  }

  /** Milliseconds until the next call may start. */
  get delayMs(): number {
    return this.#window.delay(monotonicOf(this.#effects));
  }

  /** The minimum time for this many more calls under the current limit, in milliseconds. */
  timeFor(calls: number): number {
    return this.#window.timeFor(calls, monotonicOf(this.#effects));
  }
}

/** Parses the three headers; undefined if one is missing or not a number. `inin-ratelimit-reset` is in seconds. */
export function parseRateLimit(header: (name: string) => string | undefined): RateLimit | undefined {
  const [count, allowed, reset] = ["count", "allowed", "reset"].map((name) => {
    const text = header(`inin-ratelimit-${name}`);
    return text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  });
  if (count === undefined || allowed === undefined || reset === undefined) return undefined;
  if (![count, allowed, reset].every((n) => Number.isFinite(n) && n >= 0) || allowed < 1) return undefined;
  return { count, allowed, resetMs: reset * 1000 };
}
