import { UsageError } from "../support/errors.ts";
import { hash } from "./hash.ts";

/** What can go wrong with a request, then with a job. docs/sandbox.md says what each does. */
const REQUEST_FAULTS = ["429", "500", "503", "drop", "cut", "slow", "expired"] as const;
const JOB_FAULTS = ["failed", "forget"] as const;
export const FAULTS = [...REQUEST_FAULTS, ...JOB_FAULTS] as const;
export type Fault = (typeof FAULTS)[number];

/** A probability from 0 to 1 for each kind; a kind left out never happens. */
export type FaultSpec = Readonly<Partial<Record<Fault, number>>>;

/**
 * Reads `0.1` (every kind, each with that probability) or `429=0.05,cut=0.02`.
 *
 * @throws {UsageError} input, for a kind that is unknown or there twice, or a number that is no probability.
 */
export function parseFaults(text: string): FaultSpec {
  const trimmed = text.trim();
  if (!trimmed.includes("=")) {
    const all = probability(trimmed, text);
    return Object.fromEntries(FAULTS.map((fault) => [fault, all]));
  }
  const spec: Partial<Record<Fault, number>> = {};
  for (const part of trimmed.split(",")) {
    const [name = "", ...values] = part.split("=").map((word) => word.trim());
    const fault = FAULTS.find((known) => known === name);
    if (fault === undefined) {
      throw new UsageError("input", `--faults: ${JSON.stringify(name)} is no kind of fault.`, {
        hint: `Use some of ${FAULTS.join(", ")}, for example 429=0.05,cut=0.02.`,
      });
    }
    if (spec[fault] !== undefined) {
      throw new UsageError("input", `--faults: ${JSON.stringify(name)} is there twice.`, {
        hint: `In ${JSON.stringify(text)}: give each kind once.`,
      });
    }
    spec[fault] = probability(values.join("="), text);
  }
  return spec;
}

function probability(text: string, whole: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1) {
    throw new UsageError("input", `--faults: ${JSON.stringify(text)} is not a probability.`, {
      hint: `In ${JSON.stringify(whole)}: write 0.1 for all kinds, or a list such as 429=0.05,cut=0.02.`,
    });
  }
  return value;
}

/** Which faults the n-th request and the n-th job meet: the same for the same seed. */
export class FaultDice {
  readonly #seed: number;
  readonly #spec: FaultSpec;

  constructor(seed: number, spec: FaultSpec) {
    this.#seed = seed;
    this.#spec = spec;
  }

  /** Each falls by itself: an answer may be slow, and a 503, and be cut. */
  forRequest(count: number, isSignIn: boolean): ReadonlySet<Fault> {
    return new Set(
      REQUEST_FAULTS.filter((fault, i) => !(isSignIn && fault === "expired") && this.#falls(fault, count, i)),
    );
  }

  forJob(count: number): Fault | undefined {
    return JOB_FAULTS.find((fault, i) => this.#falls(fault, count, 100 + i));
  }

  #falls(fault: Fault, count: number, salt: number): boolean {
    return hash(this.#seed, 0x6661_756c, salt, count) < (this.#spec[fault] ?? 0) * 0x1_0000_0000;
  }
}
