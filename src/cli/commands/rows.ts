import { Command } from "@commander-js/extra-typings";
import { splitInto, stateOf } from "../../genesys/services.ts";
import { UsageError } from "../../support/errors.ts";
import type { Cli } from "../cli.ts";
import { openInput } from "../options.ts";

export function command(cli: Cli) {
  return new Command("rows")
    .description(
      "Turn an answer of the usage API into its rows, one JSON object a line: what `jq -c '.results[]'` (jobs: " +
        "`.entities[]`) makes of it, in flat memory. Takes what gc, jq and `gc-usage results` print.",
    )
    .argument("[file]", "the answer; - or nothing: standard input")
    .addHelpText(
      "after",
      "\nExamples:\n  gc usage query results get ID | gc-usage rows > query-result.json\n  gc-usage rows answer.json | wc -l",
    )
    .action(async (file) => {
      const input = await openInput(cli, file);
      let reading = true;
      const summary = await splitInto(input.stream, async (ndjson) => {
        if (reading) reading = await cli.out(ndjson);
      });
      for (const members of summary.answers) {
        if (typeof members["nextUri"] === "string" && members["nextUri"] !== "") {
          cli.log.warn(`${input.name} is one page of several: its nextUri points to more.`);
        }
        const status = members["queryStatus"];
        if (typeof status !== "string" || stateOf("jobs", status) === "done") continue;
        const running = stateOf("jobs", status) === "running";
        throw new UsageError(
          running ? "timeout" : "failed",
          `${input.name} is the answer of a query that ${running ? "is" : "ended"} ${status}: it has no rows.`,
          {
            hint: running
              ? "Wait for it with `gc-usage results ID --wait --ndjson`."
              : "Submit the query again.",
          },
        );
      }
    });
}
