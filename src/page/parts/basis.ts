import { type DayRange, describeFirstRanges, type Envelope } from "../../usage/envelope.ts";
import { groupingWords, whole } from "../format.ts";

/** `jobs service, by client, uri and method · 2026-09-01 to 2026-11-27 · 88 of 90 days` */
export function describeBasis({ service, grouping, granularity, period, coverage }: Envelope): string {
  const parts = [
    service === null ? "" : `${service} service${grouping === null ? "" : `, by ${groupingWords(grouping)}`}`,
    period === null ? "" : `${period.from} to ${period.to} (UTC)`,
    coverage === null || granularity === null
      ? ""
      : `${whole(coverage.daysCovered)} of ${whole(coverage.days)} days`,
  ];
  return parts.filter((part) => part !== "").join(" · ");
}

/** What is not known, so that it is not taken for zero; undefined if everything is. */
export function missingText({ coverage }: Envelope): string | undefined {
  if (coverage === null) return undefined;
  const parts = [
    coverage.missing.length > 0 ? `Not in the lake, and hatched: ${rangesText(coverage.missing)}.` : "",
    coverage.partial.length > 0 ? `Without some figures: ${rangesText(coverage.partial)}.` : "",
  ];
  return parts.filter((part) => part !== "").join(" ") || undefined;
}

/** What may still change; undefined if nothing may. */
export function unsettledText({ coverage }: Envelope): string | undefined {
  if (coverage === null || coverage.unsettled.length === 0) return undefined;
  return `May still be corrected: ${rangesText(coverage.unsettled)}.`;
}

const MOST_RANGES = 3;

export function rangesText(ranges: readonly DayRange[]): string {
  return describeFirstRanges(ranges, MOST_RANGES);
}
