import type { Metric, TextColumn } from "./columns.ts";

export type Count = number | bigint;

/**
 * A row of the lake, in column order. A dimension that was not grouped by and a metric that was not requested
 * are null, never "" or 0. Counts above 2^53 are bigints, so that they stay exact.
 */
export type UsageRow = Readonly<Record<TextColumn, string | null>> &
  Readonly<Record<Metric, Count | null>> & {
    readonly date: string | null;
    /** Fields that we do not know, as a JSON object; null where there are none. */
    readonly extra: string | null;
  };

/** The largest count that the lake's 64-bit columns hold. */
export const MAX_COUNT = 2n ** 63n - 1n;
