/** The middle value, or the mean of the two middle values; NaN for none. */
export function median(values: readonly number[]): number {
  return medianOfSorted(Float64Array.from(values).sort(), values.length);
}

/** The median of the first `size` values, which are sorted. */
export function medianOfSorted(sorted: Float64Array, size: number): number {
  const middle = size >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return size % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/**
 * The position of the conformal quantile among `count` sorted values: of the next value, a share of at most 1 - `share` is
 * expected above it. Undefined if there are too few values for that share.
 */
export function conformalRank(count: number, share: number): number | undefined {
  const rank = Math.ceil((count + 1) * share - 1e-9);
  return rank > count ? undefined : Math.max(0, rank - 1);
}

/** The last `capacity` values, kept in order of size, so that a quantile needs no sorting. */
export class SortedWindow {
  readonly #capacity: number;
  /** In order of arrival, from `#oldest`, around the end. */
  readonly #arrived: number[] = [];
  #oldest = 0;
  readonly #sorted: Float64Array;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#sorted = new Float64Array(capacity + 1);
  }

  get size(): number {
    return this.#arrived.length;
  }

  add(value: number): void {
    let size = this.#arrived.length;
    if (size === this.#capacity) {
      const gone = this.#position(this.#arrived[this.#oldest] ?? 0, size);
      this.#sorted.copyWithin(gone, gone + 1, size);
      this.#arrived[this.#oldest] = value;
      this.#oldest = (this.#oldest + 1) % this.#capacity;
      size--;
    } else {
      this.#arrived.push(value);
    }
    const at = this.#position(value, size);
    this.#sorted.copyWithin(at + 1, at, size);
    this.#sorted[at] = value;
  }

  /** The value with `rank` smaller ones before it; NaN outside of the window. */
  at(rank: number): number {
    return rank < this.size ? (this.#sorted[rank] ?? Number.NaN) : Number.NaN;
  }

  /** The smallest value that at least `share` of the values do not exceed. */
  quantile(share: number): number {
    return this.at(Math.max(0, Math.ceil(share * this.size) - 1));
  }

  /** The first position among `size` sorted values that is not smaller than `value`. */
  #position(value: number, size: number): number {
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
