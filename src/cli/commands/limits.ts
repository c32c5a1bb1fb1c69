import { Command } from "@commander-js/extra-typings";
import type { LimitsReport } from "../../index.ts";
import { describeRanges } from "../../usage/envelope.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { addEngineOptions, lakeOf } from "../lake-options.ts";
import { limitsText, unavailableText } from "../limits-text.ts";
import { integerOption, serviceOption } from "../options.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("limits").description(
    "Show the organization's limits, the requests to change them, and how near each client is to the limit of one token.",
  );
  const dated = addWindowOptions(described, {
    last: "length of the period whose busiest days are shown (default: 30d, or as many consecutive days as the lake has)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: yesterday, or the lake's newest day)",
  });
  const limits = addWeekStartOption(dated)
    .option("--what-if <growth>", "also show whether more traffic would fit: for example +200/min or +20%")
    .option(
      "--client <name>",
      "only this client: id, name or part of the name; can be repeated",
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .option("--top <n>", "number of clients to show (default: 10)", integerOption("--top", 1, 100_000))
    .option(
      "--service <name>",
      "service to read: jobs or legacy (default: the one that covers the days)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option("--offline", "do not call the API: show what Genesys documents, and the usage in the lake")
    .option("--json", "print everything as JSON");
  return addEngineOptions(addConnectionOptions(limits))
    .addHelpText("after", HELP)
    .action(async (options) => {
      const lake = lakeOf(cli, options, options);
      try {
        const report = await lake.limits(options);
        cli.progressDone();
        if (options.json) await cli.json(report);
        else await cli.out(await limitsText(report, { width: cli.columns }));
        warn(cli, report);
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
A limit counts requests of one token in a minute. Usage is known by day, so the
table compares a client's busiest days with what one token could make in a whole
day at the limit in force (300 a minute is 432,000 a day). It shows averages:
peaks within a minute are not in the data.

--what-if adds traffic to each client's busiest day. With +200/min and without
--client, it also shows a new client with a token of its own.

Without credentials, or with --offline, the documented defaults are shown. What
the token may not read is listed with the permission that it needs:
limits:organization:view for the requests to change limits. The limits need no
permission.

Examples:
  gc-usage limits
  gc-usage limits --client click-to-dial --last 90d
  gc-usage limits --what-if "+200/min" --client click-to-dial
  gc-usage limits --what-if "+20%" --top 5 --offline
  gc-usage limits --json`;

/** Says what is missing from the report. */
function warn(cli: Cli, { offlineReason, unavailable, lakeProblem, missing }: LimitsReport): void {
  if (lakeProblem !== null) cli.log.warn(`The usage of the clients is not known. ${lakeProblem}`);
  if (missing.length > 0)
    cli.log.warn(`There may be busier days: the lake has no data for ${describeRanges(missing)}.`);
  if (offlineReason !== null) cli.log.info(`The organization's own limits were not read. ${offlineReason}`);
  for (const line of unavailable.map(unavailableText)) cli.log.info(line);
}
