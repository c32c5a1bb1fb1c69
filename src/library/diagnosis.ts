import type { Advice, EndpointTraffic, LimitedDay } from "../insight/advice.ts";
import type { RecordsState } from "../insight/conclusion.ts";
import type { LimitHit } from "../insight/limit-hits.ts";
import type { KnownLimit } from "../insight/limits.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { JudgedRequest } from "./change-requests.ts";
import type { Unavailable } from "./organization-api.ts";

/** Why a client gets 429s, and what to do. */
export interface Diagnosis {
  readonly client: { readonly id: string; readonly name: string | null };
  /** The UTC days that were looked at. */
  readonly period: DayRange;
  /** Days of the period that are not in the lake. */
  readonly missing: readonly DayRange[];
  readonly requests: number;
  readonly status429: number;
  readonly activeDays: number;
  /** The days with 429s, in order. */
  readonly limitedDays: readonly LimitedDay[];
  /** The endpoints with 429s, those with the most first. */
  readonly endpoints: readonly EndpointTraffic[];
  /** The 429s of each endpoint and day. */
  readonly endpointDays: readonly (LimitedDay & { readonly endpoint: string })[];
  /** The limits that the records show, with earlier requests to change them; the one with the most 429s first. */
  readonly limits: readonly (LimitHit & { readonly changeRequests: readonly JudgedRequest[] | null })[];
  /** Without a record: the limits that it may be, the most likely first. */
  readonly candidates: readonly KnownLimit[];
  readonly records: RecordsState;
  /** The hours (UTC) of the worst day in which the limit was exceeded; null if that is not known. */
  readonly hours: { readonly day: Day; readonly hours: readonly number[] } | null;
  /** Sentences. */
  readonly conclusion: readonly string[];
  /** What the data cannot show. */
  readonly unknown: readonly string[];
  readonly advice: Advice;
  /** A text for a support case, if the advice is to request a raise. */
  readonly raiseRequest: string | null;
  readonly unavailable: readonly Unavailable[];
  /** Why the API was not called; null if it was. */
  readonly offlineReason: string | null;
  readonly basis: Envelope;
}
