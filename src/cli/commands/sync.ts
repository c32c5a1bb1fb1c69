import { Command } from "@commander-js/extra-typings";
import { type WindowFlags, windowOf } from "../../questions/window.ts";
import { realEffects } from "../../support/effects.ts";
import { UsageError } from "../../support/errors.ts";
import { once } from "../../support/once.ts";
import { type SyncTarget, TARGET_DEFAULTS } from "../../sync/plan.ts";
import { SYNC_DEFAULTS } from "../../sync/sync-options.ts";
import { addDays, dayOf } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { periodStart } from "../../usage/period.ts";
import type { SeriesKey } from "../../usage/series.ts";
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

export function command(cli: Cli) {
  const sync = new Command("sync")
    .description(
      "Bring the lake up to date: ask the usage API for the days that the lake lacks or that may still change, and land " +
        "them. Safe to repeat; ended at any point, the next run goes on.",
    )
    .option("--last <time>", "how far back: 90d, 12w, 3m, 1y (default: 90d)")
    .option("--from <day>", "the first UTC day, included")
    .option("--to <day>", "the last UTC day, included (default: yesterday)")
    .option("--service <name>", "jobs or legacy", serviceOption, TARGET_DEFAULTS.service)
    .option(
      "--group-by <dimensions>",
      "one or more of client, organization, user, uri, method, platform",
      parseGrouping,
      TARGET_DEFAULTS.grouping,
    )
    .option(
      "--granularity <name>",
      "day, week, month or total",
      granularityOption,
      TARGET_DEFAULTS.granularity,
    )
    .option(
      "--settle <days>",
      "days that are read again, since their figures may change",
      integerOption("--settle", 0, 400),
      TARGET_DEFAULTS.settleDays,
    )
    .option(
      "--recheck <time>",
      `a day that may change is not read again within this time (default: ${hours(TARGET_DEFAULTS.recheckMs)})`,
      durationOption("--recheck"),
    )
    .option(
      "--week-start <day>",
      "monday or sunday, as the service counts weeks",
      weekStartOption,
      TARGET_DEFAULTS.weekStart,
    )
    .option(
      "--jobs <count>",
      "queries that run side by side",
      integerOption("--jobs", 1, 20),
      SYNC_DEFAULTS.concurrency,
    )
    .option(
      "--timeout <time>",
      `the longest that one query may take, with its waits, retries and pages (default: ${hours(SYNC_DEFAULTS.timeoutMs)})`,
      durationOption("--timeout"),
    )
    .option("--refetch", "fetch every day of the range again, whatever the lake has of it")
    .option(
      "--all",
      "sync every series that the lake has, each with its own service, grouping and granularity",
    )
    .option("--keep-source", "keep each slice's rows as they came as well, under gc_usage_api_source/")
    .option(...ORGANIZATION)
    .option("--force", "store the answer even if a period's rows are gone in it, or if rows repeat")
    .option("--dry-run", "print the plan and what it would cost, and ask nothing")
    .option("--json", "print the summary, or the plan, as JSON");
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
      const tellOnce = once((text) => cli.log.info(text));
      const announced = (now: number, series?: SeriesKey): SyncTarget => {
        const target = targetAt(now, series);
        const yesterday = addDays(dayOf(now), -1);
        if (target.span.end > yesterday) {
          tellOnce(`The current UTC day is never in the data: --to ${target.span.end} means ${yesterday}.`);
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
        // Days that cannot be are told first, where nobody else's clock can be asked.
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

/** What says which series is synced. */
const SERIES_OPTIONS = ["service", "groupBy", "granularity", "weekStart"] as const;

/** @throws {UsageError} input, where --all comes with what names one series. */
function checkAll(command: {
  getOptionValueSource(name: (typeof SERIES_OPTIONS)[number]): string | undefined;
}): void {
  const named = SERIES_OPTIONS.find((name) => command.getOptionValueSource(name) === "cli");
  if (named === undefined) return;
  const flag = `--${named.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new UsageError("input", `--all cannot be combined with ${flag}.`, {
    hint: "--all syncs every series that the lake has, each with its own service, grouping and granularity. Leave out one of the two.",
  });
}

interface TargetOptions extends WindowFlags, Pick<SyncTarget, "service" | "granularity" | "weekStart"> {
  readonly groupBy: SyncTarget["grouping"];
  readonly settle: number;
  readonly recheck?: number | undefined;
  readonly refetch?: true | undefined;
}

/**
 * What --last names reaches back as far as the service does; a first day that is named must be there.
 *
 * @param series what to bring instead of what the options name.
 */
function targetOf(options: TargetOptions, now: number, series?: SeriesKey): SyncTarget {
  const { service, granularity, groupBy: grouping, settle, recheck, refetch, weekStart, from } = options;
  const last = options.last ?? (from === undefined ? "90d" : undefined);
  return {
    ...(series ?? { service, granularity, grouping, weekStart }),
    span: windowOf({ ...options, last }, undefined, now),
    settleDays: settle,
    recheckMs: recheck ?? TARGET_DEFAULTS.recheckMs,
    refetch,
    clipToReach: from === undefined,
  };
}

function hours(ms: number): string {
  return `${ms / 3_600_000}h`;
}
