import pLimit from "p-limit";
import { realEffects } from "../support/effects.ts";
import { dayOf } from "../usage/day.ts";
import { Body } from "./replies.ts";

/** The most bytes of kept answers. */
const MOST_BYTES = 64e6;
/** Answers that also ask Genesys Cloud may change with an unchanged lake. */
const FRESH_MS = 300_000;
/** The most answers that are calculated at the same time. */
const AT_ONCE = 8;

interface Kept {
  readonly body: Body;
  readonly version: string;
  readonly at: number;
}

/** Answers that are kept while the lake does not change, on the same UTC day, for five minutes. */
export class Answers {
  readonly #kept = new Map<string, Kept>();
  readonly #making = new Map<string, Promise<Body>>();
  readonly #limit = pLimit(AT_ONCE);

  /**
   * @param key identifies the answer.
   * @param version of the lake.
   */
  async get(key: string, version: string, make: () => Promise<unknown>): Promise<Body> {
    const now = realEffects.now();
    const state = `${version} ${dayOf(now)}`;
    const kept = this.#kept.get(key);
    if (kept?.version === state && now - kept.at < FRESH_MS) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept.body;
    }
    // Several tabs ask for the same when the lake changes.
    const id = `${state} ${key}`;
    const making =
      this.#making.get(id) ?? this.#make(key, state, make).finally(() => this.#making.delete(id));
    this.#making.set(id, making);
    return await making;
  }

  async #make(key: string, version: string, make: () => Promise<unknown>): Promise<Body> {
    const body = Body.json(await this.#limit(make));
    this.#kept.delete(key);
    this.#kept.set(key, { body, version, at: realEffects.now() });
    let bytes = 0;
    // The newest first.
    for (const [
      other,
      {
        body: {
          bytes: { length },
        },
      },
    ] of [...this.#kept].reverse()) {
      bytes += length;
      if (bytes > MOST_BYTES) this.#kept.delete(other);
    }
    return body;
  }
}
