import { z } from "zod";
import type { Coverage } from "../usage/coverage.ts";
import { type Day, tryDay } from "../usage/day.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Origin } from "../usage/organization.ts";

/**
 * The version of the slices that this program writes (docs/lake.md). It grows with anything that an older program must
 * not lose by replacing a slice: a column, a metric, a dimension. A new key of the provenance alone is no new version.
 */
export const FORMAT = 2;

/**
 * Where a slice's rows come from, kept in the Parquet file's key-value metadata under `gc_usage`, so that the data
 * and what is known of it cannot disagree. What 0.1.0 wrote has no organization and no source; what was loaded from a file
 * has no source.
 */
export interface Provenance extends Coverage, Origin {
  /** FORMAT when it was written; 1 for what 0.1.0 wrote, which names none. */
  readonly format: number;
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

/** What a slice's metadata is to this program. */
export type Reading =
  | { readonly state: "readable"; readonly provenance: Provenance }
  /** Its bytes were read and are not what any version writes. `sync` fetches it again. */
  | { readonly state: "damaged"; readonly provenance: undefined; readonly why: string }
  /** A later version wrote it: read as far as it is understood, and never replaced. */
  | { readonly state: "newer"; readonly provenance: Provenance | undefined; readonly writtenBy: string };

const day = z
  .string()
  .refine((text) => tryDay(text) !== undefined)
  .transform((text) => text as Day);

export const ORGANIZATION = z.object({ id: z.string().min(1), name: z.string().optional() });
export const CALLER = z.object({ region: z.string().optional(), clientId: z.string().optional() });

/** Keys that a later version adds are let through: the file keeps them. */
const SCHEMA = z.object({
  format: z.number().default(1),
  start: day,
  end: day,
  metrics: z.array(z.string()),
  fetchedAt: z.iso.datetime().transform((text) => Date.parse(text)),
  interval: z.string(),
  id: z.string(),
  rows: z.number().int().nonnegative(),
  version: z.string(),
  organization: ORGANIZATION.optional(),
  source: CALLER.optional(),
});

/** All that is asked of the metadata of a later version. */
const LATER = z.object({ format: z.unknown().optional(), version: z.unknown().optional() });

export function encodeProvenance(provenance: Provenance): string {
  return JSON.stringify({ ...provenance, fetchedAt: new Date(provenance.fetchedAt).toISOString() });
}

/** Reads the text of a slice's metadata. */
export function readProvenance(text: string): Reading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return damaged("its metadata is not JSON");
  }
  const parsed = SCHEMA.safeParse(json);
  const { format, version } = LATER.safeParse(json).data ?? {};
  const writtenBy = typeof version === "string" ? `gc-usage ${version}` : "a later gc-usage";
  if (!parsed.success) {
    return isLater(format)
      ? { state: "newer", provenance: undefined, writtenBy }
      : damaged("its metadata is not what gc-usage writes");
  }
  const metrics = METRICS.filter((metric) => parsed.data.metrics.includes(metric));
  const provenance = { ...parsed.data, metrics };
  // Without a new format such a metric should not come, and replacing the slice would lose it all the same.
  const hasMore = parsed.data.metrics.some((metric) => !METRICS.includes(metric as Metric));
  return isLater(format) || hasMore
    ? { state: "newer", provenance, writtenBy }
    : { state: "readable", provenance };
}

function isLater(format: unknown): boolean {
  return format !== undefined && !(typeof format === "number" && format <= FORMAT);
}

export function damaged(why: string): Reading {
  return { state: "damaged", provenance: undefined, why };
}
