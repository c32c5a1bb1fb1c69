import type { Difference, DifferenceReason, ValueTotal } from "../insight/reconcile.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { Grouping } from "../usage/grouping.ts";
import type { Service } from "../usage/service.ts";

/** One of the two counts that are compared. */
export interface ReconciledSide {
  readonly service: Service;
  readonly grouping: Grouping;
  /** Days of the period that the lake does not have. */
  readonly missing: readonly DayRange[];
  /** The rows that were read: period, coverage, age. */
  readonly basis: Envelope;
}

/** Differences with the same reason. */
export interface Explained {
  readonly reason: DifferenceReason;
  /** Figures, for a day and a value, that differ. */
  readonly figures: number;
  /** Requests of the right side minus those of the left one. */
  readonly requests: number;
}

export interface ReconcileReport {
  /** `unexplained`: some figures differ for no known reason. `unknown`: none do, but days are missing. */
  readonly outcome: "equal" | "explained" | "unexplained" | "unknown";
  readonly period: DayRange;
  /** What is compared: the two services, or two groupings of one service. */
  readonly left: ReconciledSide;
  readonly right: ReconciledSide;
  /** The dimension whose values are compared on each day; null for whole days. */
  readonly by: "client" | "endpoint" | "user" | "method" | "platform" | null;
  /** UTC days that both sides have. */
  readonly daysCompared: number;
  /** Figures, for a day and a value, that are equal. */
  readonly equal: number;
  readonly explained: readonly Explained[];
  /** Figures that differ for no known reason, by day. */
  readonly unexplained: readonly Difference[];
  /** The requests of each value on the days that both sides have, the most first. */
  readonly totals: readonly ValueTotal[];
  /** The days with differences, and the requests of both sides. */
  readonly days: readonly {
    readonly day: Day;
    readonly left: number;
    readonly right: number;
    readonly state: "equal" | "explained" | "unexplained";
  }[];
}
