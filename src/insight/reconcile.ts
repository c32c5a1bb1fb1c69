import type { Day } from "../usage/day.ts";
import { isBuiltIn } from "./built-in-clients.ts";
import type { DayState } from "./daily-series.ts";

export const COUNTS = ["requests", "status200", "status300", "status400", "status500", "status429"] as const;
type Count = (typeof COUNTS)[number];
/** Null: the metric was not queried. */
export type Counts = Readonly<Record<Count, number | null>>;

/** The counts of a client, or of another value of the dimension that both sides have, on a UTC day. */
export interface DayCounts extends Counts {
  readonly day: Day;
  /** A client's id; null for requests without one, and if only whole days are compared. */
  readonly value: string | null;
  readonly name: string | null;
}

/** One of the two services or groupings. */
export interface Side {
  readonly rows: readonly DayCounts[];
  readonly stateOf: (day: Day) => DayState;
}

/**
 * Why two figures differ. `built-in-client`: only the jobs service counts it. `no-clients`: rows without clients, so that built-in
 * clients cannot be left out. `counted-since`: one side counts the value only from a day on, and both are equal since then.
 * `status400-without-429s`: one side leaves the 429s out of `status400`. `unsettled`: the figures may still change.
 */
export type DifferenceReason =
  | "built-in-client"
  | "no-clients"
  | "counted-since"
  | "status400-without-429s"
  | "unsettled";

/** Two figures that differ. Figures that are not there are 0 on a day that the side has. */
export interface Difference {
  readonly day: Day;
  readonly value: string | null;
  readonly name: string | null;
  readonly left: Counts;
  readonly right: Counts;
  /** Null: unexplained. */
  readonly reason: DifferenceReason | null;
}

export interface Reconciliation {
  /** Days that both sides have. */
  readonly days: readonly Day[];
  /** Pairs of figures, for a day and a value, that are equal. */
  readonly equal: number;
  /** By day and value. */
  readonly differences: readonly Difference[];
  /** The requests of both sides by value, on the days that both have; the most first. */
  readonly totals: readonly ValueTotal[];
}

export interface ValueTotal {
  readonly value: string | null;
  readonly name: string | null;
  readonly left: number;
  readonly right: number;
  /** `equal`: on every day. `explained`: some differ, and each for a known reason. */
  readonly state: "equal" | "explained" | "unexplained";
  /** The reasons of its differences. */
  readonly reasons: readonly DifferenceReason[];
  /** For `counted-since`: the first day that both sides count. */
  readonly since: Day | null;
  /** Days on which the figures differ for no known reason. */
  readonly unexplainedDays: number;
}

export interface ReconcileOptions {
  readonly days: readonly Day[];
  /** True if the two sides are the two services, and the right one also counts built-in clients. */
  readonly rightHasBuiltIns: boolean;
  /** False if whole days are compared, so that built-in clients cannot be left out. */
  readonly isByClient: boolean;
  /** What is compared. Default: all counts. */
  readonly counts?: readonly Count[];
}

/** So many equal days with requests, without which `counted-since` explains nothing. */
export const LEAST_EQUAL_DAYS = 3;

/** Compares two sides, by day and value, on the days that both have. */
export function reconcile(left: Side, right: Side, options: ReconcileOptions): Reconciliation {
  const isThere = (day: Day): boolean => left.stateOf(day) !== "missing" && right.stateOf(day) !== "missing";
  const days = options.days.filter(isThere);
  const pairs = pairsOf(left.rows, right.rows, new Set(days));
  const mayChange = (day: Day): boolean =>
    left.stateOf(day) === "unsettled" || right.stateOf(day) === "unsettled";
  const { counts = COUNTS } = options;
  let equal = 0;
  const differences: Difference[] = [];
  const totals: ValueTotal[] = [];
  for (const own of pairs.values()) {
    const since = countedSince(own, counts);
    const different = own.flatMap((pair): Difference[] =>
      isEqual(pair, counts)
        ? []
        : [{ ...pair, reason: reasonFor(pair, since, mayChange(pair.day), options) }],
    );
    equal += own.length - different.length;
    differences.push(...different);
    totals.push(totalOf(own, different, since));
  }
  return {
    days,
    equal,
    differences: differences.sort((a, b) => compare(a.day, b.day) || compare(a.value ?? "", b.value ?? "")),
    totals: totals.sort(
      (a, b) => b.right - a.right || b.left - a.left || compare(a.value ?? "", b.value ?? ""),
    ),
  };
}

