import pLimit from "p-limit";

/**
 * Work that somebody looks at goes first. On a small machine, a check of the whole lake would make the numbers of the page several
 * times as slow.
 */
export class Foreground {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #oneAtATime = pLimit(1);

  /** Runs what the page's numbers wait for. */
  async first<T>(action: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await action();
    } finally {
      this.#running--;
      if (this.#running === 0) for (const go of this.#waiting.splice(0)) go();
    }
  }

  /** Runs what takes long, when nothing goes first and nothing else that takes long is running. */
  async later<T>(action: () => Promise<T>): Promise<T> {
    return await this.#oneAtATime(async () => {
      while (this.#running > 0) await new Promise<void>((go) => this.#waiting.push(go));
      return await action();
    });
  }
}
