import { Command } from "@commander-js/extra-typings";
import { checkId, describeSkew, type Loaded } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { isFromFuture } from "../../usage/coverage.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { parseInterval } from "../../usage/interval.ts";
import { DEFAULT_WEEK_START, type Granularity } from "../../usage/period.ts";
import { slicePath } from "../../usage/slice.ts";
import type { Cli } from "../cli.ts";
import { type Input, openInput } from "../input.ts";
import { addLakeOptions, lakeFlags, lakeOf } from "../lake-options.ts";
import {
  granularityOption,
  metricsOption,
  ORGANIZATION,
  serviceOption,
  weekStartOption,
} from "../options.ts";

export function command(cli: Cli) {
  const load = new Command("load")
    .description(
      "Store results that were fetched elsewhere in the lake: JSON or NDJSON of either service, from gc, jq or gc-usage. " +
        "Checks all rows first, and stores nothing if a check fails.",
    )
    .argument(
      "<file>",
      "file with the results, optionally compressed with gzip or zstd; - for standard input",
    )
    .requiredOption(
      "--granularity <name>",
      "granularity of the query: day, week, month or total",
      granularityOption,
    )
    .option(
      "--interval <start/end>",
      "interval of the query; required unless --granularity is day",
      parseInterval,
    )
    .option("--group-by <dimensions>", "grouping of the query (default: detected in the rows)", parseGrouping)
    .option("--metrics <names>", "metrics of the query (default: detected in the rows)", metricsOption)
    .option("--service <name>", "jobs or legacy (default: detected in the rows)", serviceOption)
    .option("--id <id>", "execution or job id (default: a hash of the rows)")
    .option(
      "--week-start <day>",
      "first day of the service's weeks: monday or sunday",
      weekStartOption,
      DEFAULT_WEEK_START,
    )
    .option(...ORGANIZATION)
    .option("--force", "replace slices that cover more, and store rows that look like a mistake")
    .option("--json", "print the summary as JSON");
  return addLakeOptions(load)
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage load query-result.json --granularity month --interval 2021-01/2021-02\n" +
        "  gc usage query results get ID | gc-usage load - --granularity day",
    )
    .action(async (file, options) => {
      if (options.id !== undefined) checkId(options.id);
      const input = await openInput(cli, file);
      const lake = lakeOf(cli, lakeFlags(options));
      const loaded = await lake.load(
        { name: input.name, bytes: input.stream },
        { ...options, fetchedAt: writtenAt(cli, input) },
      );
      await report(cli, await lake.location(), loaded, options);
    });
}

async function report(
  cli: Cli,
  lake: string,
  loaded: Loaded,
  { granularity, json }: { readonly granularity: Granularity; readonly json?: true | undefined },
): Promise<void> {
  const { written, kept, unknownFields } = loaded;
  if (unknownFields.length > 0) {
    cli.log.warn(`Unknown fields were stored in the column extra: ${unknownFields.join(", ")}.`);
  }
  const series = `${loaded.service}, ${loaded.grouping}, ${granularity}`;
  if (json) {
    await cli.json({
      ...loaded,
      granularity,
      lake,
      written: written.map(slicePath),
      kept: kept.map(({ key, why }) => ({ path: slicePath(key), why })),
    });
  } else if (loaded.outcome === "there") {
    cli.log.info(`Already stored: the same rows are in ${lake} (${series}). Nothing was written.`);
  } else {
    cli.log.info(
      `Stored ${counted(loaded.rows, "row")} in ${counted(written.length, "slice")} (${series}) in ${lake}.${sameText(loaded)}`,
    );
    cli.log.info(`Raw rows: ${loaded.source}`);
  }
}

function sameText({ kept }: Loaded): string {
  return kept.length === 0 ? "" : ` ${counted(kept.length, "slice")} left unchanged: ${kept[0]?.why ?? ""}.`;
}

/**
 * The answer in a file is at least as old as the file. A time in the future comes from a wrong clock, so it counts as
 * now.
 */
function writtenAt(cli: Cli, { name, modified }: Input): number {
  const now = Date.now();
  if (modified === undefined || modified <= now) return modified ?? now;
  if (isFromFuture({ fetchedAt: modified }, now)) {
    cli.log.warn(
      `${name} has a modification time that is ${describeSkew(modified - now)} this machine's clock. Its rows count as fetched now.`,
    );
  }
  return now;
}
