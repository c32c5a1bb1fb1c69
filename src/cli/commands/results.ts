import { Command } from "@commander-js/extra-typings";
import { checkId } from "../../index.ts";
import type { Service } from "../../usage/service.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions, connect } from "../connection.ts";
import { durationOption, serviceOption } from "../options.ts";
import { checkWait, printResults } from "../print-results.ts";

export function command(cli: Cli) {
  const results = new Command("results")
    .description("Print the results of a submitted query as the service returns them, including all pages.")
    .argument("<id>", "executionId (jobs: id) that `gc-usage submit` printed")
    .option(
      "--service <name>",
      "service of the query: legacy (the blueprint's) or jobs",
      serviceOption,
      "legacy" as Service,
    )
    .option("--ndjson", "print only the rows, one JSON object per line")
    .option("--json", "also report errors as JSON")
    .option("--wait", "wait until the query is done")
    .option(
      "--timeout <time>",
      "with --wait, the longest time to wait (default: 30m)",
      durationOption("--timeout"),
    );
  return addConnectionOptions(results)
    .addHelpText(
      "after",
      "\nWithout --wait, a running query prints its status, as gc does. With --ndjson, a\nrunning query is an error (exit code 7).\n" +
        "\nExamples:\n  gc-usage results 7157a113-2751-4e38-85c4-c386cb9e22a4 --wait --ndjson > query-result.json\n" +
        "  gc-usage submit -f query-file.json | jq -r .executionId | xargs gc-usage results --wait\n" +
        "  gc-usage submit -f query-file.json --wait --ndjson > query-result.json",
    )
    .action(async (id, options) => {
      checkId(id);
      checkWait(options);
      const client = await connect(cli, options);
      try {
        await printResults(cli, client, id, options);
      } finally {
        await client.close();
      }
    });
}
