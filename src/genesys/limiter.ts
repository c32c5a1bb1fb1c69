import { abortable, type Effects, joinSignals, monotonicOf } from "../support/effects.ts";

/** What an answer's `inin-ratelimit-*` headers say of the token's current window. */
export interface RateLimit {
  /** Calls counted in the window so far, others' calls with the same token among them. */
  readonly count: number;
  readonly allowed: number;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/** Leave to go ahead with one call. Give it back with `settle`, whatever comes of the call. */
export interface Grant {
  /** The window it was given in, and the count known then: an answer that counts no more is of a later window. */
  readonly window: number;
  readonly known: number;
  /** How many calls were settled and lost by then: an answer's count has them all. */
  readonly settled: number;
  readonly lost: number;
}

/** Until the headers say otherwise: the documented limit of a client-credentials token, and few calls at once. */
const ASSUMED_ALLOWED = 300;
const ASSUMED_WINDOW_MS = 60_000;
const FIRST_BURST = 10;

/** Part of the allowance left to others who use the same token, and to calls that mark a window's end. */
const HEADROOM = 0.05;

/** `inin-ratelimit-reset` is in whole seconds, so a window may last a little longer than it says. */
const RECHECK_MS = 500;

/**
 * The service counts by the minute. A reset that is further off is not believed: after a minute one call goes ahead alone
 * and shows whether a new window has begun.
 */
const MAX_RESET_MS = ASSUMED_WINDOW_MS;

/**
 * The arithmetic of one token's rate limit, without clock or timers. The service counts calls in fixed windows.
 * Calls under way count as if the service had not counted them yet, so the allowance is never overshot, at
 * the price of holding back a little too early. When the allowance is used up and the window should be over,
 * one call goes ahead alone: its answer shows whether a new window has begun.
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

  /** A grant, or the milliseconds to wait before asking again (Infinity: until a call is settled). */
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

  /** The call of `grant` was answered with these headers, or with none (undefined), or failed (undefined). */
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

  /** An answer's count may lack what was settled while its call was under way: that is added, as if it did. */
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

  /** Milliseconds until the next call may go ahead as far as is known: 0 where it need not wait. */
  delay(now: number): number {
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    if (this.#known + this.#underWay < this.#usable()) return 0;
    return Math.max(0, (this.#resetAt ?? now) - now);
  }

  /** Milliseconds that so many further calls take by the limit in force, where nobody else uses it. */
  timeFor(calls: number, now: number): number {
    const paused = Math.max(0, this.#pausedUntil - now);
    const beyond = calls - Math.max(0, this.#usable() - this.#known - this.#underWay);
    if (beyond <= 0) return paused;
    const reset = Math.max(0, (this.#resetAt ?? now) - now);
    return Math.max(paused, reset + (Math.ceil(beyond / this.#usable()) - 1) * ASSUMED_WINDOW_MS);
  }

  /** Nobody goes ahead for `ms`: the service said so to one of us, and counts us all together. */
  pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }
}

/** The longest that a waiting call sleeps without looking again. */
const LOOK_AGAIN_MS = 60_000;
/** Shorter waits are not worth a line. */
const TELL_WAIT_MS = 10_000;

/** Lets calls through, first come, first served, as fast as the token's rate limit allows. */
export class Limiter {
  readonly #window = new RateWindow();
  readonly #effects: Effects;
  readonly #onWait: (ms: number) => void;
  #line: Promise<unknown> = Promise.resolve();
  #wake = new AbortController();
  /** The end of the wait that was told of last. */
  #toldUntil = 0;

  /** @param onWait is told of each wait of more than ten seconds, when it begins. */
  constructor(effects: Effects, onWait: (ms: number) => void) {
    this.#effects = effects;
    this.#onWait = onWait;
  }

  /** Waits for leave to make one call. Rejects with the signal's reason when aborted, also while others are before it. */
  acquire(signal?: AbortSignal): Promise<Grant> {
    const turn = this.#line.then(() => this.#waitForGrant(signal));
    this.#line = turn.catch(() => undefined);
    return abortable(turn, signal).catch((error: unknown) => {
      // Leave that came in the moment of the abort is given back.
      turn.then((grant) => this.settle(grant, undefined)).catch(() => undefined);
      throw error;
    });
  }

  async #waitForGrant(signal: AbortSignal | undefined): Promise<Grant> {
    for (;;) {
      signal?.throwIfAborted();
      const taken = this.#window.take(monotonicOf(this.#effects));
      if (typeof taken !== "number") return taken;
      this.#tell(taken);
      await this.#sleep(Math.min(taken, LOOK_AGAIN_MS), signal);
    }
  }

  #tell(ms: number): void {
    const until = monotonicOf(this.#effects) + ms;
    if (!Number.isFinite(ms) || ms <= TELL_WAIT_MS || until <= this.#toldUntil + 1_000) return;
    this.#toldUntil = until;
    this.#onWait(ms);
  }

  /** Sleeps no longer than until a call is settled: its answer may tell of more room. */
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

  /** Milliseconds until the next call may go ahead. */
  get delayMs(): number {
    return this.#window.delay(monotonicOf(this.#effects));
  }

  /** Milliseconds that so many further calls take at least, by the limit in force. */
  timeFor(calls: number): number {
    return this.#window.timeFor(calls, monotonicOf(this.#effects));
  }
}

/** The three headers, undefined where one is missing or no number. `inin-ratelimit-reset` is in seconds. */
export function parseRateLimit(header: (name: string) => string | undefined): RateLimit | undefined {
  const [count, allowed, reset] = ["count", "allowed", "reset"].map((name) => {
    const text = header(`inin-ratelimit-${name}`);
    return text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  });
  if (count === undefined || allowed === undefined || reset === undefined) return undefined;
  if (![count, allowed, reset].every((n) => Number.isFinite(n) && n >= 0) || allowed < 1) return undefined;
  return { count, allowed, resetMs: reset * 1000 };
}
