import type { Effects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { parseHttpDate } from "./http-date.ts";

export interface RetryPolicy {
  /** The total number of attempts for one call. */
  readonly maxAttempts: number;
  /** The longest wait before the second attempt, in milliseconds; it doubles with every further attempt. */
  readonly baseMs: number;
  /** The longest wait that this program chooses by itself, in milliseconds. */
  readonly maxMs: number;
  /** The longest wait that a server may request, in milliseconds. Genesys's own `gc` follows up to 180 s. */
  readonly retryAfterCapMs: number;
}

export const RETRY: RetryPolicy = { maxAttempts: 10, baseMs: 500, maxMs: 30_000, retryAfterCapMs: 180_000 };

/** Random extra wait, so that callers with the same Retry-After do not all return at the same instant. */
const RETRY_AFTER_SPREAD_MS = 500;

/**
 * How long to wait, in milliseconds, before the attempt after `attempt` (1 is the first). Undefined means give up: the error
 * is not retryable, the attempts are used up, or the server requests a longer wait than the policy allows.
 * If the server gives a time (`details.retryAfterMs`), it is respected. Otherwise the wait is uniform between zero and a
 * ceiling that doubles ("full jitter"), which spreads callers best.
 *
 * @param random uniform in [0, 1)
 */
export function retryDelay(
  attempt: number,
  error: unknown,
  policy: RetryPolicy,
  random: () => number,
): number | undefined {
  if (!(error instanceof GcUsageError) || !error.retryable || attempt >= policy.maxAttempts) return undefined;
  const asked = retryAfterOf(error);
  // "At once" is treated as no wait: ten attempts would be over before anything could change.
  if (!asked) return random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  return asked > policy.retryAfterCapMs ? undefined : asked + random() * RETRY_AFTER_SPREAD_MS;
}

/** The wait that the server requested, in milliseconds; undefined if it did not. */
export function retryAfterOf(error: GcUsageError): number | undefined {
  const asked = error.details["retryAfterMs"];
  return typeof asked === "number" ? asked : undefined;
}

/** The error to report once no further attempt is made. */
export function gaveUp(error: unknown, attempts: number, policy: RetryPolicy): unknown {
  if (!(error instanceof GcUsageError) || !error.retryable) return error;
  const asked = retryAfterOf(error);
  if (asked !== undefined && asked > policy.retryAfterCapMs) {
    const seconds = Math.ceil(asked / 1000);
    return new GcUsageError(
      error.kind,
      `${error.message} The service asks for a wait of ${seconds} s, longer than the limit of ${policy.retryAfterCapMs / 1000} s.`,
      { hint: `Run the same command again in ${seconds} s.`, details: error.details, cause: error },
    );
  }
  if (attempts === 1) return error;
  return new GcUsageError(error.kind, `${error.message} Gave up after ${attempts} attempts.`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { ...error.details, attempts },
    cause: error,
  });
}

/** No service requests more than a day: a longer wait is a mistake and is ignored. */
const MAX_BELIEVED_MS = 24 * 3_600_000;

/**
 * The wait that a response requests, in milliseconds: `Retry-After` in whole seconds or as an HTTP date (RFC 9110, 10.2.3),
 * or the text of Genesys's 429 ("Retry the request in [12] seconds"). Undefined for none or an implausible one (negative, a
 * fraction, more than a day); then our own backoff applies.
 *
 * @param now milliseconds since 1970 on the service's clock, which a date in the header refers to.
 */
export function parseRetryAfter(
  header: string | undefined,
  message: string | undefined,
  now: number,
): number | undefined {
  const text = header?.trim() ?? "";
  const date = parseHttpDate(text, now);
  const words = /retry the request in \[?(\d+)\]? seconds?/i.exec(message ?? "");
  const [seconds] = /^\d+$/.exec(text) ?? words?.slice(1) ?? [];
  const asked = date === undefined ? Number(seconds) * 1000 : Math.max(0, date - now);
  return asked <= MAX_BELIEVED_MS ? asked : undefined;
}

export interface Retrying {
  /** Called at each failure, because a client is more patient once it has reached the service. */
  readonly policy: () => RetryPolicy;
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Called before each wait. `attempt` is the failed attempt, 1 for the first. */
  readonly onRetry: (error: GcUsageError, waitMs: number, attempt: number) => void;
}

/** Runs `once` until it succeeds or the policy gives up. */
export async function withRetries<T>(once: () => Promise<T>, retrying: Retrying): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once();
    } catch (error) {
      const policy = retrying.policy();
      const waitMs = retryDelay(attempt, error, policy, retrying.effects.random);
      if (waitMs === undefined || !(error instanceof GcUsageError)) throw gaveUp(error, attempt, policy);
      retrying.onRetry(error, waitMs, attempt);
      await retrying.effects.sleep(waitMs, retrying.signal);
    }
  }
}
