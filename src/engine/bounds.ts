import type { ResultBounds, SqlRow, SqlValue } from "./engine.ts";

/** Counts what was read of a result, up to its bounds. */
export class Allowance {
  readonly #bounds: ResultBounds;
  #rows = 0;
  #characters = 0;
  /** True once something was left out. */
  isTruncated = false;
  /** True once nothing more may be read. */
  isUsedUp = false;

  constructor(bounds: ResultBounds) {
    this.#bounds = bounds;
  }

  /** The most characters of one value. */
  get valueCharacters(): number {
    return this.#bounds.valueCharacters;
  }

  /** The rows of a batch that are within the bounds, with long values cut. A row is taken completely or not at all. */
  take(batch: readonly SqlRow[]): SqlRow[] {
    const taken: SqlRow[] = [];
    for (const row of batch) {
      const cut = this.takeRow(row);
      if (cut === undefined) break;
      taken.push(cut);
    }
    return taken;
  }

  /** False if the next row exceeds the bounds, after which nothing is taken. */
  hasRow(): boolean {
    if (!this.isUsedUp && this.#rows >= this.#bounds.rows) this.#useUp();
    return !this.isUsedUp;
  }

  /** The row with long values cut; undefined if it exceeds the bounds. */
  takeRow(row: SqlRow): SqlRow | undefined {
    if (!this.hasRow()) return undefined;
    const cut = row.map((value) => this.#cut(value));
    const characters = cut.reduce<number>((sum, value) => sum + String(value ?? "").length, 0);
    if (this.#characters + characters > this.#bounds.characters) {
      this.#useUp();
      return undefined;
    }
    this.#rows++;
    this.#characters += characters;
    return cut;
  }

  #useUp(): void {
    this.isUsedUp = true;
    this.isTruncated = true;
  }

  #cut(value: SqlValue): SqlValue {
    if (typeof value !== "string" || value.length <= this.#bounds.valueCharacters) return value;
    this.isTruncated = true;
    return cutText(value, this.#bounds.valueCharacters);
  }
}

/** The beginning of a text, without half of a character at the end. */
export function cutText(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
