import { Command } from "@commander-js/extra-typings";
import { describeFilters } from "../../index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../usage/service.ts";
import type { Cli } from "../cli.ts";
import { addFilterOptions } from "../filter-options.ts";
import { openInput, readText } from "../input.ts";
import { lakeOf } from "../lake-options.ts";
import { formatOf } from "../output.ts";
import { addQueryOptions, printRows } from "../query-options.ts";

export function command(cli: Cli) {
  const sql = new Command("sql")
    .description(
      "Query the lake with SQL, in DuckDB or Athena. Read-only: in DuckDB, a statement can access only the lake's tables, " +
        "no other files and no network.",
    )
    .argument("[statement]", "SQL statement")
    .option(
      "-f, --file <file>",
      "read the statement from a file; - for standard input (default: standard input, unless it is a terminal)",
    );
  return addQueryOptions(addFilterOptions(sql))
    .addHelpText("after", HELP)
    .action(async (argument, options) => {
      const format = await formatOf(cli, options);
      const statement = await statementOf(cli, argument, options.file);
      const lake = lakeOf(cli, options);
      try {
        const demands = { ...options, maxAgeMs: options.maxAge };
        // Table output needs no description of the tables, unless the flags set requirements.
        const isDescribed = format !== "table" || options.requireComplete || options.maxAge !== undefined;
        const prepared = await lake.statement(statement, options);
        if (prepared.filters.length > 0) cli.log.info(`Only ${describeFilters(prepared.filters)}.`);
        await printRows(cli, options, {
          isBilled: prepared.isBilled,
          run: async (how) => {
            const { result, warnings } = await prepared.start(how);
            for (const warning of warnings) cli.log.warn(warning);
            return result;
          },
          envelope: ({ tables }) =>
            isDescribed ? prepared.describe(tables, demands) : Promise.resolve(undefined),
        });
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
Tables:
  daily                rows by day, of one service and one grouping: safe to sum
                       (${CANONICAL_SERVICE}, ${CANONICAL_GROUPING})
  usage                all slices. Services count different requests, and each
                       grouping counts the same requests again, so filter by
                       service, "grouping" and granularity before you sum
  gc_usage_api_source  raw rows, exactly as received
  slices               one row per slice: coverage, job, rows, bytes, state

If --lake is a folder of several organizations' lakes, each table starts with
the column organization, the name of the lake's folder. Group by it, because two
organizations may have clients with the same id or name (the built-in ones).
JSON and Parquet describe the tables: days, gaps, when they were fetched. This
and --require-complete cover the whole tables, not only the rows that a WHERE
selects. \`gc-usage ask\` covers only its period (docs/answers.md).

--client, --user, --endpoint, --method and --platform filter the rows of usage
and daily, as in \`gc-usage ask\`. Only in DuckDB.

DESCRIBE usage lists the columns. Counts are exact, whatever their size. In
DuckDB, GC_USAGE_MEMORY_LIMIT and GC_USAGE_SPILL_LIMIT limit the memory and disk
space of a statement, for example 8GB. The defaults are half of the memory, but
at most 4 GB, and 10 GB of disk. In JSON, numbers have all their digits. In CSV
(RFC 4180), NULL is an empty field. In Parquet, a sum of more than 64 bits is a
DECIMAL(38,0).

With --engine athena, the data scanned and its approximate cost are printed on
standard error, at GC_USAGE_ATHENA_USD_PER_TB US dollars per terabyte (default:
5). Athena calls S3 for each day of the table's range, so always filter by date.

Examples:
  gc-usage sql "SELECT clientId, max(clientName), sum(status429) FROM daily GROUP BY 1 ORDER BY 3 DESC LIMIT 10"
  gc-usage sql < report.sql
  gc-usage sql --file report.sql --out report.parquet
  gc-usage sql --client click-to-dial "SELECT date, sum(requests) FROM daily GROUP BY 1 ORDER BY 1"
  gc-usage sql --explain "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql --stack gc-usage --engine athena "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql "SELECT * FROM \\"genesysclouddb\\".\\"gc_usage_api_source\\" WHERE granularity='month' ORDER BY status429 DESC limit 10"`;

async function statementOf(
  cli: Cli,
  argument: string | undefined,
  file: string | undefined,
): Promise<string> {
  const refusal = (why: string): GcUsageError =>
    new GcUsageError("input", why, {
      hint: 'Give one: gc-usage sql "SELECT * FROM daily LIMIT 10" or gc-usage sql --file query.sql',
    });
  if (argument !== undefined && file !== undefined) {
    throw refusal("There are two SQL statements: --file and the argument.");
  }
  if (argument !== undefined) return argument;
  if (file === undefined && cli.stdin.isTTY) throw refusal("There is no SQL statement.");
  const text = await readText(await openInput(cli, file));
  if (file === undefined && text.trim() === "")
    throw refusal("There is no SQL statement: standard input is empty.");
  return text;
}
