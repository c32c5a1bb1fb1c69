import { Command } from "@commander-js/extra-typings";
import { ownFolder, QUESTIONS_VARIABLE } from "../../index.ts";
import { serveMcp } from "../../mcp/server.ts";
import type { Cli } from "../cli.ts";
import { addEngineOptions, lakeOf } from "../lake-options.ts";
import { durationOption, integerOption } from "../options.ts";

export function command(cli: Cli) {
  const mcp = new Command("mcp")
    .description(
      "Answer an AI assistant's questions about the lake, over the Model Context Protocol on standard input and output. The assistant " +
        "starts it; it can read, and change nothing.",
    )
    .option(
      "--max-rows <number>",
      "most rows of an answer (default: 200)",
      integerOption("--max-rows", 1, 10_000),
    )
    .option(
      "--max-characters <number>",
      "most characters of an answer (default: 40000)",
      integerOption("--max-characters", 2_000, 4_000_000),
    )
    .option(
      "--questions <folder>",
      `folder of your own questions, as .sql files (default: ${QUESTIONS_VARIABLE}, else none)`,
    )
    .option("--timeout <duration>", "longest time for an answer (default: 60s)", durationOption("--timeout"));
  return addEngineOptions(mcp)
    .addHelpText("after", HELP)
    .action(async ({ maxRows: rows, maxCharacters: characters, questions, timeout, ...options }) => {
      const lake = lakeOf(cli, options);
      try {
        cli.progressDone();
        await serveMcp(lake, {
          limits: {
            ...(rows === undefined ? {} : { rows }),
            ...(characters === undefined ? {} : { characters }),
            ...(timeout === undefined ? {} : { seconds: timeout / 1000 }),
          },
          questions: ownFolder(questions, cli.env),
          log: cli.log,
          signal: cli.signal,
        });
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
Add it to the settings of an assistant (docs/mcp.md has examples for several):

  {"mcpServers": {"gc-usage": {
    "command": "gc-usage", "args": ["mcp", "--lake", "/path/to/usage-lake"]}}}

Tools: status, findings, diagnose, ask, limits, fair_use and sql. Every answer
has the service, the grouping, the days covered and missing, whether it was cut,
and its SQL. Limits and the contract are read from Genesys Cloud if there are
credentials. Messages are on stderr.

Examples:
  gc-usage mcp --lake usage-lake
  gc-usage mcp --stack gc-usage --engine athena --max-scan 1GB`;
