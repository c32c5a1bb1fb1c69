import type { Foreign, Lake, Slice } from "../lake/lake.ts";
import type { Waiting } from "../lake/store.ts";
import { isFromFuture, knowable, knowledgeOf } from "../usage/coverage.ts";
import { addDays, type Day } from "../usage/day.ts";
import { type Grouping } from "../usage/grouping.ts";
import { type Granularity, periodEnd } from "../usage/period.ts";
import type { Service } from "../usage/service.ts";

/**
 * `changing`: asked for before its end, or so soon after that the figures may still change. `partial`: a period that is
 * over, of which days were not asked for, as in the February of 2021-01/2021-02, or any of which metrics were not.
 * `empty`: asked for, and nothing happened. `newer`: written by a later version of the program, and left as it is.
 */
export type PeriodState = "present" | "changing" | "partial" | "empty" | "damaged" | "missing" | "newer";

export interface Series {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  readonly from: Day;
  readonly to: Day;
  readonly slices: number;
  readonly rows: number;
  readonly bytes: number;
  readonly periods: readonly { readonly date: Day; readonly state: PeriodState }[];
}

export interface LakeStatus {
  /** One for each service, granularity and grouping; gaps between its slices are `missing`. */
  readonly series: readonly Series[];
  /** What is below the lake and no data. */
  readonly foreign: readonly Foreign[];
}

/**
 * What the lake holds.
 *
 * @param now milliseconds since 1970.
 */
export async function lakeStatus(
  lake: Lake,
  settleDays: number,
  now: number,
  waiting?: Waiting,
): Promise<LakeStatus> {
  const { slices: listed, foreign } = await lake.survey(waiting?.signal);
  const groups = new Map<string, Slice[]>();
  for (const slice of await lake.read(listed, waiting)) {
    const { service, granularity, grouping } = slice.key;
    const name = [service, granularity, grouping].join(" ");
    groups.set(name, [...(groups.get(name) ?? []), slice]);
  }
  const series = [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, slices]) => seriesOf(slices, settleDays, now));
  return { series, foreign };
}

function seriesOf(slices: readonly Slice[], settleDays: number, now: number): Series {
  const sorted = [...slices].sort((a, b) => (a.key.date < b.key.date ? -1 : 1));
  const [first] = sorted;
  const last = sorted.at(-1);
  if (!first || !last) throw new RangeError("a series has slices");
  const { service, granularity, grouping } = first.key;
  return {
    service,
    granularity,
    grouping,
    from: first.key.date,
    to: last.provenance?.end ?? last.key.date,
    slices: sorted.length,
    rows: sorted.reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0),
    bytes: sorted.reduce((sum, { object }) => sum + object.bytes, 0),
    periods: periodsWithGaps(sorted, settleDays, now),
  };
}

function periodsWithGaps(sorted: readonly Slice[], settleDays: number, now: number): Series["periods"] {
  const periods: { date: Day; state: PeriodState }[] = [];
  let next: Day | undefined;
  for (const slice of sorted) {
    const { granularity, date } = slice.key;
    for (; next !== undefined && next < date; next = following(granularity, next)) {
      periods.push({ date: next, state: "missing" });
    }
    periods.push({ date, state: stateOf(slice, settleDays, now) });
    next = following(granularity, date);
  }
  return periods;
}

/** The first day of the next period; a total has none. */
function following(granularity: Granularity, date: Day): Day | undefined {
  const end = periodEnd(granularity, date);
  return end === undefined ? undefined : addDays(end, 1);
}

function stateOf({ key, state, provenance }: Slice, settleDays: number, now: number): PeriodState {
  if (state === "newer") return "newer";
  if (!provenance) return "damaged";
  const knowledge = knowledgeOf(key, provenance, knowable(key, provenance, now), settleDays);
  if (knowledge === "partial") return "partial";
  if (knowledge !== "settled" || isFromFuture(provenance, now)) return "changing";
  return provenance.rows === 0 ? "empty" : "present";
}
