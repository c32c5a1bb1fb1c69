import type {
  CheckFinding,
  Column,
  Envelope,
  FairUseReport,
  FetchedAt,
  LimitsReport,
  RowObject,
} from "../index.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, LackingDays } from "../usage/envelope.ts";
import type { Grouping } from "../usage/grouping.ts";
import type { Service } from "../usage/service.ts";
import type { Counts } from "../views/counts.ts";

/** What a report says about one lake, as values. Every writer shows these and nothing else. */
export interface Report {
  /** `gc-usage 1.2.3` */
  readonly program: string;
  /** When the report was made, ISO 8601 in UTC. */
  readonly madeAt: string;
  /** The organization, if the lake is one of several. */
  readonly organization: string | null;
  readonly lake: string;
  /** The options that name the lake in commands, ` --lake usage-lake`. */
  readonly flags: string;
  /** UTC days, both included. */
  readonly period: DayRange;
  readonly service: Service;
  readonly grouping: Grouping;
  readonly coverage: PeriodCoverage;
  /** The equally long period before. */
  readonly before: { readonly period: DayRange; readonly coverage: PeriodCoverage };
  /** Null if nothing of both periods is stored. */
  readonly fetchedAt: FetchedAt | null;
  /** What is missing from the period; empty if it is complete. One sentence each. */
  readonly gaps: readonly string[];
  /** What else to know before reading a figure, such as days that may still be corrected. One sentence each. */
  readonly notes: readonly string[];
  /** The command that fetches what is missing; null if nothing is. */
  readonly sync: string | null;
  readonly totals: readonly Total[];
  /** What `check` finds up to the last day, and what was over in the period. The most important ones come first. */
  readonly findings: readonly CheckFinding[];
  /** The first day that the findings look back to; figures of earlier days of the period are not judged. */
  readonly findingsFrom: Day;
  /** Requests by day and client, of both periods. */
  readonly counts: Counts;
  /** The answers, each with its statement. */
  readonly tables: readonly ReportTable[];
  /** Null if the allowance is not known; then `noFairUse` says why, and how to get it. */
  readonly fairUse: FairUseReport | null;
  readonly noFairUse: string | null;
  readonly limits: LimitsReport;
}

/** Which days of a period are in the lake. */
export interface PeriodCoverage {
  /** True if every day is stored, with every metric. */
  readonly complete: boolean;
  readonly days: number;
  readonly daysCovered: number;
  readonly missing: readonly DayRange[];
  /** Days without some of the metrics. */
  readonly partial: readonly LackingDays[];
  /** The stored days whose figures may still change. */
  readonly unsettled: readonly DayRange[];
}

/** A figure of the whole period. */
export interface Total {
  readonly name: "requests" | "rateLimited" | "failed" | "clients";
  readonly value: number;
  /** The same for the period before; null if some of its days, or of the period's, are missing. */
  readonly before: number | null;
}

export interface ReportTable {
  /** The question that it answers, or `headroom`. */
  readonly name: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** As in the statement. */
  readonly columns: readonly Column[];
  /** By the columns' names. Counts beyond 2^53 are bigints. */
  readonly rows: readonly RowObject[];
  /** True if there may be more rows. */
  readonly isCut: boolean;
  /** Why there are no rows, or what they leave out; null if there is nothing to say. */
  readonly note: string | null;
  /** The statement; null if it could not be prepared. */
  readonly sql: string | null;
  /** What the rows are based on; null if nothing was read. */
  readonly basis: Envelope | null;
}
