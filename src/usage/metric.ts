/** The counts of a row, in the lake's column order. `requests` is the legacy name; jobs rows say `requestCount`. */
export const METRICS = ["status200", "status300", "status400", "status500", "status429", "requests"] as const;
export type Metric = (typeof METRICS)[number];

export const ALL_METRICS: ReadonlySet<Metric> = new Set(METRICS);

/** `Status429` as the API spells it, from `status429`. */
export function apiMetric(metric: Metric): string {
  return metric.charAt(0).toUpperCase() + metric.slice(1);
}

/** The metric that a person or a query file means, whatever the case. */
export function tryMetric(text: string): Metric | undefined {
  return METRICS.find((metric) => metric === text.toLowerCase());
}
