import { type Effects, joinSignals, monotonicOf, realEffects } from "./effects.ts";

/** A limit in time that can be held while somebody else is waited for, such as a slow reader of what is printed. */
export interface Deadline {
  /** Aborted when the time is over, or with the signal that it was given. */
  readonly signal: AbortSignal;
  /** Throws where the time is over, for loops whose waits may be none. */
  readonly check: () => void;
  /** Runs a task whose time does not count. */
  readonly hold: <T>(task: () => Promise<T>) => Promise<T>;
}

export interface DeadlineOptions {
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds; undefined: no limit. */
  readonly ms: number | undefined;
  /** What the signal is aborted with when the time is over. */
  readonly late: () => Error;
}

/** Runs a task that must end within a time: its waits, retries and reads take the deadline's signal. */
export async function withDeadline<T>(
  { effects, signal, ms = Number.POSITIVE_INFINITY, late }: DeadlineOptions,
  task: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const joined = joinSignals(signal, over.signal);
  let left = ms;
  let began = monotonicOf(effects);
  let timer = new AbortController();
  const run = (): void => {
    began = monotonicOf(effects);
    timer = new AbortController();
    if (!Number.isFinite(left)) return;
    // The machine's own timer: what the effects' sleep makes of time is for the waits.
    realEffects.sleep(Math.max(0, left), timer.signal).then(
      () => over.abort(late()),
      () => undefined,
    );
  };
  const stop = (): void => {
    left -= monotonicOf(effects) - began;
    timer.abort();
  };
  run();
  try {
    return await task({
      signal: joined.signal,
      check: () => {
        joined.signal.throwIfAborted();
        if (monotonicOf(effects) - began >= left) throw late();
      },
      hold: async (held) => {
        stop();
        try {
          return await held();
        } finally {
          run();
        }
      },
    });
  } finally {
    timer.abort();
    joined.release();
  }
}
