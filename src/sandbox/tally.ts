import { METRICS, type Metric } from "../usage/metric.ts";
import { step } from "./hash.ts";

/** The counts of one row, in the order of METRICS. */
export type Counts = Readonly<Record<Metric, number>>;

const WIDTH = METRICS.length;

/**
 * Sums by numeric key, for a million keys and more: an open-addressing table over typed arrays, about 70 bytes per key,
 * where a Map of objects would need ten times that. Keys are returned in order of first use.
 */
export class Tally {
  #keys = new Float64Array(1024);
  #sums = new Float64Array(1024 * WIDTH);
  /** Slot → position in `#keys` plus one; 0 is free. At least twice as long as `#keys`. */
  #slots = new Int32Array(4096);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param key an integer below 2^53. */
  add(key: number, counts: Counts): void {
    const at = this.#placeOf(key) * WIDTH;
    for (let i = 0; i < WIDTH; i++) {
      const metric = METRICS[i];
      if (metric !== undefined) this.#sums[at + i] = (this.#sums[at + i] ?? 0) + counts[metric];
    }
  }

  keyAt(place: number): number {
    return this.#keys[place] ?? 0;
  }

  /** The sum of METRICS[metric]. */
  sumAt(place: number, metric: number): number {
    return this.#sums[place * WIDTH + metric] ?? 0;
  }

  #placeOf(key: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(key) & mask;
    for (let place = this.#slots[slot] ?? 0; place !== 0; place = this.#slots[slot] ?? 0) {
      if (this.#keys[place - 1] === key) return place - 1;
      slot = (slot + 1) & mask;
    }
    if (this.#size === this.#keys.length) {
      this.#grow();
      return this.#placeOf(key);
    }
    this.#keys[this.#size] = key;
    this.#slots[slot] = ++this.#size;
    return this.#size - 1;
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    keys.set(this.#keys);
    const sums = new Float64Array(this.#sums.length * 2);
    sums.set(this.#sums);
    this.#keys = keys;
    this.#sums = sums;
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let place = 0; place < this.#size; place++) {
      let slot = hashOf(keys[place] ?? 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = place + 1;
    }
  }
}

function hashOf(key: number): number {
  return step(step(0x51ed270b, key >>> 0), Math.floor(key / 0x1_0000_0000));
}
