import { Command } from "@commander-js/extra-typings";
import { describeSource, sourcesOf } from "../../questions/choose.ts";
import { UsageError } from "../../support/errors.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../usage/service.ts";
import type { SliceKey } from "../../usage/slice.ts";
import { addAskingOptions, printRows } from "../asking.ts";
import type { Cli } from "../cli.ts";
import { openEngine } from "../engines.ts";
import { openInput, readText } from "../options.ts";
import { formatOf } from "../output.ts";

export function command(cli: Cli) {
  const sql = new Command("sql")
    .description(
      "Ask the lake in SQL, on DuckDB or Athena. It only reads; on DuckDB it reaches no files and no network but the " +
        "lake's tables.",
    )
    .argument("[statement]", "the statement")
    .option("-f, --file <file>", "read the statement from a file; - is standard input");
  return addAskingOptions(sql)
    .addHelpText("after", HELP)
    .action(async (argument, options) => {
      formatOf(cli, options);
      const statement = await statementOf(cli, argument, options.file);
      const engine = await openEngine(cli, options, { slices: false });
      try {
        warnOfDaily(cli, statement, engine.slices);
        await printRows(cli, engine, statement, options);
      } finally {
        await engine.close();
      }
    });
}

const HELP = `
Tables:
  daily                by day, of one service and one grouping: safe to sum
                       (${CANONICAL_SERVICE}, ${CANONICAL_GROUPING})
  usage                every slice. The services count different requests, and
                       two groupings count the same ones twice, so name service,
                       "grouping" and granularity before you sum
  gc_usage_api_source  the raw rows that \`gc-usage load\` kept, as they came

DESCRIBE usage lists the columns. Counts print exactly, whatever their size.
In JSON a decimal or whole number is a number of that many digits; in CSV
(RFC 4180) NULL is an empty field; in Parquet a sum beyond 64 bits is a
DECIMAL(38,0).

With --engine athena what was scanned and about what it cost goes to standard
error (at GC_USAGE_ATHENA_USD_PER_TB US dollars a terabyte, 5 where that is not
set). Athena asks S3 for each day of the table's range: always filter by date.

Examples:
  gc-usage sql "SELECT clientName, sum(status429) FROM daily GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
  gc-usage sql --file report.sql --out report.parquet
  gc-usage sql --explain "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql --stack gc-usage --engine athena "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql "SELECT * FROM \\"genesysclouddb\\".\\"gc_usage_api_source\\" WHERE granularity='month' ORDER BY status429 DESC limit 10"`;

async function statementOf(
  cli: Cli,
  argument: string | undefined,
  file: string | undefined,
): Promise<string> {
  if ((argument === undefined) === (file === undefined)) {
    const why =
      file === undefined
        ? "There is no SQL statement."
        : "There are two SQL statements: --file and an argument.";
    throw new UsageError("input", why, {
      hint: 'Give one: gc-usage sql "SELECT * FROM daily LIMIT 10", or --file query.sql.',
    });
  }
  return argument ?? (await readText(await openInput(cli, file)));
}

/** An empty `daily` is a trap where the lake has rows of other kinds. */
function warnOfDaily(cli: Cli, statement: string, slices: readonly SliceKey[]): void {
  const isDaily = (one: Pick<SliceKey, "service" | "grouping">): boolean =>
    one.service === CANONICAL_SERVICE && one.grouping === CANONICAL_GROUPING;
  const sources = sourcesOf(slices);
  if (slices.length === 0 || !/\bdaily\b/i.test(statement) || sources.some(isDaily)) return;
  const has = sources.map(describeSource);
  const coarser = [...new Set(slices.map((one) => one.granularity))].filter((one) => one !== "day");
  if (coarser.length > 0) has.push(`slices by ${coarser.join(" and ")}`);
  cli.log.warn(
    `daily is empty: it shows ${CANONICAL_SERVICE}, ${CANONICAL_GROUPING} by day, and the lake has ${has.join("; ")}. ` +
      `Ask usage instead, with service, "grouping" and granularity.`,
  );
}
