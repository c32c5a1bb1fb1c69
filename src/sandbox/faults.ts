import { GcUsageError } from "../support/errors.ts";
import { hash } from "./hash.ts";

/** The kind of a request, which decides which faults are possible. */
export type RequestKind = "sign-in" | "submit" | "results" | "other";

const ANY: readonly RequestKind[] = ["sign-in", "submit", "results", "other"];
const CALLS: readonly RequestKind[] = ["submit", "results", "other"];

interface FaultKind {
  readonly name: string;
  /** The requests that may have it, or "jobs": then it is decided when a job is submitted. */
  readonly meets: readonly RequestKind[] | "jobs";
  /** True if a client recovers by retrying. A single probability applies to these; the others must be named. */
  readonly passes: boolean;
}

/** The possible faults; docs/sandbox.md describes them. Add new kinds at the end: the order determines the random numbers. */
const KINDS = [
  { name: "429", meets: ANY, passes: true },
  { name: "500", meets: ANY, passes: true },
  { name: "503", meets: ANY, passes: true },
  { name: "drop", meets: ANY, passes: true },
  { name: "cut", meets: ANY, passes: true },
  { name: "slow", meets: ANY, passes: true },
  { name: "expired", meets: CALLS, passes: true },
  { name: "failed", meets: "jobs", passes: true },
  { name: "forget", meets: "jobs", passes: true },
  { name: "409", meets: ["submit"], passes: true },
  { name: "too-large", meets: "jobs", passes: true },
  { name: "429-window", meets: CALLS, passes: false },
  { name: "retry-after", meets: CALLS, passes: false },
  { name: "reset", meets: CALLS, passes: false },
  { name: "trickle", meets: ["results"], passes: false },
  { name: "too-long", meets: ["submit"], passes: false },
  { name: "no-rows", meets: "jobs", passes: false },
  { name: "repeat", meets: "jobs", passes: false },
  { name: "blank-pages", meets: "jobs", passes: false },
] as const satisfies readonly FaultKind[];

export type Fault = (typeof KINDS)[number]["name"];
export const FAULTS: readonly Fault[] = KINDS.map(({ name }) => name);
export const PASSING_FAULTS: readonly Fault[] = KINDS.flatMap(({ name, passes }) => (passes ? [name] : []));

const JOB_FAULTS = KINDS.filter(({ meets }) => meets === "jobs");
const REQUEST_FAULTS = KINDS.filter(({ meets }) => meets !== "jobs");

/** A probability from 0 to 1 for each kind; a missing kind never occurs. */
export type FaultSpec = Readonly<Partial<Record<Fault, number>>>;

/**
 * Parses `0.1` (this probability for every kind that passes) or `429=0.05,cut=0.02`.
 *
 * @throws {GcUsageError} input, for an unknown or repeated kind, or an invalid probability.
 */
export function parseFaults(text: string): FaultSpec {
  const trimmed = text.trim();
  if (!trimmed.includes("=")) {
    const all = probability(trimmed, text);
    return Object.fromEntries(PASSING_FAULTS.map((fault) => [fault, all]));
  }
  const spec: Partial<Record<Fault, number>> = {};
  for (const part of trimmed.split(",")) {
    const [name = "", ...values] = part.split("=").map((word) => word.trim());
    const fault = FAULTS.find((known) => known === name);
    if (fault === undefined) {
      throw new GcUsageError("input", `Invalid --faults: ${JSON.stringify(name)} is not a kind of fault.`, {
        hint: `Use one or more of ${FAULTS.join(", ")}, for example 429=0.05,cut=0.02.`,
      });
    }
    if (spec[fault] !== undefined) {
      throw new GcUsageError("input", `Invalid --faults: ${JSON.stringify(name)} is repeated.`, {
        hint: `Set each kind once in ${JSON.stringify(text)}.`,
      });
    }
    spec[fault] = probability(values.join("="), text);
  }
  return spec;
}

function probability(text: string, whole: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1) {
    throw new GcUsageError("input", `Invalid --faults: ${JSON.stringify(text)} is not a probability.`, {
      hint: `Change ${JSON.stringify(whole)} to a number from 0 to 1 for all kinds that pass, such as 0.1, or to a list such as 429=0.05,cut=0.02.`,
    });
  }
  return value;
}

/** Which faults the n-th request and the n-th job have: the same for the same seed. */
export class FaultDice {
  readonly #seed: number;
  readonly #spec: FaultSpec;

  constructor(seed: number, spec: FaultSpec) {
    this.#seed = seed;
    this.#spec = spec;
  }

  /** Each fault is independent: a response can be slow, a 503, and truncated. */
  forRequest(count: number, kind: RequestKind): ReadonlySet<Fault> {
    const met = REQUEST_FAULTS.filter(
      ({ name, meets }, i) => (meets as readonly RequestKind[]).includes(kind) && this.#falls(name, count, i),
    );
    return new Set(met.map(({ name }) => name));
  }

  forJob(count: number): Fault | undefined {
    return JOB_FAULTS.find(({ name }, i) => this.#falls(name, count, 100 + i))?.name;
  }

  #falls(fault: Fault, count: number, salt: number): boolean {
    return hash(this.#seed, 0x6661_756c, salt, count) < (this.#spec[fault] ?? 0) * 0x1_0000_0000;
  }
}
