import { Command } from "@commander-js/extra-typings";
import { findLake, openOrCreateLake } from "../../lake/open.ts";
import { windowOf } from "../../questions/window.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { isNeeded, type Plan, planSync, type SyncTarget, TARGET_DEFAULTS } from "../../sync/plan.ts";
import { heldSlices, SYNC_DEFAULTS, type SyncProgress, type SyncSummary, sync } from "../../sync/sync.ts";
import { addDays, type Day, dayOf } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { periodStart } from "../../usage/period.ts";
import { slicePath } from "../../usage/slice.ts";
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
import { addLakeOptions, lakeOf, warnBeforeFirstDay } from "../stack.ts";
import { UPGRADE, version } from "../version.ts";

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
      `the longest that one query may run (default: ${hours(SYNC_DEFAULTS.timeoutMs)})`,
      durationOption("--timeout"),
    )
    .option("--keep-source", "keep each slice's rows as they came as well, under gc_usage_api_source/")
    .option(...ORGANIZATION)
    .option("--dry-run", "print the plan and what it would cost, and ask nothing")
    .option("--json", "print the summary, or the plan, as JSON");
  return addConnectionOptions(addLakeOptions(sync))
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage sync\n  gc-usage sync --from 2026-01-01 --to 2026-06-30 --group-by client,user\n" +
        "  gc-usage sync --service legacy --granularity month --last 1y --dry-run",
    )
    .action(async (options) => {
      const now = realEffects.now();
      const target: SyncTarget = {
        service: options.service,
        granularity: options.granularity,
        grouping: options.groupBy,
        span: windowOf(
          { ...options, last: options.last ?? (options.from === undefined ? "90d" : undefined) },
          undefined,
          now,
        ),
        settleDays: options.settle,
        recheckMs: options.recheck ?? TARGET_DEFAULTS.recheckMs,
        weekStart: options.weekStart,
      };
      const yesterday = addDays(dayOf(now), -1);
      if (target.span.end > yesterday) {
        cli.log.info(`The current UTC day is never in the data: --to ${target.span.end} means ${yesterday}.`);
      }
      const { uri, stack } = await lakeOf(cli, options);
      warnBeforeFirstDay(cli, stack, periodStart(target.granularity, target.span.start, target.weekStart));
      if (options.dryRun) await dryRun(cli, uri, target, now, options.json ?? false);
      else await run(cli, uri, target, options);
    });
}

function hours(ms: number): string {
  return `${ms / 3_600_000}h`;
}

async function run(
  cli: Cli,
  uri: string,
  target: SyncTarget,
  options: Parameters<typeof connect>[1] & {
    jobs: number;
    timeout?: number | undefined;
    keepSource?: true | undefined;
    organization?: string | undefined;
    json?: true | undefined;
  },
): Promise<void> {
  const started = Date.now();
  const client = await connect(cli, options);
  const lake = await openOrCreateLake(uri, cli.log);
  let latest: SyncProgress | undefined;
  const show = (): void => {
    if (latest) cli.progress(progressLine(latest, Date.now() - started));
  };
  // While the service works on the queries nothing is told, and time goes on.
  const clock = setInterval(show, 1000);
  try {
    const summary = await sync({
      ...SYNC_DEFAULTS,
      lake,
      client,
      target,
      log: cli.log,
      signal: cli.signal,
      concurrency: options.jobs,
      timeoutMs: options.timeout ?? SYNC_DEFAULTS.timeoutMs,
      version: version(),
      organization: options.organization,
      keepSource: options.keepSource ?? false,
      onProgress: (progress) => {
        latest = progress;
        show();
      },
    });
    clearInterval(clock);
    cli.progressDone();
    const { calls, retries, throttled } = client.stats;
    const facts = {
      ...figures(summary),
      calls,
      retries,
      throttled,
      seconds: (Date.now() - started) / 1000,
      lake: uri,
    };
    warnOfKept(cli, summary);
    warnOfNewer(cli, summary);
    if (options.json) await cli.json(facts);
    else cli.log.info(summaryText(summary, facts));
  } finally {
    clearInterval(clock);
    await lake.close();
    await client.close();
  }
}

async function dryRun(cli: Cli, uri: string, target: SyncTarget, now: number, json: boolean): Promise<void> {
  const held = await heldIn(cli, uri, target);
  const plan = planSync(target, held.slices, now);
  const calls = callsOf(plan, held.rowsPerDay);
  if (json) {
    await cli.json({ lake: uri, ...planFigures(plan), intervals: plan.chunks, calls });
    return;
  }
  const { settled, fresh, missing, unsettled, partial } = planFigures(plan).periods;
  await cli.out(
    `${target.service} ${target.granularity} ${target.grouping} in ${uri}\n` +
      `  ${settled} settled, ${fresh} read lately, ${missing} missing, ${unsettled} may have changed, ${partial} known in part\n` +
      plan.chunks.map(({ start, end }) => `  ask ${start}/${end}\n`).join("") +
      `  about ${calls.atLeast} calls${calls.pages === undefined ? ", and one for each 1,000 rows after the first" : ""}\n`,
  );
}

