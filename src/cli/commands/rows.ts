import { Command } from "@commander-js/extra-typings";
import { checkEnded } from "../../genesys/answer/check-ended.ts";
import { checkHasCounts } from "../../genesys/answer/row.ts";
import { splitInto } from "../../genesys/services.ts";
import { type Cli, ReaderGone } from "../cli.ts";
import { openInput } from "../input.ts";

export function command(cli: Cli) {
  return new Command("rows")
    .description(
      "Turn an answer of the usage API into its rows, one JSON object a line: what `jq -c '.results[]'` (jobs: " +
        "`.entities[]`) makes of it, in flat memory. Takes what gc, jq and `gc-usage results` print.",
    )
    .argument("[file]", "the answer, plain or in gzip or zstd; - or nothing: standard input")
    .option("--json", "errors as JSON as well; what is printed is JSON, a line for each row, in any case")
    .addHelpText(
      "after",
      "\nExamples:\n  gc usage query results get ID | gc-usage rows > query-result.json\n  gc-usage rows answer.json | wc -l",
    )
    .action(async (file) => {
      const input = await openInput(cli, file);
      const summary = await splitInto(
        input.stream,
        async (ndjson) => {
          if (!(await cli.out(ndjson))) throw new ReaderGone();
        },
        (fields, _text, number) => checkHasCounts(fields, number),
      );
      for (const { nextUri } of summary.answers) {
        if (typeof nextUri === "string" && nextUri !== "")
          cli.log.warn(`${input.name} is one page of several: its nextUri points to more.`);
      }
      checkEnded(summary, input.name);
    });
}
