import { allRows, type QueryOptions, type SqlEngine, type SqlRow } from "../engine/engine.ts";
import type { Coverage } from "../usage/coverage.ts";
import type { Day } from "../usage/day.ts";
import type { Metric } from "../usage/metric.ts";
import type { Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
import type { AnswerLake } from "./basis.ts";
import type { Source } from "./choose.ts";
import { rowsLackingSql } from "./questions.ts";

/** Reads the coverage of slices: a `Lake`. */
export interface SliceReader {
  slices(wanted: (key: SliceKey) => boolean): Promise<
    readonly {
      readonly key: SliceKey;
      readonly provenance: Coverage | undefined;
      /** The metrics that are NULL in some of its rows; undefined if that is not known without reading them. */
      readonly rowsLack?: readonly Metric[];
    }[]
  >;
}

/**
 * An engine and the lake that it reads, for `basisOf`. A row may miss a metric that other rows of its slice have. The rows of slices
 * that do not say so themselves are checked, if queries are free.
 */
export function answerLake(engine: SqlEngine, lake: SliceReader, signal?: AbortSignal): AnswerLake {
  return {
    slices: engine.slices,
    held: async (source, span, metrics) => {
      const held = await slicesIn(lake, source, span);
      // If scans are billed, a second one would double the cost.
      if (engine.traits.billsByScan)
        return held.map(({ key, provenance }) => ({ key, coverage: provenance }));
      const unknown = held.flatMap(({ key, provenance, rowsLack }) =>
        provenance === undefined || rowsLack !== undefined ? [] : key,
      );
      const missing = new Map<Day, readonly Metric[]>();
      if (unknown.length > 0 && metrics.length > 0) {
        const reads = { ...span, granularity: source.granularity, slices: unknown };
        const sql = rowsLackingSql({ ...source, ...span }, metrics);
        for (const [date, ...counts] of await checkedRows(engine, sql, { reads, signal })) {
          missing.set(
            String(date) as Day,
            metrics.filter((_metric, i) => Number(counts[i]) > 0),
          );
        }
      }
      return held.map(({ key, provenance, rowsLack }) => ({
        key,
        coverage: provenance,
        rowsLack: metrics.filter((metric) => (rowsLack ?? missing.get(key.date) ?? []).includes(metric)),
      }));
    },
  };
}

/** The results of checks of rows by engine, whose slices do not change: questions check the same rows again and again. */
const CHECKED = new WeakMap<SqlEngine, Map<string, readonly SqlRow[]>>();

async function checkedRows(
  engine: SqlEngine,
  sql: string,
  options: QueryOptions,
): Promise<readonly SqlRow[]> {
  const checked = CHECKED.get(engine) ?? new Map<string, readonly SqlRow[]>();
  CHECKED.set(engine, checked);
  const rows = checked.get(sql) ?? (await allRows(await engine.query(sql, options)));
  checked.set(sql, rows);
  return rows;
}

function slicesIn(
  lake: SliceReader,
  source: Source,
  { start, end }: Span,
): ReturnType<SliceReader["slices"]> {
  const dates = new Set(source.dates.filter((date) => date >= start && date <= end));
  return lake.slices(
    ({ service, granularity, grouping, date }) =>
      service === source.service &&
      granularity === source.granularity &&
      grouping === source.grouping &&
      dates.has(date),
  );
}
