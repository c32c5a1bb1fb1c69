import { allRows, type SqlEngine } from "../engine/engine.ts";
import type { Coverage } from "../usage/coverage.ts";
import type { HeldSlice } from "../usage/envelope.ts";
import type { Metric } from "../usage/metric.ts";
import type { Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
import type { AnswerLake } from "./basis.ts";
import type { Source } from "./choose.ts";
import { rowsLackingSql } from "./questions.ts";

/** Where slices' coverage is read from: a `Lake`. */
export interface SliceReader {
  slices(
    wanted: (key: SliceKey) => boolean,
  ): Promise<readonly { readonly key: SliceKey; readonly provenance: Coverage | undefined }[]>;
}

/**
 * An engine and the lake that it reads, for `basisOf`. Rows are looked at too, where that costs nothing: a row may lack a
 * metric that others of its slice have.
 */
export function answerLake(engine: SqlEngine, lake: SliceReader, signal?: AbortSignal): AnswerLake {
  return {
    slices: engine.slices,
    held: async (source, span, metrics) => {
      const held = await heldIn(lake, source, span);
      // What cannot be read has no rows to look at, and where a scan is billed a second one would double the bill.
      const isRead = held.every(({ coverage }) => coverage !== undefined);
      if (!isRead || engine.traits.billsByScan || metrics.length === 0) return held;
      const sql = rowsLackingSql({ ...source, ...span }, metrics);
      const rows = await allRows(await engine.query(sql, signal === undefined ? {} : { signal }));
      const lacking = new Map(
        rows.map(([date, ...counts]) => [date, metrics.filter((_, i) => Number(counts[i]) > 0)]),
      );
      return held.map((slice) => without(slice, lacking.get(slice.key.date) ?? []));
    },
  };
}

async function heldIn(lake: SliceReader, source: Source, { start, end }: Span): Promise<HeldSlice[]> {
  const dates = new Set(source.dates.filter((date) => date >= start && date <= end));
  const slices = await lake.slices(
    ({ service, granularity, grouping, date }) =>
      service === source.service &&
      granularity === source.granularity &&
      grouping === source.grouping &&
      dates.has(date),
  );
  return slices.map(({ key, provenance }) => ({ key, coverage: provenance }));
}

function without({ key, coverage }: HeldSlice, lacking: readonly Metric[]): HeldSlice {
  if (coverage === undefined || lacking.length === 0) return { key, coverage };
  return {
    key,
    coverage: { ...coverage, metrics: coverage.metrics.filter((one) => !lacking.includes(one)) },
  };
}
