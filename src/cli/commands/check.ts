import { Command } from "@commander-js/extra-typings";
import { DEFAULT_RULES, isNews, loadRules, type Member, type Rule, WEBHOOK_FORMATS } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import { addDays, dayOf } from "../../usage/day.ts";
import { describeRanges } from "../../usage/envelope.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Service } from "../../usage/service.ts";
import { CHECK_FORMATS, type CheckFormat, formatCheck } from "../check-formats.ts";
import { type CheckedLake, previewText } from "../check-text.ts";
import type { Cli } from "../cli.ts";
import { type DestinationFlags, destinationsOf } from "../destinations.ts";
import { addEngineOptions, addLakeOptions, type EngineFlags, lakeOf } from "../lake-options.ts";
import { checkFormatOption, previewOption, serviceOption, webhookFormatOption } from "../options.ts";
import { formatIn } from "../output.ts";

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
      else await run(cli, options);
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

type Flags = EngineFlags &
  DestinationFlags & {
    readonly rules?: string | undefined;
    readonly to?: string | undefined;
    readonly onlyNew?: true | undefined;
    readonly dryRun?: true | undefined;
    readonly preview?: number | undefined;
    readonly service?: Service | undefined;
    readonly groupBy?: string | undefined;
    readonly format?: CheckFormat | undefined;
    readonly json?: true | undefined;
  };

async function run(cli: Cli, flags: Flags): Promise<void> {
  const format = formatIn<CheckFormat>(flags, "text");
  const rules = flags.rules === undefined ? DEFAULT_RULES : await (await loadRules()).readRules(flags.rules);
  const lake = lakeOf(cli, flags);
  try {
    const members = await lake.members();
    if (flags.preview !== undefined) await preview(cli, members, rules, flags.preview, flags);
    else await check(cli, members, rules, format, flags);
  } finally {
    await lake.close();
  }
}

async function check(
  cli: Cli,
  members: readonly Member[],
  rules: readonly Rule[],
  format: CheckFormat,
  flags: Flags,
): Promise<void> {
  const { to, service, groupBy, dryRun, onlyNew } = flags;
  const destinations = dryRun ? [] : await destinationsOf(cli, flags);
  const all: CheckedLake[] = [];
  for (const member of members) {
    const report = await member.lake.check({
      rules,
      to,
      service,
      groupBy,
      save: !dryRun,
      destinations,
      organizationName: member.organization,
    });
    all.push({
      ...member,
      report: onlyNew ? { ...report, findings: report.findings.filter(isNews) } : report,
    });
  }
  cli.progressDone();
  for (const { report, organization } of all) {
    const whose = organization === undefined ? "" : `${organization}: `;
    if (!report.isSaved && !dryRun)
      cli.log.info(`${whose}A later day was checked before, so this check is not remembered.`);
  }
  const text = formatCheck(format, all, { isQuietWhenClear: onlyNew ?? false });
  if (text !== "") await cli.out(text);
  fail(all, onlyNew ?? false);
}

/** @throws {GcUsageError} fired, incomplete */
function fail(all: readonly CheckedLake[], onlyNew: boolean): void {
  const counting = all.flatMap(({ report, flags }) =>
    report.findings.flatMap(({ id, status }) =>
      status === "new" || status === "worse" || (!onlyNew && status === "open") ? { id, flags } : [],
    ),
  );
  const [first] = counting;
  const missing = all.find(({ report }) => report.missing.length > 0);
  const unknown = missing && missingText(missing);
  if (first !== undefined) {
    throw new GcUsageError(
      "fired",
      onlyNew
        ? `${counted(counting.length, "new or worse finding")}.`
        : `${counted(counting.length, "finding")} ${counting.length === 1 ? "is" : "are"} open.`,
      {
        hint: [
          ...(unknown === undefined ? [] : [unknown.message, unknown.hint]),
          // Only a finding that is remembered can be acknowledged.
          all.every(({ report }) => report.isSaved)
            ? `To silence one for a while: gc-usage check ack ${first.id}${first.flags} --until DAY --reason "…"`
            : "This check was not remembered. Only findings of a remembered check can be acknowledged.",
        ].join(" "),
      },
    );
  }
  if (unknown !== undefined) throw new GcUsageError("incomplete", unknown.message, { hint: unknown.hint });
  const undelivered = all.reduce((sum, { report }) => sum + report.undelivered, 0);
  if (undelivered === 0) return;
  throw new GcUsageError("service", "Some messages were not delivered. They wait in the lake.", {
    hint: "Run the same command again to send them.",
  });
}

function missingText({ organization, report, flags }: CheckedLake): {
  readonly message: string;
  readonly hint: string;
} {
  const [first] = report.missing;
  const whose = organization === undefined ? "" : `${organization}: `;
  return {
    message: `${whose}Nothing is known about the newest days: the lake has no data for ${describeRanges(report.missing)}.`,
    hint: `Run \`gc-usage sync --from ${first?.from} --to ${report.missing.at(-1)?.to}${flags}\` first.`,
  };
}

async function preview(
  cli: Cli,
  members: readonly Member[],
  rules: readonly Rule[],
  days: number,
  flags: Flags,
): Promise<void> {
  const { to, service, groupBy } = flags;
  const all = [];
  for (const { organization, lake, uri } of members) {
    all.push({
      organization,
      lake: uri,
      ...(await lake.previewRules(days, { rules, to, service, groupBy })),
    });
  }
  cli.progressDone();
  if (flags.json || flags.format === "json") await cli.json(all.length === 1 ? all[0] : { lakes: all });
  else await cli.out(all.map(previewText).join("\n"));
}
