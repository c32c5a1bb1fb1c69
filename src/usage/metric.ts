import { METRIC_COLUMNS, type Metric } from "./columns.ts";

export type { Metric } from "./columns.ts";

/** The metrics of a row, in the lake's column order. */
export const METRICS: readonly Metric[] = METRIC_COLUMNS.map(({ name }) => name);

export const ALL_METRICS: ReadonlySet<Metric> = new Set(METRICS);

/** The API's spelling: `Status429` for `status429`. */
export function apiMetric(metric: Metric): string {
  return metric.charAt(0).toUpperCase() + metric.slice(1);
}

/** Parses a metric, ignoring case; undefined if unknown. */
export function tryMetric(text: string): Metric | undefined {
  return METRICS.find((metric) => metric === text.toLowerCase());
}
