import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { checkId } from "../../index.ts";
import { DEFAULT_WEEK_START } from "../../usage/period.ts";
import type { Cli } from "../cli.ts";
import { openInput } from "../input.ts";
import { addLakeOptions, lakeFlags, lakeOf } from "../lake-options.ts";
import { granularityOption, ORGANIZATION, weekStartOption } from "../options.ts";

export function command(cli: Cli): CommandUnknownOpts {
  const command = new Command("upload")
    .description(
      "Upload raw rows for Glue's crawler and the article's SQL (step 5 of the article). Checks the file first, writes one " +
        "row per line, and never overwrites other results or stores the same ones twice.",
    )
    .argument(
      "<file>",
      "file with the results as JSON or NDJSON, optionally compressed with gzip or zstd; - for standard input",
    )
    .requiredOption(
      "--granularity <name>",
      "granularity of the query: day, week, month or total",
      granularityOption,
    )
    .option("--id <id>", "execution or job id, used as the object's name (default: a hash of the rows)")
    .option(
      "--week-start <day>",
      "first day of the service's weeks: monday or sunday",
      weekStartOption,
      DEFAULT_WEEK_START,
    )
    .option(...ORGANIZATION)
    .option("--force", "store rows that look like another granularity")
    .option("--json", "print the summary as JSON");
  return addLakeOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage upload query-result.json --granularity month --stack gc-usage\n" +
        "  gc-usage aws crawl --stack gc-usage\n\nTo query the same file with `ask`, also run `gc-usage load`. It stores the rows\nin the table usage.",
    )
    .action(async (file, options) => {
      if (options.id !== undefined) checkId(options.id);
      const lake = lakeOf(cli, lakeFlags(options));
      const input = await openInput(cli, file);
      const { outcome, source, rows, bytes } = await lake.upload(
        { name: input.name, bytes: input.stream },
        options,
      );
      const place =
        source === undefined ? undefined : `${(await lake.location()).replace(/\/$/, "")}/${source}`;
      if (options.json) {
        await cli.json({ outcome, object: place ?? null, rows, bytes });
        return;
      }
      if (outcome === "empty") cli.log.info(`${input.name} has no rows. Nothing was uploaded.`);
      else if (outcome === "there") cli.log.info(`Already uploaded: the same ${rows} rows are in ${place}`);
      else {
        cli.log.info(`Uploaded ${rows} rows: ${place}`);
        if (options.stack !== undefined) cli.log.info(`Next: gc-usage aws crawl --stack ${options.stack}`);
      }
    });
}
