import { Command } from "@commander-js/extra-typings";
import { submitQuery } from "../../genesys/services.ts";
import { messageOf, UsageError } from "../../support/errors.ts";
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
import { metricsOption, serviceOption, words } from "../options.ts";

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
      "Submit a query to the usage API and print the service's answer: the id to read the results by.",
    )
    .option("-f, --file <file>", "the query as JSON; - is standard input")
    .option("--interval <start/end>", "UTC days, both included, as ISO 8601: 2021-01/2021-02")
    .option("--granularity <name>", "Day, Week or Month; left out: one figure over the whole interval")
    .option("--group-by <names>", "dimensions, as the API spells them or client,user,uri,method …")
    .option("--metrics <names>", "Status200,Status429 …; left out: all", metricsOption)
    .option("--service <name>", "legacy (the blueprint's) or jobs", serviceOption, "legacy" as Service)
    .option("--dry-run", "print the body that would be sent, and send nothing")
    .option("--json", "errors as JSON as well; what is printed is JSON in any case");
  return addConnectionOptions(submit)
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage submit -f query-file.json\n" +
        "  gc-usage submit --interval 2021-01/2021-02 --granularity Month --group-by OAuthClientId --metrics Status200,Status429\n" +
        "  gc-usage submit --service jobs --interval 2026-10-01/2026-10-31 --granularity Day --group-by client,uri --dry-run",
    )
    .action(async (options) => {
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
        await cli.json((await submitQuery(client, options.service, body)).answer);
      } finally {
        await client.close();
      }
    });
}

/** The body to send: the file's as it is, or made of the flags. */
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
    throw new UsageError("input", "The query is given both as a file and by flags.", {
      hint: "Use --file alone, or the flags alone.",
    });
  }
  const input = await openInput(cli, flags.file);
  const text = await readText(input);
  if (text.trim() === "")
    throw new UsageError("input", `${input.name} is empty.`, {
      hint: "A query is a JSON object with an interval.",
    });
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as QueryBody;
  } catch (error) {
    throw new UsageError("input", `${input.name} is not valid JSON: ${messageOf(error)}.`, {
      hint: "Check the query file.",
      cause: error,
    });
  }
}

function groupByOf(text: string, service: Service): string[] {
  const names = words(text);
  if (names.length === 0) {
    throw new UsageError("input", "--group-by is empty.", {
      hint: "Leave it out for what the service groups by itself.",
    });
  }
  return [...new Set(names.flatMap((name) => apiGroupBy(name, service)))];
}
