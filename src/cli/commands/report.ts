import { Command } from "@commander-js/extra-typings";
import { reportsOf } from "../../report/index.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { addAllowanceOptions } from "../allowance-options.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { addEngineOptions, lakeOf } from "../lake-options.ts";
import { amountOption, serviceOption } from "../options.ts";
import { REPORT_FORMATS, reportFormatOption, reportTargets, writeReports } from "../report-formats.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("report").description(
    "Write a report of a period to send to somebody: findings, clients, rate limits, endpoints, headroom and fair use, as HTML, Markdown or Excel.",
  );
  const dated = addWindowOptions(described, {
    last: "length of the period, for example 7d, 4w, 3m or 1y (default: 30d, or as many consecutive days as the lake has)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: yesterday, or the lake's newest day)",
  });
  const report = addWeekStartOption(dated)
    .option(
      "-o, --out <file>",
      "write to this file, in the format of its extension: .html, .md, .xlsx or .json; can be repeated (default: Markdown on standard output)",
      (file: string, before: string[] | undefined) => [...(before ?? []), file],
    )
    .option(
      "--format <name>",
      `output format: ${REPORT_FORMATS.join(", ")} (default: by the file's extension, else markdown)`,
      reportFormatOption,
    )
    .option("--json", "print what the report says as JSON; the same as --format json")
    .option("--allow-partial", "report even if days are missing or incomplete; the report says so first")
    .option(
      "--service <name>",
      "service to read: jobs or legacy (default: the one that covers the days, jobs first)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option(
      "--organization <name>",
      "report only on this organization, if the lake is a folder of several organizations' lakes",
    )
    .option(
      "--labels <file>",
      "CSV file with the columns id, label and owner, to show for clients (default: GC_USAGE_LABELS, else labels.csv in the lake)",
    );
  const allowed = addAllowanceOptions(report)
    .option(
      "--overage-price <price>",
      "price of each request above the allowance (default: the contract's)",
      amountOption("--overage-price"),
    )
    .option("--offline", "do not read limits and the contract from Genesys Cloud");
  return addConnectionOptions(addEngineOptions(allowed))
    .addHelpText("after", HELP)
    .action(async ({ out, format, json, ...options }) => {
      const targets = await reportTargets(cli, { out, format, json });
      const lake = lakeOf(cli, options, options);
      try {
        const reports = await reportsOf(lake, options);
        cli.progressDone();
        for (const { gaps, organization } of reports)
          for (const gap of gaps) cli.log.warn(organization === null ? gap : `${organization}: ${gap}`);
        await writeReports(cli, targets, reports);
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
Days are UTC days; the current day is never in the data. The period is compared
with the equally long one before. If days of the period are missing, the command
fails with exit code 9 and shows the \`gc-usage sync\` command that fetches them.
With --allow-partial, the report names the missing days in its first lines.

An HTML report is one file without scripts. It opens offline and in the preview
of a mail client, and prints to two pages. An Excel report has one sheet for
each question. Every format contains the SQL behind its figures.

Limits and the contract are read from Genesys Cloud if there are credentials.
Without them, the report has the documented limits. Findings are those of
\`gc-usage check\`; nothing is remembered. See docs/report.md, also for mail.

If --lake is a folder of several organizations' lakes, the report has a part
for each, over the same period.

Examples:
  gc-usage report --last-week -o usage.html
  gc-usage report --last-month -o usage.html -o usage.xlsx
  gc-usage report --last 7d > ticket.md
  gc-usage report --month 2026-10 --licenses cx3=100 -o october.xlsx`;
