/** `npm run test:soak` sets SOAK=full, and `npm run test:reliability` SOAK=short. */
const SOAK = process.env["SOAK"];

/** How much of a test to run: all, a short version, or the minimum, which is part of `npm test`. */
export function size<T>(amounts: { least?: T; short: T; full: T }): T {
  if (SOAK === "full") return amounts.full;
  return SOAK === "short" ? amounts.short : (amounts.least ?? amounts.short);
}

/** Selects cases: all for a full run, otherwise the first ones. */
export function some<T>(cases: readonly [T, ...T[]]): readonly T[] {
  return cases.slice(0, size({ short: 1, full: cases.length }));
}

/** Selects cases: the first few for `npm test`, otherwise all. */
export function fewer<T>(cases: readonly T[], few = 1): readonly T[] {
  return cases.slice(0, size({ least: few, short: cases.length, full: cases.length }));
}

/** Prints figures next to the test's result. */
export function report(figures: string): void {
  process.stdout.write(`  ${figures}\n`);
}

/** Reproducible randomness: the same for the same SEED and name. The default SEED is 1. */
export class Chance {
  #state: number;

  constructor(name: string) {
    this.#state = Number(process.env["SEED"] ?? 1);
    for (const char of name) this.#state = Math.imul(this.#state ^ (char.codePointAt(0) ?? 0), 0x9e37_79b1);
  }

  /** Uniform in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** An integer from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}
