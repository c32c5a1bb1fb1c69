/** Figures of the lake for monitoring systems, as OpenMetrics text. */
export { DEFAULT_TOP } from "./gather.ts";
export { type MetricsOptions, metricsOf, type NightlyRun, runMetricsOf } from "./metrics.ts";
export { serveMetrics } from "./server.ts";
