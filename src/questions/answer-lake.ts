import { allRows, type SqlEngine } from "../engine/engine.ts";
import type { Coverage } from "../usage/coverage.ts";
import type { HeldSlice } from "../usage/envelope.ts";
import type { Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
import type { AnswerLake } from "./basis.ts";
import type { Source } from "./choose.ts";
import { rowsLackingSql } from "./questions.ts";

/** Reads the coverage of slices: a `Lake`. */
export interface SliceReader {
  slices(
    wanted: (key: SliceKey) => boolean,
  ): Promise<readonly { readonly key: SliceKey; readonly provenance: Coverage | undefined }[]>;
}

/**
 * An engine and the lake that it reads, for `basisOf`. If queries are free, it also checks the rows: a row may miss a
 * metric that other rows of its slice have.
 */
export function answerLake(engine: SqlEngine, lake: SliceReader, signal?: AbortSignal): AnswerLake {
  return {
    slices: engine.slices,
    held: async (source, span, metrics) => {
      const held = await heldIn(lake, source, span);
      const slices = held.flatMap(({ key, coverage }) => (coverage === undefined ? [] : key));
      // If scans are billed, a second one would double the cost.
      if (slices.length === 0 || engine.traits.billsByScan || metrics.length === 0) return held;
      const reads = { ...span, granularity: source.granularity, slices };
      const rows = await allRows(
        await engine.query(rowsLackingSql({ ...source, ...span }, metrics), {
          reads,
          ...(signal === undefined ? {} : { signal }),
        }),
      );
      const missing = new Map(
        rows.map(([date, ...counts]) => [date, metrics.filter((_metric, i) => Number(counts[i]) > 0)]),
      );
      return held.map((slice) => ({ ...slice, rowsLack: missing.get(slice.key.date) ?? [] }));
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
