/**
 * The environment as functions: time, sleeping, randomness. Passed as an argument with these defaults, so tests replace what
 * they need and mock no module.
 */
export interface Effects {
  /** Milliseconds since 1970, UTC. This clock may be set at any moment, so no wait is measured by it. */
  readonly now: () => number;
  /** Milliseconds on a monotonic clock, for waits and durations. Default: `now`. */
  readonly monotonic?: () => number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Milliseconds on the clock for waits and durations. */
export function monotonicOf({ monotonic, now }: Effects): number {
  return (monotonic ?? now)();
}

/** Timers hold 31 bits: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      if (signal) reject(abortReason(signal));
    };
    const begin = (left: number): ReturnType<typeof setTimeout> =>
      setTimeout(
        () => {
          if (left > MAX_TIMER_MS) {
            timer = begin(left - MAX_TIMER_MS);
            return;
          }
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(left, MAX_TIMER_MS),
      );
    let timer = begin(ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves like `promise`, or rejects with the signal's reason as soon as it aborts: for work that cannot be stopped. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(abortReason(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}

/** An AbortSignal's reason is typed any; we always abort with an Error. */
function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error("aborted");
}

/** The promise's outcome, or the signal's reason if it aborts first; the promise itself continues. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise;
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true, signal: done.signal });
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    done.abort();
    promise.catch(() => undefined);
  }
}

/** A signal that aborts with any of the given ones. Release it when done, or a long-lived signal would keep it alive. */
export function joinSignals(...signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  readonly release: () => void;
} {
  const joined = new AbortController();
  const done = new AbortController();
  for (const signal of signals) {
    if (signal?.aborted) joined.abort(signal.reason);
    signal?.addEventListener("abort", () => joined.abort(signal.reason), { once: true, signal: done.signal });
  }
  return { signal: joined.signal, release: () => done.abort() };
}

export const realEffects: Effects = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep,
  random: Math.random,
};

/** Receives messages from layers below the CLI; the CLI decides which of them to show. */
export interface Log {
  /** Something that the user must know although the run continues. */
  warn(message: string): void;
  /** A step, shown on a terminal. */
  info(message: string): void;
  /** The start of a wait of more than ten seconds; on a terminal the line is replaced. Default: `info`. */
  wait?(message: string): void;
  /** Shown only with --debug. */
  debug(message: string): void;
}

export const silentLog: Log = { warn() {}, info() {}, debug() {} };

/** Reports a wait of more than ten seconds. */
export function tellWait(log: Log, message: string): void {
  if (log.wait) log.wait(message);
  else log.info(message);
}
