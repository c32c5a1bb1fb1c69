import { counted } from "../support/count.ts";
import { Refusal } from "./failure.ts";

/** Lets a few run at the same time, and a few wait. */
export class Turns {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  get state(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  async take<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#wait(signal);
    else this.#running++;
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  /** Resolves when a statement that ends passes its turn on. */
  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new Refusal(
        429,
        "busy",
        `${counted(this.#atOnce, "statement")} ${areOf(this.#atOnce)} running and ${this.#mostWaiting} ${areOf(this.#mostWaiting)} waiting.`,
        "Stop one, or try again when one has ended.",
      );
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason as Error);
      };
      const turn = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      signal.throwIfAborted();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(turn);
    });
  }
}

function areOf(count: number): string {
  return count === 1 ? "is" : "are";
}
