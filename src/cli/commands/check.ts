import { Command } from "@commander-js/extra-typings";
import { DEFAULT_RULES, loadRules, WEBHOOK_FORMATS } from "../../index.ts";
import { realEffects } from "../../support/effects.ts";
import { addDays, dayOf } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { CHECK_FORMATS, checkFormatOption } from "../check-formats.ts";
import { runCheck } from "../check-run.ts";
import type { Cli } from "../cli.ts";
import { addEngineOptions, addLakeOptions, lakeOf } from "../lake-options.ts";
import { previewOption, serviceOption, webhookFormatOption } from "../options.ts";

export function command(cli: Cli) {
  const check = new Command("check")
    .description(
      "Check the last days for rate limits, errors, unusual traffic, new and silent clients, and missing data. " +
        "Each case is news once: when it begins, gets worse, and ends.",
    )
    .option("--rules <file>", "YAML or JSON file with rules (default: the built-in rules)")
    .option("--to <day>", "last UTC day to check (default: yesterday)")
    .option("--only-new", "report only news, and fail only if there is any: for a nightly run")
    .option("--dry-run", "do not remember this check: the next one reports the same")
    .option(
      "--preview <time>",
      "show how often each rule would have fired, for example in the last 90d",
      previewOption,
    )
    .option("--webhook <url>", "send news to this address, once for each (default: GC_USAGE_WEBHOOK)")
    .option(
      "--webhook-format <name>",
      `what to send: ${WEBHOOK_FORMATS.join(", ")} (default: by the host, else json)`,
      webhookFormatOption,
    )
    .option("--sns-topic <arn>", "send news to this topic of Amazon SNS")
    .option(
      "--service <name>",
      "service to read: jobs or legacy (default: the one that covers the days)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option(
      "--format <name>",
      `output format: ${CHECK_FORMATS.join(", ")} (default: text)`,
      checkFormatOption,
    )
    .option("--json", "print the findings as JSON; the same as --format json")
    .option("--print-rules", "print the built-in rules as YAML, to start a file from")
    .option("--print-schema", "print the JSON Schema of a rules file, for editors");
  const added = addEngineOptions(check)
    .addHelpText("after", HELP)
    .action(async (options) => {
      if (options.printSchema)
        await cli.out(`${JSON.stringify((await loadRules()).rulesSchema(), undefined, 2)}\n`);
      else if (options.printRules) await cli.out((await loadRules()).rulesText(DEFAULT_RULES));
      else await runCheck(cli, options);
    });
  // Otherwise `check` would take the options of `check ack` as its own.
  return added.enablePositionalOptions().addCommand(ackCommand(cli));
}

function ackCommand(cli: Cli) {
  return addLakeOptions(
    new Command("ack")
      .summary("Acknowledge a finding, so that it is not reported until a day")
      .description(
        "Acknowledge a finding, for example a planned migration. Until the day, it is neither reported nor counted.",
      )
      .argument("<id>", "the finding's id, as `gc-usage check` shows it")
      .option("--until <day>", "last UTC day of the silence (default: 30 days from now)")
      .requiredOption("--reason <text>", "why, for the others who read it"),
  )
    .addHelpText(
      "after",
      '\nExample:\n  gc-usage check ack 20261008-3fa91c --until 2026-12-15 --reason "Migration, until mid-December"',
    )
    .action(async (id, { until, reason, ...flags }) => {
      const day = until ?? addDays(dayOf(realEffects.now()), 30);
      await lakeOf(cli, flags).acknowledge(id, day, reason);
      cli.log.info(`${id} is acknowledged until ${day}.`);
    });
}

const HELP = `
The built-in rules are described in docs/check.md. A file of rules adds to them,
and replaces those with the same id. --preview shows what a change would mean.

What was reported is remembered in the lake, so that a case is reported as new
only once. The exit code shows the state: 0 nothing is open, 13 something is
open and not acknowledged, 12 nothing is open but days are missing. With
--only-new, 13 means that there is news.

The last 300 days are read. Days whose figures may still be corrected never
count as a drop, and never end a case.

Examples:
  gc-usage check
  gc-usage sync --all && gc-usage check --only-new
  gc-usage check --preview 90d --rules rules.yaml
  gc-usage check --format markdown >> "$GITHUB_STEP_SUMMARY"
  gc-usage check ack 20261008-3fa91c --until 2026-12-15 --reason "Migration"`;
