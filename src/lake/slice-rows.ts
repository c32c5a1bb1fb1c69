import { type SliceKey, slicePath } from "../usage/slice.ts";
import type { Slice } from "./lake.ts";
import type { SLICE_ROW_COLUMNS } from "./slice-columns.ts";

export type SliceRow = Readonly<Record<(typeof SLICE_ROW_COLUMNS)[number][0], string | number | null>>;

/**
 * A slice as a row of the table `slices`: its key, its metadata, and its size. Dates are text, and `fetchedAt` is text in
 * UTC, because both engines read them that way.
 */
export function sliceRow(slice: Slice): SliceRow {
  const { key, object, state, provenance } = slice;
  return {
    ...keyOf(key),
    state,
    note: noteOf(slice),
    start: provenance?.start ?? null,
    end: provenance?.end ?? null,
    metrics: provenance?.metrics.join(",") ?? null,
    fetchedAt: provenance
      ? new Date(provenance.fetchedAt).toISOString().replace("T", " ").slice(0, -1)
      : null,
    id: provenance?.id ?? null,
    rows: provenance?.rows ?? null,
    bytes: object.bytes,
    format: provenance?.format ?? null,
    version: provenance?.version ?? null,
    organizationId: provenance?.organization?.id ?? null,
    organizationName: provenance?.organization?.name ?? null,
    region: provenance?.source?.region ?? null,
    fetchedBy: provenance?.source?.clientId ?? null,
    path: slicePath(key),
  };
}

function keyOf({ service, grouping, granularity, date }: SliceKey) {
  return { service, grouping, granularity, date };
}

/** Why a slice is not simply readable. */
function noteOf(slice: Slice): string | null {
  if (slice.state === "damaged") return slice.why;
  return slice.state === "newer" ? `written by ${slice.writtenBy}` : null;
}
