import { type Effects, joinSignals, monotonicOf, realEffects } from "./effects.ts";

/** A time limit that can be paused while somebody else is slow, such as the reader of the output. */
export interface Deadline {
  /** Aborts when the time is over, or with the given signal. */
  readonly signal: AbortSignal;
  /** Throws if the time is over, for loops that may never wait. */
  readonly check: () => void;
  /** Runs a task whose time does not count. */
  readonly hold: <T>(task: () => Promise<T>) => Promise<T>;
}

export interface DeadlineOptions {
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds; undefined: no limit. */
  readonly ms: number | undefined;
  /** The abort reason when the time is over. */
  readonly late: () => Error;
}

/** Runs a task with a time limit: its waits, retries and reads must use the deadline's signal. */
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
    // Uses the machine's own timer: the effects' sleep may simulate time.
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
