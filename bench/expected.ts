import { readFileSync, writeFileSync } from "node:fs";
import { type Comparison } from "./context.ts";

const FILE = new URL("expected.json", import.meta.url);

/** What is recorded of a comparison. */
export interface Ratios {
  /** Of time or memory, or a figure. */
  readonly ratio: number;
  /** The same of processor time, which a busy machine changes less; undefined if it is not known. */
  readonly cpu?: number | undefined;
}

/** The results of `--quick`, by comparison. */
type Expected = Readonly<Record<string, Ratios>>;

/** A result may be worse by this share of the recorded one before CI fails: a shared machine is not exact. */
const MOST_OFF = 0.5;

export function recorded(): Expected {
  return JSON.parse(readFileSync(FILE, "utf8")) as Expected;
}

/** Replaces the recorded results of these comparisons. */
export function record(all: readonly Comparison[]): void {
  const found = Object.fromEntries(all.map((one) => [one.id, ratiosOf(one)]));
  writeFileSync(FILE, `${JSON.stringify({ ...recorded(), ...found }, undefined, 2)}\n`);
}

/**
 * One line for each comparison that is worse than the recorded result by more than half. If the processor time is known, it must be
 * worse too: other programs on the machine make everything slower, but not to the same extent.
 */
export function regressions(all: readonly Comparison[], expected: Expected): string[] {
  return all.flatMap((one) => {
    const was = expected[one.id];
    if (was === undefined) return [];
    const is = ratiosOf(one);
    const isMore = one.reach.is === "at least";
    const isWorse = (now: number | undefined, before: number | undefined): boolean | undefined => {
      if (now === undefined || before === undefined || Number.isNaN(now)) return undefined;
      return isMore ? now < before * (1 - MOST_OFF) : now > before * (1 + MOST_OFF);
    };
    if (!isWorse(is.ratio, was.ratio) || isWorse(is.cpu, was.cpu) === false) return [];
    const how = isMore ? "less than half" : "more than one and a half times";
    return `${one.id}: ${is.ratio}, ${how} the ${was.ratio} in bench/expected.json.`;
  });
}

function ratiosOf({ value, ratio, quantity, ours, theirs, reach }: Comparison): Ratios {
  const [over, under] = reach.is === "at least" ? [theirs, ours] : [ours, theirs];
  const cpu =
    quantity === "memory" || !over?.cpuSeconds || !under?.cpuSeconds
      ? undefined
      : over.cpuSeconds / under.cpuSeconds;
  return { ratio: rounded(ratio ?? value), ...(cpu === undefined ? {} : { cpu: rounded(cpu) }) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
