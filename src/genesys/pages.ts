import { unsoundAnswer } from "./problem.ts";

/** One page that was read. */
interface Page {
  readonly rows: number;
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** No service that means well has as many pages without rows in a row. */
const MAX_EMPTY = 50;

/** Watches over the pages of one query: they must not lead round in a circle, repeat each other, or be empty without end. */
export class PageWatch {
  readonly #cursors = new Set<string>();
  /** The number of each page with rows, by the hash of its rows. */
  readonly #pages = new Map<string, number>();
  #read = 0;
  #empty = 0;

  /** @param after the cursor at which reading begins or is resumed. */
  constructor(after: string | undefined) {
    if (after !== undefined) this.#cursors.add(after);
  }

  /** @throws {UsageError} service, with `details.unsound`: what the pages hold is not the query's rows. */
  add(id: string, { rows, next }: Page, hash: string): void {
    this.#read++;
    if (next !== undefined && this.#cursors.has(next)) {
      throw unsoundAnswer(id, `page ${this.#read} names a page as its next that was read before`);
    }
    if (next !== undefined) this.#cursors.add(next);
    this.#empty = rows === 0 ? this.#empty + 1 : 0;
    if (this.#empty > MAX_EMPTY) {
      throw unsoundAnswer(id, `${this.#empty} pages one after the other have no rows and name a next page`);
    }
    if (rows === 0) return;
    const earlier = this.#pages.get(hash);
    if (earlier !== undefined) {
      throw unsoundAnswer(id, `page ${this.#read} holds the same rows as page ${earlier}`);
    }
    this.#pages.set(hash, this.#read);
  }
}
