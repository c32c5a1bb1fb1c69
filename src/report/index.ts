/**
 * A report of a period: `reportsOf` gathers what it says, and a function for each format writes it. See docs/report.md.
 */
export { reportExcel } from "./excel.ts";
export { type ReportOptions, reportsOf } from "./gather.ts";
export { reportHtml } from "./html.tsx";
export { reportMarkdown } from "./markdown.ts";
export type { PeriodCoverage, Report, ReportTable, Total } from "./report.ts";
