import { timingSafeEqual } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { GcUsageError } from "../index.ts";
import { secrets } from "../support/redact.ts";

const LEAST_TOKEN = 16;

/**
 * Keeps a token that the user has chosen out of all output.
 *
 * @param what `read-only token`, for the message.
 * @throws {GcUsageError} input, if it is easy to guess.
 */
export function checkToken(token: string, what: string): void {
  secrets.add(token);
  if (token.length >= LEAST_TOKEN) return;
  throw new GcUsageError("input", `The ${what} has fewer than ${LEAST_TOKEN} characters.`, {
    hint: "Make one that nobody can guess, for example: openssl rand -hex 24",
  });
}

/** Takes the same time wherever they differ. */
export function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** @returns the port, which the system chooses for 0. Rejects with Node's error. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
