import { unsoundAnswer } from "./problem.ts";

/** A page that was read. */
interface Page {
  readonly rows: number;
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** No well-behaved service returns more empty pages in a row. */
const MAX_EMPTY = 50;

/** Checks the pages of one query: they must not form a loop, repeat each other, or be empty without end. */
export class PageWatch {
  readonly #cursors = new Set<string>();
  /** The number of each page with rows, by the hash of its rows. */
  readonly #pages = new Map<string, number>();
  #read = 0;
  #empty = 0;

  /** @param after the cursor where reading begins or resumes. */
  constructor(after: string | undefined) {
    if (after !== undefined) this.#cursors.add(after);
  }

  /** @throws {GcUsageError} service, with `details.unsound`: the pages cannot be the query's rows. */
  add(id: string, { rows, next }: Page, hash: string): void {
    this.#read++;
    if (next !== undefined && this.#cursors.has(next)) {
      throw unsoundAnswer(id, `page ${this.#read} points back to a page that was already read`);
    }
    if (next !== undefined) this.#cursors.add(next);
    this.#empty = rows === 0 ? this.#empty + 1 : 0;
    if (this.#empty > MAX_EMPTY) {
      throw unsoundAnswer(id, `${this.#empty} pages in a row are empty but have a next page`);
    }
    if (rows === 0) return;
    const earlier = this.#pages.get(hash);
    if (earlier !== undefined) {
      throw unsoundAnswer(id, `page ${this.#read} has the same rows as page ${earlier}`);
    }
    this.#pages.set(hash, this.#read);
  }
}
