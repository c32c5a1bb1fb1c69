import { setTimeout as sleep } from "node:timers/promises";
import { S3ServiceException } from "@aws-sdk/client-s3";

/** How often a write that met another one at the same moment (409) is tried, and a download that broke off. */
export const TRIES = 6;

/** Full jitter, so that two that met do not meet again. */
export async function pause(attempt: number, signal?: AbortSignal): Promise<void> {
  await sleep(Math.random() * 100 * 2 ** attempt, undefined, signal && { signal });
}

/** The HTTP status where S3 has answered. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
