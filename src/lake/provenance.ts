import { z } from "zod";
import type { Coverage } from "../usage/coverage.ts";
import { type Day, tryDay } from "../usage/day.ts";
import { METRICS } from "../usage/metric.ts";

/**
 * Where a slice's rows come from, kept in the Parquet file's key-value metadata under `gc_usage`, so that the data
 * and what is known of it cannot disagree.
 */
export interface Provenance extends Coverage {
  /** The interval as the service was asked. */
  readonly interval: string;
  /** Execution or job id; for a loaded file the name of its raw rows. */
  readonly id: string;
  readonly rows: number;
  /** Version of the program that wrote it. */
  readonly version: string;
}

/** The key in the Parquet metadata. */
export const PROVENANCE_KEY = "gc_usage";

const day = z
  .string()
  .refine((text) => tryDay(text) !== undefined)
  .transform((text) => text as Day);

const SCHEMA = z.object({
  start: day,
  end: day,
  metrics: z.array(z.enum(METRICS)),
  fetchedAt: z.iso.datetime().transform((text) => Date.parse(text)),
  interval: z.string(),
  id: z.string(),
  rows: z.number().int().nonnegative(),
  version: z.string(),
});

export function encodeProvenance(provenance: Provenance): string {
  return JSON.stringify({ ...provenance, fetchedAt: new Date(provenance.fetchedAt).toISOString() });
}

/** Undefined for text that is no provenance of ours: such an object is not taken for a slice. */
export function decodeProvenance(text: string): Provenance | undefined {
  try {
    return SCHEMA.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
