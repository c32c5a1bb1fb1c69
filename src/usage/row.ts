import type { Metric, TextColumn } from "./columns.ts";

export type Count = number | bigint;

/**
 * A row of the lake, in column order. Dimensions that are not in the grouping and metrics that were not requested are
 * null, never "" or 0. Counts above 2^53 are bigints, so they stay exact.
 */
export type UsageRow = Readonly<Record<TextColumn, string | null>> &
  Readonly<Record<Metric, Count | null>> & {
    readonly date: string | null;
    /** Unknown fields, as a JSON object; null if there are none. */
    readonly extra: string | null;
  };

/** The largest count that the lake's 64-bit columns can hold. */
export const MAX_COUNT = 2n ** 63n - 1n;
