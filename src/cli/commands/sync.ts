import { Command } from "@commander-js/extra-typings";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import { once } from "../../support/once.ts";
import { type SyncTarget, TARGET_DEFAULTS } from "../../sync/plan.ts";
import { SYNC_DEFAULTS } from "../../sync/sync-options.ts";
import { addDays, dayOf } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { periodStart } from "../../usage/period.ts";
import type { SeriesKey } from "../../usage/series.ts";
import { hasStart, type WindowFlags, windowOf } from "../../usage/window.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions, connect } from "../connection.ts";
import {
  durationOption,
  granularityOption,
  integerOption,
  ORGANIZATION,
  serviceOption,
  weekStartOption,
} from "../options.ts";
import { addLakeOptions, lakeToWrite, warnBeforeFirstDay } from "../stack.ts";
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
      "first day of the week, of the service's weeks and of --last-week: monday or sunday",
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
      const { uri, stack } = await lakeToWrite(cli, options);
      const targetAt = (now: number, series?: SeriesKey): SyncTarget => targetOf(options, now, series);
      const noteOnce = once((text) => cli.log.info(text));
      const announced = (now: number, series?: SeriesKey): SyncTarget => {
        const target = targetAt(now, series);
        const yesterday = addDays(dayOf(now), -1);
        if (target.span.end > yesterday) {
          noteOnce(
            `The current UTC day is never in the data, so --to ${target.span.end} means ${yesterday}.`,
          );
        }
        warnBeforeFirstDay(cli, stack, periodStart(target.granularity, target.span.start, target.weekStart));
        return target;
      };
      if (options.dryRun) {
        await (options.all ? dryRunAll : dryRun)(
          cli,
          uri,
          announced,
          realEffects.now(),
          options.json ?? false,
        );
        return;
      }
      const client = await connect(cli, options).catch((error: unknown) => {
        // Without a connection there is no service clock, so check the days against the local clock: they matter
        // first.
        targetAt(realEffects.now());
        throw error;
      });
      try {
        await (options.all ? runAll : runOne)(cli, { uri, client, target: announced }, options);
      } finally {
        await client.close();
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

interface TargetOptions extends WindowFlags, Pick<SyncTarget, "service" | "granularity"> {
  readonly weekStart: SyncTarget["weekStart"];
  readonly groupBy: SyncTarget["grouping"];
  readonly settle: number;
  readonly recheck?: number | undefined;
  readonly refetch?: true | undefined;
}

/**
 * --last, --last-week and --last-month reach back only as far as the service has data. What --from or --month names
 * must be available.
 *
 * @param series the series to sync instead of the one that the options select.
 */
function targetOf(options: TargetOptions, now: number, series?: SeriesKey): SyncTarget {
  const { service, granularity, groupBy: grouping, settle, recheck, refetch, weekStart } = options;
  const span = windowOf(hasStart(options) ? options : { ...options, last: "90d" }, undefined, now);
  return {
    ...(series ?? { service, granularity, grouping, weekStart }),
    span,
    settleDays: settle,
    recheckMs: recheck ?? TARGET_DEFAULTS.recheckMs,
    refetch,
    clipToReach: options.from === undefined && options.month === undefined,
  };
}

function hours(ms: number): string {
  return `${ms / 3_600_000}h`;
}
