import { realEffects } from "../support/effects.ts";
import { Refusal } from "./failure.ts";

/** Wrong tokens that an address may send in a minute: a person chose the wall display's token. */
const MOST_ATTEMPTS = 20;
const MINUTE_MS = 60_000;

/** Counts wrong tokens by the address that they come from. */
export class Attempts {
  #failed = new Map<string, number>();
  #since = 0;

  /** @throws {Refusal} if too many tokens from the address were wrong. */
  check(address: string): void {
    const now = realEffects.now();
    if (Math.abs(now - this.#since) >= MINUTE_MS) {
      this.#since = now;
      this.#failed = new Map();
    }
    if ((this.#failed.get(address) ?? 0) < MOST_ATTEMPTS) return;
    throw new Refusal(429, "busy", "Too many wrong links were opened from this address.", "Wait a minute.");
  }

  failed(address: string): void {
    this.#failed.set(address, (this.#failed.get(address) ?? 0) + 1);
  }
}
