import { Command } from "@commander-js/extra-typings";
import { SYNC_DEFAULTS, TARGET_DEFAULTS } from "../../index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { addLakeOptions, lakeFlags, lakeOf } from "../lake-options.ts";
import {
  durationOption,
  granularityOption,
  integerOption,
  ORGANIZATION,
  serviceOption,
  weekStartOption,
} from "../options.ts";
import { dryRun, dryRunAll, runAll, runOne } from "../sync-runs.ts";
import { addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("sync").description(
    "Bring the lake up to date: fetch missing days, and days that may still change, from the usage API. Safe to " +
      "interrupt: run it again to resume.",
  );
  const sync = addWindowOptions(described, {
    last: "length of the range, for example 90d, 12w, 3m or 1y (default: 90d)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: yesterday)",
  })
    .option("--service <name>", "service to query: jobs or legacy", serviceOption, TARGET_DEFAULTS.service)
    .option(
      "--group-by <dimensions>",
      "dimensions: one or more of client, organization, user, uri, method, platform",
      parseGrouping,
      TARGET_DEFAULTS.grouping,
    )
    .option(
      "--granularity <name>",
      "granularity: day, week, month or total",
      granularityOption,
      TARGET_DEFAULTS.granularity,
    )
    .option(
      "--settle <days>",
      "number of recent days to refetch, to pick up late corrections",
      integerOption("--settle", 0, 400),
      TARGET_DEFAULTS.settleDays,
    )
    .option(
      "--recheck <time>",
      `minimum age of a recent day's data before it is refetched (default: ${hours(TARGET_DEFAULTS.recheckMs)})`,
      durationOption("--recheck"),
    )
    .option(
      "--week-start <day>",
      "first day of the week, in the service and for --last-week: monday or sunday",
      weekStartOption,
      TARGET_DEFAULTS.weekStart,
    )
    .option(
      "--jobs <count>",
      "number of queries to run in parallel",
      integerOption("--jobs", 1, 20),
      SYNC_DEFAULTS.concurrency,
    )
    .option(
      "--timeout <time>",
      `time limit for one query, including waits, retries and pages (default: ${hours(SYNC_DEFAULTS.timeoutMs)})`,
      durationOption("--timeout"),
    )
    .option("--refetch", "fetch every day of the range, even if the lake has it")
    .option("--all", "sync every series in the lake, each with its own service, grouping and granularity")
    .option("--keep-source", "also store the raw rows of each slice under gc_usage_api_source/")
    .option(...ORGANIZATION)
    .option(
      "--force",
      "store results even if they have no rows for a period that had some, or contain duplicate rows",
    )
    .option("--dry-run", "print the plan and the number of calls without querying")
    .option("--json", "print the summary or plan as JSON");
  return addConnectionOptions(addLakeOptions(sync))
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage sync\n  gc-usage sync --all\n  gc-usage sync --refetch --last 7d\n  gc-usage sync --from 2026-01-01 --to 2026-06-30 --group-by client,user\n" +
        "  gc-usage sync --service legacy --granularity month --last 1y --dry-run",
    )
    .action(async (options, command) => {
      if (options.all) checkAll(command);
      const lake = lakeOf(cli, lakeFlags(options), options);
      const { settle: settleDays, recheck: recheckMs, jobs: concurrency, timeout: timeoutMs } = options;
      const request = { ...options, settleDays, recheckMs, concurrency, timeoutMs };
      const run = options.dryRun ? (options.all ? dryRunAll : dryRun) : options.all ? runAll : runOne;
      try {
        await run(cli, lake, request, options.json ?? false);
      } finally {
        cli.progressDone();
      }
    });
}

/** The options that select a series. */
const SERIES_OPTIONS = ["service", "groupBy", "granularity", "weekStart"] as const;

/** @throws {GcUsageError} input, if --all is combined with an option that selects one series. */
function checkAll(command: {
  getOptionValueSource(name: (typeof SERIES_OPTIONS)[number]): string | undefined;
}): void {
  const named = SERIES_OPTIONS.find((name) => command.getOptionValueSource(name) === "cli");
  if (named === undefined) return;
  const flag = `--${named.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new GcUsageError("input", `--all cannot be combined with ${flag}.`, {
    hint: "--all syncs every series in the lake, each with its own service, grouping and granularity. Omit one of the two options.",
  });
}

function hours(ms: number): string {
  return `${ms / 3_600_000}h`;
}
