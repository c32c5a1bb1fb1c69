/**
 * A row of the lake, in column order. A dimension that was not grouped by and a metric that was not asked for
 * are null, never "" or 0. Counts above 2^53 are bigints, so that they stay exact.
 */
export interface UsageRow {
  readonly date: string | null;
  readonly clientId: string | null;
  readonly clientName: string | null;
  readonly organizationId: string | null;
  readonly userId: string | null;
  readonly templateUri: string | null;
  readonly httpMethod: string | null;
  readonly platform: string | null;
  readonly status200: Count | null;
  readonly status300: Count | null;
  readonly status400: Count | null;
  readonly status500: Count | null;
  readonly status429: Count | null;
  readonly requests: Count | null;
  /** Fields that we do not know, as a JSON object; null where there are none. */
  readonly extra: string | null;
}

export type Count = number | bigint;

/** The largest count that the lake's 64-bit columns hold. */
export const MAX_COUNT = 2n ** 63n - 1n;
