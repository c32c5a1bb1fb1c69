import { createHash } from "node:crypto";
import type { CheckState } from "../insight/notices.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../support/effects.ts";
import { type GcUsageError, messageOf } from "../support/errors.ts";
import type { CheckFinding } from "./check-report.ts";
import { changeState, readState } from "./check-state.ts";

/** A finding that is news, for a destination. */
export interface CheckMessage {
  readonly organization: string | undefined;
  /** The lake's location. */
  readonly lake: string;
  readonly finding: CheckFinding;
}

/** Where news is sent: a webhook, a topic. */
export interface Destination {
  /** Identifies it in the lake without showing it, because the address of a webhook is a secret. */
  readonly id: string;
  /** For messages, without secrets. */
  readonly name: string;
  body(message: CheckMessage): unknown;
  /** @param key identifies the message, so that a receiver can ignore a repetition. */
  send(body: unknown, key: string): Promise<void>;
}

export function destinationId(address: string): string {
  return createHash("sha256").update(address).digest("hex").slice(0, 16);
}

/** The state with the messages that have to be delivered: those that a destination has not got yet. */
export function withMessages(
  state: CheckState,
  news: readonly CheckMessage[],
  destinations: readonly Destination[],
): CheckState {
  const added = destinations.flatMap((destination) =>
    news.map((message) => ({
      destination: destination.id,
      key: keyOf(message.finding),
      body: destination.body(message),
    })),
  );
  return { ...state, outbox: [...state.outbox, ...added] };
}

/** A case is new once, gets worse on different days, and ends once. */
function keyOf({ id, status, lastDay }: CheckFinding): string {
  return `${id}.${status}.${lastDay}`;
}

/**
 * Sends what is waiting, and forgets each message only when its destination has taken it. After a failure the rest waits for
 * the next check, so that the order stays.
 *
 * @returns the failures.
 */
export async function deliver(
  lake: Lake,
  destinations: readonly Destination[],
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal | undefined },
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const destination of destinations) {
    const waiting = (await readState(lake))?.outbox ?? [];
    for (const { key, body } of waiting.filter((message) => message.destination === destination.id)) {
      signal?.throwIfAborted();
      try {
        await destination.send(body, key);
      } catch (error) {
        signal?.throwIfAborted();
        log.warn(
          `${destination.name} did not get the message ${key}: ${messageOf(error)} It is sent again with the next check.`,
        );
        failures.push(error);
        break;
      }
      const failure = await forget(lake, destination.id, key);
      if (failure === undefined) continue;
      log.warn(
        `${destination.name} got the message ${key}, but the lake could not record it: ${failure.message} ` +
          "It is sent again with the next check.",
      );
      failures.push(failure);
      break;
    }
  }
  return failures;
}

async function forget(lake: Lake, destination: string, key: string): Promise<GcUsageError | undefined> {
  const { failure } = await changeState(lake, (state) => ({
    state: state && {
      ...state,
      outbox: state.outbox.filter((message) => message.destination !== destination || message.key !== key),
    },
    result: undefined,
  }));
  return failure;
}
