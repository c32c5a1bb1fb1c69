/** A page that was read. */
interface Page {
  readonly rows: number;
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** No well-behaved service returns more empty pages in a row. */
const MAX_EMPTY = 50;

/** Checks the pages of one query or listing: they must not form a loop, repeat each other, or be empty without end. */
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

  /** Why the page cannot belong to the query, which completes "…: "; undefined if it can. @param hash of the page's rows. */
  problemWith({ rows, next }: Page, hash: string): string | undefined {
    this.#read++;
    if (next !== undefined && this.#cursors.has(next))
      return `page ${this.#read} points back to a page that was already read`;
    if (next !== undefined) this.#cursors.add(next);
    this.#empty = rows === 0 ? this.#empty + 1 : 0;
    if (this.#empty > MAX_EMPTY) return `${this.#empty} pages in a row are empty but have a next page`;
    if (rows === 0) return undefined;
    const earlier = this.#pages.get(hash);
    if (earlier !== undefined) return `page ${this.#read} has the same rows as page ${earlier}`;
    this.#pages.set(hash, this.#read);
    return undefined;
  }
}
