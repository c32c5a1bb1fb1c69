import { isMembers, isTextOrNothing, type Members } from "../support/members.ts";
import { USAGE_COLUMNS } from "../usage/columns.ts";
import type { Coverage } from "../usage/coverage.ts";
import { type Day, tryDay } from "../usage/day.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Caller, Organization, Origin } from "../usage/organization.ts";

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
  | {
      readonly state: "readable";
      readonly provenance: Provenance;
      /** The metrics that are NULL in some of its rows; undefined if that is not known without reading them. */
      readonly rowsLack?: readonly Metric[];
    }
  /** Its bytes were read, and no version writes such bytes. `sync` refetches it. */
  | { readonly state: "damaged"; readonly provenance: undefined; readonly why: string }
  /** A later version wrote it. It is read as far as it is understood, and never replaced. */
  | { readonly state: "newer"; readonly provenance: Provenance | undefined; readonly writtenBy: string };

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
  const found = isMembers(json) ? storedIn(json) : undefined;
  const { format, version } = isMembers(json) ? json : {};
  const writtenBy = typeof version === "string" ? `gc-usage ${version}` : "a later gc-usage";
  if (found === undefined) {
    return isLater(format)
      ? { state: "newer", provenance: undefined, writtenBy }
      : damaged("its metadata is invalid");
  }
  const metrics = METRICS.filter((metric) => found.metrics.includes(metric));
  const provenance = { ...found, metrics };
  // An unknown metric should come only with a new format, but replacing the slice would lose it in any case.
  const hasMore = found.metrics.some((metric) => !METRICS.includes(metric as Metric));
  return isLater(format) || hasMore
    ? { state: "newer", provenance, writtenBy }
    : { state: "readable", provenance };
}

/**
 * Metadata of a slice; undefined if no version writes it. Keys that a later version adds are accepted, and kept for
 * `encodeProvenance`. A lake of three years has a thousand of these texts, and a command reads them all: a schema library took ten
 * times as long, and its own start as long as all of them.
 */
function storedIn(
  json: Members,
): (Omit<Provenance, "metrics"> & { readonly metrics: readonly string[] }) | undefined {
  const {
    format = 1,
    start,
    end,
    metrics,
    fetchedAt,
    interval,
    id,
    rows,
    version,
    organization,
    source,
  } = json;
  const from = dayIn(start);
  const to = dayIn(end);
  const at = instantIn(fetchedAt);
  if (from === undefined || to === undefined || at === undefined || !isTexts(metrics)) return undefined;
  if (typeof format !== "number" || !Number.isSafeInteger(rows) || (rows as number) < 0) return undefined;
  if (typeof interval !== "string" || typeof id !== "string" || typeof version !== "string") return undefined;
  if (organization !== undefined && !isOrganization(organization)) return undefined;
  if (source !== undefined && !isCaller(source)) return undefined;
  return {
    ...json,
    format,
    start: from,
    end: to,
    metrics,
    fetchedAt: at,
    interval,
    id,
    rows: rows as number,
    version,
    organization,
    source,
  };
}

/** True for an organization with or without further members. */
export function isOrganization(value: unknown): value is Organization {
  return (
    isMembers(value) &&
    typeof value["id"] === "string" &&
    value["id"] !== "" &&
    isTextOrNothing(value["name"])
  );
}

/** True for a caller with or without further members. */
export function isCaller(value: unknown): value is Caller {
  return isMembers(value) && isTextOrNothing(value["region"]) && isTextOrNothing(value["clientId"]);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function dayIn(value: unknown): Day | undefined {
  return typeof value === "string" ? tryDay(value) : undefined;
}

/** Milliseconds since 1970 of an instant as `encodeProvenance` writes it. */
function instantIn(value: unknown): number | undefined {
  if (typeof value !== "string" || !INSTANT.test(value) || tryDay(value.slice(0, 10)) === undefined)
    return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

function isLater(format: unknown): boolean {
  return format !== undefined && !(typeof format === "number" && format <= FORMAT);
}

export function damaged(why: string): Reading {
  return { state: "damaged", provenance: undefined, why };
}
