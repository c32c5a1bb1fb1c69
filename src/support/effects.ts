/**
 * The world as functions take it: time, sleeping, chance. Passed as an argument with these defaults, so that
 * tests replace what they need and mock no module.
 */
export interface Effects {
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number;
  /** Resolves after `ms` milliseconds, rejects with the signal's reason when aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

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
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** As `promise` does, or rejects with the signal's reason as soon as it is aborted: for work that cannot be stopped. */
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

/** An AbortSignal's reason is typed any; what we abort with is an Error. */
function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error("aborted");
}

export const realEffects: Effects = { now: Date.now, sleep, random: Math.random };

/** Where a layer below the CLI tells what it does; the CLI decides what of it is shown. */
export interface Log {
  /** Something the user must know though the run goes on. */
  warn(message: string): void;
  /** A step, shown on a terminal. */
  info(message: string): void;
  /** Shown with --debug only. */
  debug(message: string): void;
}

export const silentLog: Log = { warn() {}, info() {}, debug() {} };
