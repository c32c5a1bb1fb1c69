/** `npm run test:soak` sets SOAK=full, and `npm run test:reliability` SOAK=short. */
const SOAK = process.env["SOAK"];

/** How much of a test to run: in full, in short, or the least that still tries it, which is part of `npm test`. */
export function size<T>(amounts: { least?: T; short: T; full: T }): T {
  if (SOAK === "full") return amounts.full;
  return SOAK === "short" ? amounts.short : (amounts.least ?? amounts.short);
}

/** Which of some cases to try: all in full, otherwise the first of them. */
export function some<T>(cases: readonly [T, ...T[]]): readonly T[] {
  return cases.slice(0, size({ short: 1, full: cases.length }));
}

/** Which of some cases to try: the first few in `npm test`, otherwise all. */
export function fewer<T>(cases: readonly T[], few = 1): readonly T[] {
  return cases.slice(0, size({ least: few, short: cases.length, full: cases.length }));
}

/** Figures for people, beside the test's result. */
export function tell(figures: string): void {
  process.stdout.write(`  ${figures}\n`);
}

/** Chance that can be repeated: the same for the same SEED and name. Without a SEED 1 stands for it. */
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

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}