type Pair = Omit<Difference, "reason">;

const NONE: Counts = {
  requests: 0,
  status200: 0,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
};

/** By value, in order of the days. */
function pairsOf(
  left: readonly DayCounts[],
  right: readonly DayCounts[],
  days: ReadonlySet<Day>,
): Map<string | null, Pair[]> {
  const found = new Map<string | null, Map<Day, Pair>>();
  for (const side of ["left", "right"] as const) {
    for (const row of side === "left" ? left : right) {
      const { day, value, name } = row;
      if (!days.has(day)) continue;
      const own = found.get(value) ?? new Map<Day, Pair>();
      found.set(value, own);
      const pair = own.get(day) ?? { day, value, name, left: NONE, right: NONE };
      own.set(day, { ...pair, name: pair.name ?? name, [side]: countsOf(row) });
    }
  }
  return new Map(
    [...found].map(([value, own]) => [value, [...own.values()].sort((a, b) => compare(a.day, b.day))]),
  );
}

function countsOf(row: Counts): Counts {
  const { requests, status200, status300, status400, status500, status429 } = row;
  return { requests, status200, status300, status400, status500, status429 };
}

/** Metrics that one side does not have are not compared. */
function isEqual({ left, right }: Pair, counts: readonly Count[]): boolean {
  return counts.every((name) => left[name] === null || right[name] === null || left[name] === right[name]);
}

/**
 * The first day on which both sides count a value, if one of them begins later than the other and both are equal since then.
 */
function countedSince(pairs: readonly Pair[], counts: readonly Count[]): Day | null {
  const both = pairs.findIndex(({ left, right }) => (left.requests ?? 0) > 0 && (right.requests ?? 0) > 0);
  if (both <= 0) return null;
  const before = pairs.slice(0, both);
  const isOneSided =
    before.every(({ left }) => (left.requests ?? 0) === 0) ||
    before.every(({ right }) => (right.requests ?? 0) === 0);
  const after = pairs.slice(both);
  if (!isOneSided || after.length < LEAST_EQUAL_DAYS) return null;
  return after.every((pair) => isEqual(pair, counts)) ? (pairs[both]?.day ?? null) : null;
}

function reasonFor(
  pair: Pair,
  since: Day | null,
  mayChange: boolean,
  { rightHasBuiltIns, isByClient }: ReconcileOptions,
): DifferenceReason | null {
  const { left, right, day, value, name } = pair;
  if (rightHasBuiltIns && isBuiltIn(value, name) && isNothing(left)) return "built-in-client";
  if (rightHasBuiltIns && !isByClient && COUNTS.every((count) => (right[count] ?? 0) >= (left[count] ?? 0)))
    return "no-clients";
  if (since !== null && day < since) return "counted-since";
  if (leavesOut429s(pair)) return "status400-without-429s";
  return mayChange ? "unsettled" : null;
}

function isNothing(counts: Counts): boolean {
  return COUNTS.every((name) => (counts[name] ?? 0) === 0);
}

/** Whether `status400` includes the 429s is documented for the legacy service only. */
function leavesOut429s(pair: Pair): boolean {
  const { left, right } = pair;
  if (
    !isEqual(
      pair,
      COUNTS.filter((name) => name !== "status400"),
    )
  )
    return false;
  const difference = Math.abs((left.status400 ?? 0) - (right.status400 ?? 0));
  return difference > 0 && difference === (right.status429 ?? left.status429);
}

function totalOf(own: readonly Pair[], different: readonly Difference[], since: Day | null): ValueTotal {
  const sum = (side: "left" | "right"): number =>
    own.reduce((total, pair) => total + (pair[side].requests ?? 0), 0);
  const reasons = [...new Set(different.flatMap(({ reason }) => reason ?? []))];
  const unexplainedDays = different.filter(({ reason }) => reason === null).length;
  return {
    value: own[0]?.value ?? null,
    name: own.findLast(({ name }) => name !== null)?.name ?? null,
    left: sum("left"),
    right: sum("right"),
    state: unexplainedDays > 0 ? "unexplained" : different.length > 0 ? "explained" : "equal",
    reasons,
    since: reasons.includes("counted-since") ? since : null,
    unexplainedDays,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
