import { Command } from "@commander-js/extra-typings";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { Cli } from "../cli.ts";
import { destinationOf, writeTo } from "../destination.ts";
import { addLakeOptions, lakeOf } from "../lake-options.ts";

export function command(cli: Cli) {
  const views = new Command("views")
    .description(
      "Write a DuckDB file with a view of each kind of rows, for DBeaver, Metabase, Superset and other programs that open DuckDB files. " +
        "The views read the lake where it is, so they also show what is stored later.",
    )
    .option("-o, --out <file>", "write to this file, completely or not at all (default: standard output)");
  return addLakeOptions(views)
    .addHelpText("after", HELP)
    .action(async ({ out, ...options }) => {
      const destination = await destinationOf(out, "--out");
      if (destination.kind === "stdout" && cli.isTerminal)
        throw new GcUsageError("input", "A DuckDB file is binary: it cannot be shown on a terminal.", {
          hint: "Write it to a file: gc-usage views --out lake.duckdb",
        });
      const lake = lakeOf(cli, options);
      try {
        let names: readonly string[] = [];
        await writeTo(cli, destination, {
          file: async (path) => {
            names = await lake.writeViews(path);
          },
        });
        cli.progressDone();
        cli.log.info(`${counted(names.length, "view")}: ${names.join(", ")}.`);
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
Use one view at a time: views of different groupings count the same requests.
The views name the lake's folder, so make the file again after moving the lake.
A lake on S3 needs Athena instead, or a copy in a folder (gc-usage copy).

docs/tools.md shows how to connect Metabase, Superset, DBeaver and others.

Examples:
  gc-usage views > lake.duckdb
  gc-usage views --lake /data/usage-lake --out lake.duckdb`;
