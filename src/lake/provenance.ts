import { z } from "zod";
import { USAGE_COLUMNS } from "../usage/columns.ts";
import type { Coverage } from "../usage/coverage.ts";
import { type Day, tryDay } from "../usage/day.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Origin } from "../usage/organization.ts";

/**
 * The version of the slices that this program writes (docs/lake.md). It increases with anything that an older program must
 * not lose by replacing a slice: a column, a metric, a dimension. A new key in the provenance needs no new version.
 */
export const FORMAT = Math.max(2, ...USAGE_COLUMNS.map(({ since }) => since));

/**
 * The origin of a slice's rows, kept in the Parquet file's key-value metadata under `gc_usage`, so that the data and its
 * description cannot disagree. Slices written by 0.1.0 have no organization and no source; slices loaded from a file have
 * no source.
 */
export interface Provenance extends Coverage, Origin {
  /** FORMAT at the time of writing; 1 for slices of 0.1.0, which have no such key. */
  readonly format: number;
  /** The interval as sent to the service. */
  readonly interval: string;
  /** The execution or job id; for a loaded file, the name of its raw rows. */
  readonly id: string;
  readonly rows: number;
  /** The version of the program that wrote it. */
  readonly version: string;
}

/** The key in the Parquet metadata. */
export const PROVENANCE_KEY = "gc_usage";

/** What this program makes of a slice's metadata. */
export type Reading =
  | { readonly state: "readable"; readonly provenance: Provenance }
  /** Its bytes were read, and no version writes such bytes. `sync` refetches it. */
  | { readonly state: "damaged"; readonly provenance: undefined; readonly why: string }
  /** A later version wrote it. It is read as far as it is understood, and never replaced. */
  | { readonly state: "newer"; readonly provenance: Provenance | undefined; readonly writtenBy: string };

const day = z
  .string()
  .refine((text) => tryDay(text) !== undefined)
  .transform((text) => text as Day);

export const ORGANIZATION = z.object({ id: z.string().min(1), name: z.string().optional() });
export const CALLER = z.object({ region: z.string().optional(), clientId: z.string().optional() });

/** Keys that a later version adds are accepted; they stay in the file. */
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

/** The only requirements on the metadata of a later version. */
const LATER = z.object({ format: z.unknown().optional(), version: z.unknown().optional() });

export function encodeProvenance(provenance: Provenance): string {
  return JSON.stringify({ ...provenance, fetchedAt: new Date(provenance.fetchedAt).toISOString() });
}

/** Parses the text of a slice's metadata. */
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
      : damaged("its metadata is invalid");
  }
  const metrics = METRICS.filter((metric) => parsed.data.metrics.includes(metric));
  const provenance = { ...parsed.data, metrics };
  // An unknown metric should come only with a new format, but replacing the slice would lose it in any case.
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
