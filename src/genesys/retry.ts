import type { Effects } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import { parseHttpDate } from "./http-date.ts";

export interface RetryPolicy {
  /** How often one call is tried in all. */
  readonly maxAttempts: number;
  /** The longest wait before the second attempt; it doubles with every further one. Milliseconds. */
  readonly baseMs: number;
  /** The longest wait that this program chooses by itself. Milliseconds. */
  readonly maxMs: number;
  /** The longest wait that a server may ask for: Genesys's own `gc` follows up to 180 s. Milliseconds. */
  readonly retryAfterCapMs: number;
}

export const RETRY: RetryPolicy = { maxAttempts: 10, baseMs: 500, maxMs: 30_000, retryAfterCapMs: 180_000 };

/** Spread over those who were told the same moment, so that they do not all come back in the same instant. */
const RETRY_AFTER_SPREAD_MS = 500;

/**
 * How long to wait, in milliseconds, before the attempt after `attempt` (1 is the first), or undefined to give up:
 * the error is not retryable, the attempts are used up, or the server asks for more patience than the policy has.
 * Where the server names a time (`details.retryAfterMs`) it is waited out; else the wait is uniform between
 * nothing and a ceiling that doubles ("full jitter"), which spreads callers best.
 *
 * @param random uniform in [0, 1)
 */
export function retryDelay(
  attempt: number,
  error: unknown,
  policy: RetryPolicy,
  random: () => number,
): number | undefined {
  if (!(error instanceof UsageError) || !error.retryable || attempt >= policy.maxAttempts) return undefined;
  const asked = retryAfterOf(error);
  // "At once" is no wait: ten attempts would be over before anything could have changed.
  if (!asked) return random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  return asked > policy.retryAfterCapMs ? undefined : asked + random() * RETRY_AFTER_SPREAD_MS;
}

/** The wait that the server asked for, in milliseconds, where it named one. */
export function retryAfterOf(error: UsageError): number | undefined {
  const asked = error.details["retryAfterMs"];
  return typeof asked === "number" ? asked : undefined;
}

/** The error as it is told once no further attempt is made. */
export function gaveUp(error: unknown, attempts: number, policy: RetryPolicy): unknown {
  if (!(error instanceof UsageError) || !error.retryable) return error;
  const asked = retryAfterOf(error);
  if (asked !== undefined && asked > policy.retryAfterCapMs) {
    const seconds = Math.ceil(asked / 1000);
    return new UsageError(
      error.kind,
      `${error.message} It asks to wait ${seconds} s, more than the ${policy.retryAfterCapMs / 1000} s that one call waits.`,
      { hint: `Run the same command again in ${seconds} s.`, details: error.details, cause: error },
    );
  }
  if (attempts === 1) return error;
  return new UsageError(error.kind, `${error.message} Tried ${attempts} times.`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { ...error.details, attempts },
    cause: error,
  });
}

/** No service asks for more than a day: what does is a mistake, and not waited for. */
const MAX_BELIEVED_MS = 24 * 3_600_000;

/**
 * How long an answer asks to wait, in milliseconds: `Retry-After` in whole seconds or as an HTTP date (RFC 9110, 10.2.3), or
 * the words of Genesys's 429 ("Retry the request in [12] seconds"). Undefined where it asks for nothing that can be meant: a
 * negative number, a fraction, more than a day. Then the own backoff holds.
 *
 * @param now milliseconds since 1970 on the service's clock: a date in the header is on that one.
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
  /** Asked at each failure, since a client is more patient once it has reached the service. */
  readonly policy: () => RetryPolicy;
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Told before each wait. `attempt` is the one that failed, 1 for the first. */
  readonly onRetry: (error: UsageError, waitMs: number, attempt: number) => void;
}

/** Runs `once` until it succeeds or the policy gives up. */
export async function withRetries<T>(once: () => Promise<T>, retrying: Retrying): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once();
    } catch (error) {
      const policy = retrying.policy();
      const waitMs = retryDelay(attempt, error, policy, retrying.effects.random);
      if (waitMs === undefined || !(error instanceof UsageError)) throw gaveUp(error, attempt, policy);
      retrying.onRetry(error, waitMs, attempt);
      await retrying.effects.sleep(waitMs, retrying.signal);
    }
  }
}
