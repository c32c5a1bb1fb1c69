import { ownerOf } from "../lake/claim.ts";
import type { Foreign, Lake, Slice } from "../lake/lake.ts";
import type { WaitOptions } from "../lake/store.ts";
import { counted } from "../support/count.ts";
import { grouped } from "../support/group.ts";
import { type Coverage, describeSpan, isFromFuture, knowable, knowledgeOf } from "../usage/coverage.ts";
import { addDays, type Day } from "../usage/day.ts";
import { type SeriesFacts, seriesFacts } from "../usage/envelope.ts";
import { METRICS } from "../usage/metric.ts";
import type { Caller, Organization } from "../usage/organization.ts";
import { type Granularity, periodEnd } from "../usage/period.ts";
import { seriesId } from "../usage/series.ts";
import type { SliceKey } from "../usage/slice.ts";

/**
 * `changing`: fetched before its end, or so soon after it that the figures may still change. `partial`: a completed period
 * for which some days (like in the February of 2021-01/2021-02) or some metrics were not requested. `empty`: fetched, but
 * without usage. `newer`: written by a later version of the program, and left unchanged.
 */
export type PeriodState = "present" | "changing" | "partial" | "empty" | "damaged" | "missing" | "newer";

export interface Period {
  readonly date: Day;
  readonly state: PeriodState;
  /** Why it is not simply present, in a few words: for `changing`, `partial`, `damaged` and `newer`. */
  readonly why?: string;
}

/** `coverage` and `period` describe its days from the first to the newest, or to the requested last day. */
export interface Series extends Omit<SeriesFacts, "organization"> {
  readonly from: Day;
  readonly to: Day;
  readonly slices: number;
  readonly rows: number;
  readonly bytes: number;
  readonly periods: readonly Period[];
}

export interface LakeStatus {
  /** The lake's organization; undefined if nothing identifies it. */
  readonly organization: Organization | undefined;
  /** The region and client of the slices, as far as they record them. */
  readonly source: Caller | undefined;
  /** One for each service, granularity and grouping; gaps between its slices are `missing`. */
  readonly series: readonly Series[];
  /** Objects in the lake that are not data. */
  readonly foreign: readonly Foreign[];
}

export interface StatusOptions {
  readonly settleDays: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The series to report; default: all. */
  readonly wanted?: ((key: SliceKey) => boolean) | undefined;
  /** The last day for the coverage of all series but totals; default: each series' newest day. */
  readonly until?: Day | undefined;
  readonly waiting?: WaitOptions | undefined;
}

/**
 * Reports the contents of a lake.
 *
 * @throws {GcUsageError} lake, if a slice cannot be read.
 */
export async function lakeStatus(lake: Lake, options: StatusOptions): Promise<LakeStatus> {
  const { wanted = () => true, waiting } = options;
  const { slices: listed, foreign } = await lake.survey(waiting?.signal);
  const slices = await lake.read(
    listed.filter(({ key }) => wanted(key)),
    waiting,
  );
  const groups = grouped(slices, ({ key }) => seriesId(key));
  const { organization, source } = await ownerOf(lake, slices);
  const series = [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, held]) => seriesOf(held, options));
  return { organization, source, series, foreign };
}

function seriesOf(slices: readonly Slice[], options: StatusOptions): Series {
  const sorted = [...slices].sort((a, b) => (a.key.date < b.key.date ? -1 : 1));
  const [first] = sorted;
  const last = sorted.at(-1);
  if (!first || !last) throw new RangeError("a series has slices");
  const { granularity, date } = first.key;
  const until = granularity === "total" ? undefined : options.until;
  const held = sorted.map(({ key, provenance }) => ({ key, coverage: provenance }));
  return {
    ...seriesFacts(held, options.now, until && until >= date ? { start: date, end: until } : undefined),
    from: date,
    to: last.provenance?.end ?? last.key.date,
    slices: sorted.length,
    rows: sorted.reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0),
    bytes: sorted.reduce((sum, { object }) => sum + object.bytes, 0),
    periods: periodsWithGaps(sorted, options),
  };
}

function periodsWithGaps(sorted: readonly Slice[], options: StatusOptions): Period[] {
  const periods: Period[] = [];
  let next: Day | undefined;
  for (const slice of sorted) {
    const { granularity, date } = slice.key;
    for (; next !== undefined && next < date; next = following(granularity, next)) {
      periods.push({ date: next, state: "missing" });
    }
    periods.push({ date, ...periodFacts(slice, options) });
    next = following(granularity, date);
  }
  return periods;
}

/** The first day of the next period; undefined for a total. */
function following(granularity: Granularity, date: Day): Day | undefined {
  const end = periodEnd(granularity, date);
  return end === undefined ? undefined : addDays(end, 1);
}

function periodFacts(slice: Slice, { settleDays, now }: StatusOptions): Omit<Period, "date"> {
  const { key, state, provenance } = slice;
  if (state === "newer") return { state: "newer", why: `written by ${slice.writtenBy}` };
  if (state === "damaged") return { state: "damaged", why: slice.why };
  const fetched = `fetched ${minuteOf(slice.provenance.fetchedAt)}`;
  if (isFromFuture(slice.provenance, now))
    return { state: "changing", why: `${fetched}, in the future according to this clock` };
  const known = knowable(key, slice.provenance, now);
  switch (knowledgeOf(key, slice.provenance, known, settleDays)) {
    case "partial":
      return { state: "partial", why: whyPartial(slice.provenance) };
    case "outgrown":
      return { state: "changing", why: `${fetched}; more days are available now` };
    case "changing": {
      const settles = settleDays === 0 ? "" : ` (${counted(settleDays, "day")} after its end)`;
      return { state: "changing", why: `${fetched}, before it settled${settles}` };
    }
    case "settled":
      return { state: provenance?.rows === 0 ? "empty" : "present" };
  }
}

function whyPartial(coverage: Coverage): string {
  const missing = METRICS.filter((metric) => !coverage.metrics.includes(metric));
  return missing.length > 0
    ? `${missing.join(", ")} never requested`
    : `only ${describeSpan(coverage)} requested`;
}

/** `2026-11-20 10:00 UTC`. */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
