import { Command } from "@commander-js/extra-typings";
import type { GenesysClient } from "../../genesys/client.ts";
import { findLake, openOrCreateLake } from "../../lake/open.ts";
import { type WindowFlags, windowOf } from "../../questions/window.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { UsageError } from "../../support/errors.ts";
import { isNeeded, leftOut, type Plan, planSync, type SyncTarget, TARGET_DEFAULTS } from "../../sync/plan.ts";
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
import { progressLine } from "../sync-progress.ts";
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
      `the longest that one query may take, with its waits, retries and pages (default: ${hours(SYNC_DEFAULTS.timeoutMs)})`,
      durationOption("--timeout"),
    )
    .option("--keep-source", "keep each slice's rows as they came as well, under gc_usage_api_source/")
    .option(...ORGANIZATION)
    .option("--force", "store the answer even if a period's rows are gone in it, or if rows repeat")
    .option("--dry-run", "print the plan and what it would cost, and ask nothing")
    .option("--json", "print the summary, or the plan, as JSON");
  return addConnectionOptions(addLakeOptions(sync))
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage sync\n  gc-usage sync --from 2026-01-01 --to 2026-06-30 --group-by client,user\n" +
        "  gc-usage sync --service legacy --granularity month --last 1y --dry-run",
    )
    .action(async (options) => {
      const { uri, stack } = await lakeOf(cli, options);
      const targetAt = (now: number): SyncTarget => targetOf(options, now);
      const announced = (now: number): SyncTarget => {
        const target = targetAt(now);
        const yesterday = addDays(dayOf(now), -1);
        if (target.span.end > yesterday) {
          cli.log.info(
            `The current UTC day is never in the data: --to ${target.span.end} means ${yesterday}.`,
          );
        }
        warnBeforeFirstDay(cli, stack, periodStart(target.granularity, target.span.start, target.weekStart));
        return target;
      };
      if (options.dryRun) {
        const now = realEffects.now();
        await dryRun(cli, uri, announced(now), now, options.json ?? false);
        return;
      }
      const client = await connect(cli, options).catch((error: unknown) => {
        // Days that cannot be are told first, where nobody else's clock can be asked.
        targetAt(realEffects.now());
        throw error;
      });
      try {
        await run(cli, uri, client, announced, options);
      } finally {
        await client.close();
      }
    });
}

interface TargetOptions extends WindowFlags, Pick<SyncTarget, "service" | "granularity" | "weekStart"> {
  readonly groupBy: SyncTarget["grouping"];
  readonly settle: number;
  readonly recheck?: number | undefined;
}

/** What --last names reaches back as far as the service does; a first day that is named must be there. */
function targetOf(options: TargetOptions, now: number): SyncTarget {
  const { service, granularity, groupBy: grouping, settle, recheck, weekStart, from } = options;
  const last = options.last ?? (from === undefined ? "90d" : undefined);
  return {
    service,
    granularity,
    grouping,
    span: windowOf({ ...options, last }, undefined, now),
    settleDays: settle,
    recheckMs: recheck ?? TARGET_DEFAULTS.recheckMs,
    weekStart,
    clipToReach: from === undefined,
  };
}

function hours(ms: number): string {
  return `${ms / 3_600_000}h`;
}

async function run(
  cli: Cli,
  uri: string,
  client: GenesysClient,
  target: (now: number) => SyncTarget,
  options: {
    jobs: number;
    timeout?: number | undefined;
    force?: true | undefined;
    keepSource?: true | undefined;
    organization?: string | undefined;
    json?: true | undefined;
  },
): Promise<void> {
  const started = performance.now();
  const lake = await openOrCreateLake(uri, cli);
  let latest: SyncProgress | undefined;
  const show = (): void => {
    const { calls } = client.stats;
    const pace = { elapsedMs: performance.now() - started, calls, rateLimit: client.rateLimit };
    if (latest) cli.progress(progressLine(latest, pace));
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
      force: options.force ?? false,
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
      seconds: (performance.now() - started) / 1000,
      lake: uri,
    };
    warnOfKept(cli, summary);
    warnOfNewer(cli, summary);
    if (options.json) await cli.json(facts);
    else cli.log.info(summaryText(summary, facts));
    refuseVanished(summary);
  } finally {
    clearInterval(clock);
    await lake.close();
  }
}

async function dryRun(cli: Cli, uri: string, target: SyncTarget, now: number, json: boolean): Promise<void> {
  const held = await heldIn(cli, uri, target);
  const plan = planSync(target, held.slices, now);
  const calls = callsOf(plan, held.rowsPerDay);
  const out = leftOut(plan);
  if (out !== undefined) cli.log.warn(out);
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
  const lake = await findLake(uri, cli);
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
      unreachable: count("unreachable"),
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

/** Everything else is stored by now. A script must not take the days that stayed for the service's answer. */
function refuseVanished({ vanished, plan }: SyncSummary): void {
  const [first, ...others] = vanished;
  if (!first) return;
  const dates = vanished.map(({ date }) => date).sort();
  const more =
    others.length > 0 ? ` (and ${counted(others.length, `further ${plan.target.granularity}`)})` : "";
  throw new UsageError(
    "refused",
    `The service answered twice that there are no rows for ${dates[0]}${more}, but the lake has some. They stay as they are.`,
    {
      hint:
        "Run the same command again tomorrow. To store the empty answer, add --force --recheck 0 " +
        `--from ${dates[0]} --to ${dates.at(-1)}.`,
      details: { slices: vanished.map(slicePath) },
    },
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

/** What was asked for and did not land is said, or a sync that changes nothing would pass for one that did. */
function warnOfKept(cli: Cli, { kept, vanished }: SyncSummary): void {
  const gone = new Set(vanished.map(slicePath));
  const others = kept.filter(({ key }) => !gone.has(slicePath(key)));
  const [first] = others;
  if (!first) return;
  const more = others.length > 1 ? ` (and ${others.length - 1} more)` : "";
  cli.log.warn(
    `Not replaced, since the lake knows more than the answer: ${slicePath(first.key)}, ${first.why}${more}.`,
  );
}
