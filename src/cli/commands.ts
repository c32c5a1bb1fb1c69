import type { CommandEntry } from "./command-entry.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "demo",
    summary: "Try the whole workflow on simulated data; no account needed",
    load: () => import("./commands/demo.ts"),
  },
  {
    name: "sync",
    summary: "Bring the lake up to date from the usage API",
    load: () => import("./commands/sync.ts"),
  },
  {
    name: "status",
    summary: "Show what the lake contains and what is missing",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "serve",
    summary: "Show the lake on a page in your browser",
    load: () => import("./commands/serve.ts"),
  },
  {
    name: "check",
    summary: "Report rate limits, errors, unusual traffic and missing data",
    load: () => import("./commands/check.ts"),
  },
  {
    name: "nightly",
    summary: "Sync every series, then check: for a scheduler",
    load: () => import("./commands/nightly.ts"),
  },
  {
    name: "schedule",
    summary: "Print, install or show the job that runs every night",
    load: () => import("./commands/schedule.ts"),
  },
  {
    name: "report",
    summary: "Write a report to send to somebody, as HTML, Markdown or Excel",
    load: () => import("./commands/report.ts"),
  },
  {
    name: "views",
    summary: "Write a DuckDB file of views, for DBeaver, Metabase and other tools",
    load: () => import("./commands/views.ts"),
  },
  {
    name: "metrics",
    summary: "Print figures for a monitoring system, as OpenMetrics text",
    load: () => import("./commands/metrics.ts"),
  },
  {
    name: "mcp",
    summary: "Answer an AI assistant's questions, over the Model Context Protocol",
    load: () => import("./commands/mcp.ts"),
  },
  {
    name: "limits",
    summary: "Show the organization's limits, and how near each client is to them",
    load: () => import("./commands/limits.ts"),
  },
  {
    name: "diagnose",
    summary: "Find out which limit a client hits, and what to do",
    load: () => import("./commands/diagnose.ts"),
  },
  {
    name: "fair-use",
    summary: "Compare a billing month's requests with the fair use allowance",
    load: () => import("./commands/fair-use.ts"),
  },
  {
    name: "reconcile",
    summary: "Compare the two services, or two groupings, by day and client",
    load: () => import("./commands/reconcile.ts"),
  },
  { name: "submit", summary: "Submit a query to the usage API", load: () => import("./commands/submit.ts") },
  {
    name: "results",
    summary: "Print the results of a submitted query",
    load: () => import("./commands/results.ts"),
  },
  {
    name: "rows",
    summary: "Print the rows of a response, one per line",
    load: () => import("./commands/rows.ts"),
  },
  {
    name: "load",
    summary: "Store results that were fetched elsewhere",
    load: () => import("./commands/load.ts"),
  },
  { name: "ask", summary: "Answer a question about the lake", load: () => import("./commands/ask.ts") },
  { name: "sql", summary: "Query the lake with SQL", load: () => import("./commands/sql.ts") },
  {
    name: "doctor",
    summary: "Check settings, credentials, permissions, clock and rate limit",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "config",
    summary: "Show each setting, its value and where it comes from",
    load: () => import("./commands/config.ts"),
  },
  {
    name: "sandbox",
    summary: "Serve a simulated Genesys Cloud organization",
    load: () => import("./commands/sandbox.ts"),
  },
  {
    name: "aws",
    summary: "Deploy and manage the lake's stack in AWS",
    load: () => import("./commands/aws.ts"),
  },
  {
    name: "upload",
    summary: "Upload results for Glue's crawler and the article's SQL",
    load: () => import("./commands/upload.ts"),
  },
  {
    name: "verify",
    summary: "Read the whole lake and report problems",
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "remove",
    summary: "Remove slices from the lake",
    load: () => import("./commands/remove.ts"),
  },
  {
    name: "copy",
    summary: "Copy a lake, from a folder to S3 or back",
    load: () => import("./commands/copy.ts"),
  },
  {
    name: "completion",
    summary: "Print a completion script for your shell",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "complete",
    summary: "Print possible completions",
    hidden: true,
    load: () => import("./commands/complete.ts"),
  },
];
