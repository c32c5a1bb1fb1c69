import { setTimeout as sleep } from "node:timers/promises";
import { S3ServiceException } from "@aws-sdk/client-s3";

/** Maximum number of attempts for a write that collided with another one (409), and for an interrupted download. */
export const TRIES = 6;

/** Full jitter, so that two colliding writes do not collide again. */
export async function pause(attempt: number, signal?: AbortSignal): Promise<void> {
  await sleep(Math.random() * 100 * 2 ** attempt, undefined, signal && { signal });
}

/** The HTTP status, if S3 responded. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
