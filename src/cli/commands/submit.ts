import { Command } from "@commander-js/extra-typings";
import { type GenesysClient, submitQuery } from "../../index.ts";
import { GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { apiMetric } from "../../usage/metric.ts";
import {
  apiGranularity,
  apiGroupBy,
  parseApiGranularity,
  parseQuery,
  type QueryBody,
} from "../../usage/query.ts";
import type { Service } from "../../usage/service.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions, connect } from "../connection.ts";
import { openInput, readText } from "../input.ts";
import { durationOption, metricsOption, serviceOption, words } from "../options.ts";
import { checkWait, printResults, type ResultsFlags } from "../print-results.ts";

interface QueryFlags {
  readonly file?: string | undefined;
  readonly interval?: string | undefined;
  readonly granularity?: string | undefined;
  readonly groupBy?: string | undefined;
  readonly metrics?: ReturnType<typeof metricsOption> | undefined;
  readonly service: Service;
}

export function command(cli: Cli) {
  const submit = new Command("submit")
    .description(
      "Submit a query to the usage API and print the response, which contains the id for `gc-usage results`. With --wait, print the results instead.",
    )
    .option("-f, --file <file>", "file with the query as JSON; - for standard input")
    .option(
      "--interval <start/end>",
      "UTC days as an inclusive ISO 8601 interval, for example 2021-01/2021-02",
    )
    .option("--granularity <name>", "Day, Week or Month (default: one total for the interval)")
    .option("--group-by <names>", "dimensions, as the API spells them or as client,user,uri,method")
    .option("--metrics <names>", "metrics, for example Status200,Status429 (default: all)", metricsOption)
    .option(
      "--service <name>",
      "service to call: legacy (the blueprint's) or jobs",
      serviceOption,
      "legacy" as Service,
    )
    .option("--wait", "wait until the query is done and print its results instead")
    .option("--ndjson", "with --wait, print only the rows, one JSON object per line")
    .option(
      "--timeout <time>",
      "with --wait, the longest time to wait (default: 30m)",
      durationOption("--timeout"),
    )
    .option("--dry-run", "print the request body without sending it")
    .option("--json", "also report errors as JSON");
  return addConnectionOptions(submit)
    .addHelpText(
      "after",
      "\nA query keeps running if you stop waiting for it: the message shows the command\nthat prints its results.\n" +
        "\nExamples:\n  gc-usage submit -f query-file.json\n" +
        "  gc-usage submit -f query-file.json --wait --ndjson > query-result.json\n" +
        "  gc-usage submit --interval 2021-01/2021-02 --granularity Month --group-by OAuthClientId --metrics Status200,Status429\n" +
        "  gc-usage submit --service jobs --interval 2026-10-01/2026-10-31 --granularity Day --group-by client,uri --dry-run",
    )
    .action(async (options) => {
      checkWait(options);
      if (options.ndjson && !options.wait) {
        throw new GcUsageError("input", "--ndjson needs --wait.", { hint: "Add --wait, or omit --ndjson." });
      }
      const body = await bodyOf(cli, options);
      if (parseQuery(body, options.service).filtered) {
        cli.log.warn("The query filters its rows: its results cannot be loaded into a lake.");
      }
      if (options.dryRun) {
        await cli.json(body);
        return;
      }
      const client = await connect(cli, options);
      try {
        const { id, answer } = await submitQuery(client, options.service, body);
        if (options.wait) await waitFor(cli, client, id, options);
        else await cli.json(answer);
      } finally {
        await client.close();
      }
    });
}

/** Prints the results of a submitted query. Every failure names the command that prints them later. */
async function waitFor(cli: Cli, client: GenesysClient, id: string, flags: ResultsFlags): Promise<void> {
  cli.log.info(`Submitted query ${id}.`);
  try {
    await printResults(cli, client, id, flags);
  } catch (error) {
    if (!isGcUsageError(error) || error.kind === "failed") throw error;
    const service = flags.service === "legacy" ? "" : ` --service ${flags.service}`;
    const again = `gc-usage results ${id}${service} --wait${flags.ndjson ? " --ndjson" : ""}`;
    throw new GcUsageError(error.kind, error.message, {
      hint: `The query was submitted. To print its results: ${again}`,
      cause: error,
      details: { ...error.details, id },
    });
  }
}

/** The request body: the file unchanged, or built from the flags. */
async function bodyOf(cli: Cli, flags: QueryFlags): Promise<QueryBody> {
  const given = ["interval", "granularity", "groupBy", "metrics"].filter(
    (name) => flags[name as keyof QueryFlags] !== undefined,
  );
  if (flags.file === undefined && given.length > 0) {
    return {
      ...(flags.interval === undefined ? {} : { interval: flags.interval }),
      ...apiGranularity(parseApiGranularity(flags.granularity)),
      ...(flags.groupBy === undefined ? {} : { groupBy: groupByOf(flags.groupBy, flags.service) }),
      ...(flags.metrics === undefined ? {} : { metrics: flags.metrics.map(apiMetric) }),
    };
  }
  if (given.length > 0) {
    throw new GcUsageError("input", "The query is set both with a file and with flags.", {
      hint: "Use either --file or the flags.",
    });
  }
  const input = await openInput(cli, flags.file);
  const text = await readText(input);
  if (text.trim() === "")
    throw new GcUsageError("input", `${input.name} is empty.`, {
      hint: "Write the query as a JSON object with an interval.",
    });
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as QueryBody;
  } catch (error) {
    throw new GcUsageError("input", `${input.name} is not valid JSON: ${messageOf(error)}.`, {
      hint: "Check the query file.",
      cause: error,
    });
  }
}

function groupByOf(text: string, service: Service): string[] {
  const names = words(text);
  if (names.length === 0) {
    throw new GcUsageError("input", "--group-by is empty.", {
      hint: "Omit it to use the service's own grouping.",
    });
  }
  return [...new Set(names.flatMap((name) => apiGroupBy(name, service)))];
}
