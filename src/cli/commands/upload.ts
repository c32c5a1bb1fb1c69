import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { checkId } from "../../genesys/services.ts";
import { openOrCreateLake } from "../../lake/open.ts";
import { upload } from "../../sync/upload.ts";
import { DEFAULT_WEEK_START } from "../../usage/period.ts";
import type { Cli } from "../cli.ts";
import { openInput } from "../input.ts";
import { granularityOption, ORGANIZATION, weekStartOption } from "../options.ts";
import { addLakeOptions, lakeToWrite } from "../stack.ts";

export function command(cli: Cli): CommandUnknownOpts {
  const command = new Command("upload")
    .description(
      "Upload an answer's rows as they came, for Glue's crawler and the article's SQL: the article's step 5. The file is " +
        "checked first, one row a line is written, and never one answer over another or twice.",
    )
    .argument("<file>", "the results: JSON or NDJSON, plain or in gzip or zstd; - is standard input")
    .requiredOption("--granularity <name>", "day, week, month or total, as it was asked", granularityOption)
    .option("--id <id>", "the execution or job id, which names the object; left out: a hash of the rows")
    .option(
      "--week-start <day>",
      "monday or sunday, as the service counts weeks",
      weekStartOption,
      DEFAULT_WEEK_START,
    )
    .option(...ORGANIZATION)
    .option("--force", "store rows that look like those of another granularity")
    .option("--json", "print what was uploaded as JSON");
  return addLakeOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage upload query-result.json --granularity month --stack gc-usage\n" +
        "  gc-usage aws crawl --stack gc-usage\n\n`gc-usage load` lands the same file in the table usage as well, for `ask`.",
    )
    .action(async (file, options) => {
      if (options.id !== undefined) checkId(options.id);
      const { uri, stack } = await lakeToWrite(cli, options);
      const input = await openInput(cli, file);
      const lake = await openOrCreateLake(uri, cli);
      try {
        const { granularity, weekStart, id, organization } = options;
        const given = {
          input: input.stream,
          from: input.name,
          granularity,
          weekStart,
          id,
          organization,
          force: options.force ?? false,
          log: cli.log,
          signal: cli.signal,
        };
        const { outcome, source, rows, bytes } = await upload(lake, given);
        const place = source === undefined ? undefined : `${lake.uri.replace(/\/$/, "")}/${source}`;
        if (options.json) {
          await cli.json({ outcome, object: place ?? null, rows, bytes });
          return;
        }
        if (outcome === "empty") cli.log.info(`${input.name} has no rows: there is nothing to upload.`);
        else if (outcome === "there") cli.log.info(`The same ${rows} rows are there already: ${place}`);
        else {
          cli.log.info(`Uploaded ${rows} rows: ${place}`);
          if (stack) cli.log.info(`Next: gc-usage aws crawl --stack ${stack.stack}`);
        }
      } finally {
        await lake.close();
      }
    });
}
