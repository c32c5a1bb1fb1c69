import { Command } from "@commander-js/extra-typings";
import { checkEnded, checkHasCounts, splitInto } from "../../index.ts";
import { type Cli, ReaderGone } from "../cli.ts";
import { openInput } from "../input.ts";

export function command(cli: Cli) {
  return new Command("rows")
    .description(
      "Print the rows of a usage API response, one JSON object per line: the same as `jq -c '.results[]'` (jobs: " +
        "`.entities[]`), but in constant memory. Accepts the output of gc, jq and `gc-usage results`.",
    )
    .argument(
      "[file]",
      "file with the response, optionally compressed with gzip or zstd; - for standard input (default: standard input)",
    )
    .option("--json", "also report errors as JSON")
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
        // A row that the scanner recognizes has counts.
        { onKnownRow: () => {}, escapes: true },
      );
      for (const { nextUri } of summary.answers) {
        if (typeof nextUri === "string" && nextUri !== "")
          cli.log.warn(`${input.name} is one page of several: its nextUri points to the next page.`);
      }
      checkEnded(summary, input.name);
    });
}
