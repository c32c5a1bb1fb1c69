import { METRIC_COLUMNS, type Metric } from "./columns.ts";

export type { Metric } from "./columns.ts";

/** The counts of a row, in the lake's column order. */
export const METRICS: readonly Metric[] = METRIC_COLUMNS.map(({ name }) => name);

export const ALL_METRICS: ReadonlySet<Metric> = new Set(METRICS);

/** `Status429` as the API spells it, from `status429`. */
export function apiMetric(metric: Metric): string {
  return metric.charAt(0).toUpperCase() + metric.slice(1);
}

/** The metric that a person or a query file means, whatever the case. */
export function tryMetric(text: string): Metric | undefined {
  return METRICS.find((metric) => metric === text.toLowerCase());
}
