import type { Day } from "../usage/day.ts";
import type { DailySeries } from "./daily-series.ts";

/** A day's rate-limited or failed requests count as a finding from both of these on. */
export interface ShareLimits {
  readonly minimum: number;
  /** As a share of the day's requests: 0.01 for 1 %. */
  readonly minimumShare: number;
}

export const RATE_LIMITED: ShareLimits = { minimum: 100, minimumShare: 0.01 };
export const FAILING: ShareLimits = { minimum: 100, minimumShare: 0.1 };

/** `undecided`: below the limits, but the counts may still be corrected upward. `missing`: never queried. */
export type ShareVerdict = "over" | "under" | "undecided" | "missing";

export interface JudgedShare {
  readonly date: Day;
  readonly verdict: ShareVerdict;
  /** The rate-limited or failed requests; undefined on a missing day. */
  readonly count: number | undefined;
  /** Of the day's requests; 0 without requests. */
  readonly share: number | undefined;
}

/**
 * Judges each day's 429s or errors by a floor and a share. They are 0 on most days, so they have no spread to compare
 * with. `part` and `requests` cover the same days.
 *
 * @throws {RangeError} if they do not, or if a part exceeds its day's requests.
 */
export function judgeShares(
  part: DailySeries,
  requests: DailySeries,
  { minimum, minimumShare }: ShareLimits,
): JudgedShare[] {
  if (part.start !== requests.start || part.dates.length !== requests.dates.length)
    throw new RangeError("The two series cover different days.");
  return part.dates.map((date, at): JudgedShare => {
    const state = part.states[at];
    if (state === "missing" || requests.states[at] === "missing")
      return { date, verdict: "missing", count: undefined, share: undefined };
    const count = part.counts[at] ?? 0;
    const all = requests.counts[at] ?? 0;
    if (count > all) throw new RangeError(`On ${date}, ${count} of ${all} requests.`);
    const share = all === 0 ? 0 : count / all;
    if (count > 0 && count >= minimum && share >= minimumShare)
      return { date, verdict: "over", count, share };
    const settled = state === "settled" && requests.states[at] === "settled";
    return { date, verdict: settled ? "under" : "undecided", count, share };
  });
}
