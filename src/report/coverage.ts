import { counted } from "../support/count.ts";
import { daysBetween } from "../usage/day.ts";
import {
  type DayRange,
  dayCount,
  describeFirstRanges,
  type Envelope,
  rangesWithin,
} from "../usage/envelope.ts";
import type { Span } from "../usage/period.ts";
import type { PeriodCoverage } from "./report.ts";

/** The coverage of a part of the days that were read. */
export function coverageIn({ coverage, period }: Envelope, { start, end }: Span): PeriodCoverage {
  const days = daysBetween(start, end) + 1;
  const clipped = <Range extends DayRange>(ranges: readonly Range[] = []): Range[] =>
    rangesWithin(ranges, { from: start, to: end });
  // Without a coverage, nothing is known.
  const missing =
    coverage === null || period === null ? [{ from: start, to: end }] : clipped(coverage.missing);
  const partial = clipped(coverage?.partial);
  const gone = dayCount(missing) + dayCount(partial);
  return {
    complete: gone === 0,
    days,
    daysCovered: days - gone,
    missing,
    partial,
    unsettled: clipped(coverage?.unsettled),
  };
}

/** What is missing from a period. One sentence each. */
export function gapsIn({ missing, partial, days }: PeriodCoverage): string[] {
  const gone = dayCount(missing);
  return [
    ...(gone === 0
      ? []
      : [
          `Incomplete: ${gone} of ${counted(days, "day")} ${gone === 1 ? "is" : "are"} missing (${shortRanges(missing)}). Totals leave ${gone === 1 ? "it" : "them"} out.`,
        ]),
    ...partial.map(
      ({ lacks, ...range }) => `Incomplete: ${lacks.join(", ")} was not fetched for ${shortRanges([range])}.`,
    ),
  ];
}

/** What makes figures provisional, or keeps them from being compared. One sentence each. */
export function notesOn({ unsettled }: PeriodCoverage, before: PeriodCoverage): string[] {
  const warnings: string[] = [];
  if (unsettled.length > 0)
    warnings.push(`The figures of ${shortRanges(unsettled)} are new and may still be corrected.`);
  if (!before.complete)
    warnings.push(
      `Nothing is compared with the period before, because ${before.days - before.daysCovered} of its ${counted(before.days, "day")} are missing.`,
    );
  return warnings;
}

const MOST_RANGES = 5;

function shortRanges(ranges: readonly DayRange[]): string {
  return describeFirstRanges(ranges, MOST_RANGES);
}
