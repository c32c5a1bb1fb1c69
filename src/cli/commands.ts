import type { CommandEntry } from "./command-entry.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "demo", summary: "Show the main job, with no account", load: () => import("./commands/demo.ts") },
  {
    name: "sync",
    summary: "Bring the lake up to date from the usage API",
    load: () => import("./commands/sync.ts"),
  },
  {
    name: "status",
    summary: "Show what the lake holds and what is missing",
    load: () => import("./commands/status.ts"),
  },
  { name: "submit", summary: "Submit a query to the usage API", load: () => import("./commands/submit.ts") },
  {
    name: "results",
    summary: "Print the results of a submitted query",
    load: () => import("./commands/results.ts"),
  },
  {
    name: "rows",
    summary: "Turn an answer into its rows, one a line",
    load: () => import("./commands/rows.ts"),
  },
  {
    name: "load",
    summary: "Land results that were fetched elsewhere",
    load: () => import("./commands/load.ts"),
  },
  { name: "ask", summary: "Answer a question about the lake", load: () => import("./commands/ask.ts") },
  { name: "sql", summary: "Ask the lake in SQL", load: () => import("./commands/sql.ts") },
  {
    name: "doctor",
    summary: "Check settings, credentials, permissions, clock and rate limit",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "sandbox",
    summary: "Serve a make-believe Genesys Cloud organisation",
    load: () => import("./commands/sandbox.ts"),
  },
  { name: "aws", summary: "Make and run the lake's stack in AWS", load: () => import("./commands/aws.ts") },
  {
    name: "upload",
    summary: "Upload an answer for Glue's crawler and the article's SQL",
    load: () => import("./commands/upload.ts"),
  },
  {
    name: "verify",
    summary: "Read the whole lake and report what is wrong with it",
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
    summary: "Print the words that can follow",
    hidden: true,
    load: () => import("./commands/complete.ts"),
  },
];
