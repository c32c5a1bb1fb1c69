import fc from "fast-check";
import { type Day, dayOf } from "../../src/usage/day.ts";
import { DIMENSIONS, type Grouping, groupingOf } from "../../src/usage/grouping.ts";
import { GRANULARITIES, WEEK_STARTS } from "../../src/usage/period.ts";
import { SERVICES } from "../../src/usage/service.ts";

const LAST_MS = Date.UTC(9998, 11, 31);

/** Any UTC day of the years 1970–9998, with more leap days and ends of months. */
export const anyDay: fc.Arbitrary<Day> = fc.oneof(
  fc.integer({ min: 0, max: LAST_MS / 86_400_000 }).map((days) => dayOf(days * 86_400_000)),
  fc.constantFrom("1970-01-01", "2000-02-29", "2024-02-28", "2026-12-31", "2100-02-28").map((d) => d as Day),
);
/** A day near the present, for spans that are checked day by day. */
export const recentDay: fc.Arbitrary<Day> = fc
  .integer({ min: 0, max: 1500 })
  .map((days) => dayOf(Date.UTC(2023, 0, 1) + days * 86_400_000));
export const anyGrouping: fc.Arbitrary<Grouping> = fc.subarray([...DIMENSIONS]).map(groupingOf);
export const anyGranularity = fc.constantFrom(...GRANULARITIES);
export const anyService = fc.constantFrom(...SERVICES);
export const anyWeekStart = fc.constantFrom(...WEEK_STARTS);
