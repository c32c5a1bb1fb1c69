import type { CaseFigures } from "../insight/describe-case.ts";
import type { CaseDimension } from "../insight/find-cases.ts";
import type { CaseStatus } from "../insight/notices.ts";
import type { RuleKind } from "../insight/rules.ts";
import type { ThreatenedLimit } from "../insight/threatened-limit.ts";
import type { ErrorKind } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { Cause } from "./causes.ts";

/** Something that a rule has found, with what to know about it. */
export interface CheckFinding {
  /** For `acknowledge`. It stays the same while the case goes on. */
  readonly id: string;
  /** `new`, `worse` and `ended` are news; `open` and `acknowledged` were reported before. */
  readonly status: CaseStatus;
  /** The rules that found it, the most important one first. */
  readonly rules: readonly string[];
  /** What the most important rule looks for; null if later data no longer shows the case. */
  readonly kind: RuleKind | null;
  readonly dimension: CaseDimension;
  /** The client or the endpoint; null for the organization and the lake. */
  readonly subject: { readonly id: string; readonly name: string | null } | null;
  /** UTC days: the first, the last so far, and the one on which the end was certain. */
  readonly since: Day;
  readonly lastDay: Day;
  readonly endedOn: Day | null;
  /** The figures of the most important rule; null if later data no longer shows the case. */
  readonly figures: CaseFigures | null;
  /** One sentence. */
  readonly summary: string;
  /** The limit that it threatens; null if there is none, or if it cannot be known. */
  readonly limit: ThreatenedLimit | null;
  /** What contributes most: endpoints of a client, clients of an endpoint. */
  readonly causes: readonly Cause[];
  /** A statement that shows the figures behind it; null for missing data. */
  readonly sql: string | null;
  readonly acknowledged: { readonly until: string; readonly reason: string } | null;
}

/** The error that kept a check from being remembered. */
export interface SaveFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | null;
}

export interface CheckReport {
  /** `fired`: something is open and not acknowledged. `unknown`: nothing is, but days are missing. */
  readonly outcome: "clear" | "fired" | "unknown";
  /** The last day that was checked. */
  readonly checkedThrough: Day;
  /** The days since the last check, at least a week, that are missing, so that nothing can be said about them. */
  readonly missing: readonly DayRange[];
  /** The news first. */
  readonly findings: readonly CheckFinding[];
  /** True if this check was remembered. */
  readonly isSaved: boolean;
  /** Why the lake could not be written, so that this check was not remembered and sent nothing; otherwise null. */
  readonly saveFailure: SaveFailure | null;
  /** Destinations that did not take their messages, which wait in the lake for the next check. */
  readonly undelivered: number;
  /** The rows that were read: period, service, grouping, coverage. */
  readonly basis: Envelope;
}

/** What is reported once, and sent. */
export function isNews({ status }: Pick<CheckFinding, "status">): boolean {
  return status === "new" || status === "worse" || status === "ended";
}

/** The summary, and the limit that a finding threatens while it is open. */
export function findingSummary({ summary, limit, status }: CheckFinding): string {
  return limit === null || status === "ended" ? summary : `${summary} ${limit.summary}`;
}