/** A dry run makes no lake. */
async function heldIn(
  cli: Cli,
  uri: string,
  target: SyncTarget,
): Promise<{ slices: Awaited<ReturnType<typeof heldSlices>>; rowsPerDay: number | undefined }> {
  const lake = await findLake(uri, cli.log);
  if (!lake) return { slices: new Map<Day, never>(), rowsPerDay: undefined };
  try {
    const slices = await heldSlices(lake, target, cli);
    const rows = [...slices.values()].reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0);
    return { slices, rowsPerDay: slices.size === 0 ? undefined : rows / slices.size };
  } finally {
    await lake.close();
  }
}

/** A query costs a submit, a few looks whether it has ended, and its pages. */
function callsOf(
  plan: Plan,
  rowsPerPeriod: number | undefined,
): { atLeast: number; pages: number | undefined } {
  const jobs = plan.chunks.length;
  const needed = plan.periods.filter(isNeeded).length;
  const pages =
    plan.target.service === "legacy"
      ? jobs
      : rowsPerPeriod === undefined
        ? undefined
        : Math.ceil((needed * rowsPerPeriod) / 1000);
  return { atLeast: jobs * 3 + Math.max(0, (pages ?? jobs) - jobs), pages };
}

function planFigures(plan: Plan) {
  const count = (state: string): number => plan.periods.filter((period) => period.state === state).length;
  return {
    service: plan.target.service,
    granularity: plan.target.granularity,
    grouping: plan.target.grouping,
    from: plan.periods[0]?.covered.start,
    to: plan.periods.at(-1)?.covered.end,
    periods: {
      settled: count("settled"),
      fresh: count("fresh"),
      missing: count("missing"),
      unsettled: count("unsettled"),
      partial: count("partial"),
      newer: count("newer"),
    },
  };
}

function figures(summary: SyncSummary) {
  const { plan, jobs, resumed, written, kept, rows, organization } = summary;
  const keptSlices = kept.map(({ key, why }) => ({ path: slicePath(key), why }));
  return { ...planFigures(plan), organization, jobs, resumed, written, kept: keptSlices, rows };
}

function summaryText(
  summary: SyncSummary,
  facts: { calls: number; seconds: number; throttled: number; lake: string },
): string {
  const { jobs, resumed, written, rows } = summary;
  const { periods, granularity } = planFigures(summary.plan);
  if (jobs === 0) {
    const { fresh } = periods;
    const wanted = granularity === "total" ? "this total" : `every ${granularity}`;
    const again =
      fresh > 0 ? ` (read lately, though figures may still change: ${fresh}; --recheck 0 reads again)` : "";
    return `Nothing to do: ${facts.lake} has ${wanted}${again}.`;
  }
  return (
    `Landed ${counted(rows, "row")} in ${counted(written, `${granularity} slice`)} from ` +
    `${counted(jobs, "query", "queries")}${resumed > 0 ? ` (${resumed} begun before)` : ""}, ${counted(facts.calls, "call")}` +
    `${facts.throttled > 0 ? `, ${facts.throttled} answered 429` : ""}, ${facts.seconds.toFixed(1)} s. Lake: ${facts.lake}`
  );
}

/** What was asked for and did not land is said, or a sync that changes nothing would pass for one that did. */
function warnOfKept(cli: Cli, { kept }: SyncSummary): void {
  const [first] = kept;
  if (!first) return;
  const others = kept.length > 1 ? ` (and ${kept.length - 1} more)` : "";
  cli.log.warn(
    `Not replaced, since the lake knows more than the answer: ${slicePath(first.key)}, ${first.why}${others}.`,
  );
}

/** Whoever runs an old program on a newer lake must know that it is not brought up to date. */
function warnOfNewer(cli: Cli, { newer }: SyncSummary): void {
  const [first] = newer;
  if (!first) return;
  const more = newer.length > 1 ? ` (and ${newer.length - 1} more)` : "";
  cli.log.warn(
    `${counted(newer.length, "slice")} written by ${first.writtenBy}, newer than this program, left unchanged: ` +
      `${slicePath(first.key)}${more}. ${UPGRADE}`,
  );
}

function progressLine({ jobs, jobsDone, rows, slices, slicesDone }: SyncProgress, elapsedMs: number): string {
  const rate = Math.round(rows / Math.max(elapsedMs / 1000, 0.001));
  // How long a query takes only one that has ended tells.
  const time =
    jobsDone > 0
      ? `${Math.ceil(((elapsedMs / jobsDone) * (jobs - jobsDone)) / 1000)} s left`
      : `${Math.floor(elapsedMs / 1000)} s so far`;
  return [
    `queries ${jobsDone}/${jobs}`,
    `rows ${rows.toLocaleString("en-US")} (${rate.toLocaleString("en-US")}/s)`,
    ...(slices === 0 ? [] : [`slices ${slicesDone}/${slices}`]),
    time,
  ].join("  ");
}
