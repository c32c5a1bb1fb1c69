import { Command } from "@commander-js/extra-typings";
import type { Diagnosis } from "../../index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { describeRanges } from "../../usage/envelope.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { diagnosisText } from "../diagnose-text.ts";
import { addEngineOptions, lakeOf } from "../lake-options.ts";
import { DIAGNOSIS_FORMATS, diagnosisFormatOption, serviceOption } from "../options.ts";
import { formatIn } from "../output.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("diagnose")
    .description(
      "Find out why a client gets 429s: which limit it hits, when, how far above, and whether it can be raised. " +
        "Ends in what to do, or in a text for a request to raise the limit.",
    )
    .argument("<client>", "id, name or part of the name of an OAuth client");
  const dated = addWindowOptions(described, {
    last: "length of the period (default: 30d, or as many days as the lake has)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: yesterday, or the lake's newest day)",
  });
  const diagnose = addWeekStartOption(dated)
    .option(
      "--service <name>",
      "service to read: jobs or legacy (default: the one that covers the days)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option("--offline", "do not call the API: use only the lake")
    .option(
      "--format <name>",
      `output format: ${DIAGNOSIS_FORMATS.join(", ")} (default: text)`,
      diagnosisFormatOption,
    )
    .option("--json", "print the diagnosis as JSON; the same as --format json");
  return addEngineOptions(addConnectionOptions(diagnose))
    .addHelpText("after", HELP)
    .action(async (client, options) => {
      const format = formatIn(options, "text");
      const lake = lakeOf(cli, options, options);
      try {
        const found = await lake.diagnose(client, options);
        cli.progressDone();
        if (format === "json") await cli.json(found);
        else await cli.out(diagnosisText(found, format, cli.columns));
        const [member] = await lake.members();
        checkComplete(found, member?.flags ?? "");
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
The 429s come from the lake. The API has the records of limits that were reached
(permission analytics:rateLimitAggregate:view), the limits in force, and the
requests to change them (limits:organization:view). Without these permissions,
without credentials and with --offline, the diagnosis says what can be concluded
anyway, and what cannot.

If days of the period are missing, the exit code is 12, after the diagnosis of
the other days. docs/limits.md describes how the advice is chosen.

Examples:
  gc-usage diagnose click-to-dial
  gc-usage diagnose "Salesforce CRM sync (nightly)" --from 2026-10-08 --to 2026-10-12
  gc-usage diagnose click-to-dial --last 60d --format markdown > ticket.md
  gc-usage diagnose 0ca193aa-43e9-4037-b0db-5ccc0d73f644 --json`;

/** @throws {GcUsageError} incomplete */
function checkComplete({ missing }: Diagnosis, flags: string): void {
  const [first] = missing;
  if (first === undefined) return;
  throw new GcUsageError(
    "incomplete",
    `The diagnosis does not cover the whole period: the lake has no data for ${describeRanges(missing)}.`,
    { hint: `Run \`gc-usage sync --from ${first.from} --to ${missing.at(-1)?.to}${flags}\` first.` },
  );
}
