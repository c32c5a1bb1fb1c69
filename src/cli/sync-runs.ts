import type { GenesysClient } from "../genesys/client.ts";
import type { Lake } from "../lake/lake.ts";
import { findLake, openLake, openOrCreateLake } from "../lake/open.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { once } from "../support/once.ts";
import { leftOut, planSync, type SyncPlan, type SyncTarget, whyNotSynced } from "../sync/plan.ts";
import { heldSlices, type SyncSummary, sync } from "../sync/sync.ts";
import { type SeriesOutcome, seriesToSync, syncAll } from "../sync/sync-all.ts";
import { SYNC_DEFAULTS, type SyncOptions, type SyncProgress } from "../sync/sync-options.ts";
import type { Day } from "../usage/day.ts";
import { type SeriesKey, seriesName } from "../usage/series.ts";
import type { Cli } from "./cli.ts";
import { progressLine } from "./sync-progress.ts";
import {
  callsOf,
  figures,
  planFigures,
  planText,
  refuseVanished,
  summaryText,
  warnOfKept,
  warnOfNewer,
} from "./sync-summary.ts";
import { version } from "./version.ts";

type TargetAt = (now: number, series?: SeriesKey) => SyncTarget;

interface Place {
  readonly uri: string;
  readonly client: GenesysClient;
  readonly target: TargetAt;
}

type SyncFlags = {
  readonly jobs: number;
  readonly timeout?: number | undefined;
  readonly force?: true | undefined;
  readonly keepSource?: true | undefined;
  readonly organization?: string | undefined;
  readonly json?: true | undefined;
};

/** Syncs the series that the options name. */
export async function runOne(cli: Cli, place: Place, flags: SyncFlags): Promise<void> {
  const { uri, client, target } = place;
  const lake = await openOrCreateLake(uri, cli);
  const pace = new Pace(cli, client);
  try {
    const summary = await sync({ ...optionsOf(cli, lake, client, flags, pace), target });
    pace.end();
    const facts = { ...figures(summary), ...pace.figures(), lake: uri };
    warnOfKept(cli, summary);
    warnOfNewer(cli, summary);
    if (flags.json) await cli.json(facts);
    else cli.log.info(summaryText(summary, facts));
    refuseVanished(summary);
  } finally {
    pace.end();
    await lake.close();
  }
}

/** Syncs every series of an existing lake. The exit code is that of the first series that fails. */
export async function runAll(cli: Cli, { uri, client, target }: Place, flags: SyncFlags): Promise<void> {
  const lake = await openLake(uri, cli);
  let pace = new Pace(cli, client);
  const paces = new Map<SeriesKey, Pace>();
  const factsOf = (series: SeriesKey, summary: SyncSummary) => ({
    ...figures(summary),
    ...paces.get(series)?.figures(),
  });
  try {
    const outcomes = await syncAll({
      ...optionsOf(cli, lake, client, flags, { progress: (progress) => pace.progress(progress) }),
      // Without `once`, each series would repeat the warning about the clock.
      log: { ...cli.log, warn: once((text) => cli.log.warn(text)) },
      target: (series, now) => target(now, series),
      onSeries: (series) => {
        pace.end();
        pace = new Pace(cli, client);
        paces.set(series, pace);
      },
      onDone: (series, summary) => {
        pace.end();
        warnOfKept(cli, summary);
        warnOfNewer(cli, summary);
        cli.log.info(`${seriesName(series)}: ${summaryText(summary, { ...pace.figures(), lake: uri })}`);
        refuseVanished(summary);
      },
    });
    pace.end();
    if (flags.json)
      await cli.json({ lake: uri, series: outcomes.map((outcome) => outcomeJson(outcome, factsOf)) });
    refuseFailed(cli, outcomes);
  } finally {
    pace.end();
    await lake.close();
  }
}

/** Counts the calls and time of one sync, and updates its progress line. */
class Pace {
  readonly #cli: Cli;
  readonly #client: GenesysClient;
  readonly #started = performance.now();
  readonly #before: GenesysClient["stats"];
  #clock: NodeJS.Timeout | undefined;
  #latest: SyncProgress | undefined;
  #elapsedMs: number | undefined;

  constructor(cli: Cli, client: GenesysClient) {
    this.#cli = cli;
    this.#client = client;
    this.#before = { ...client.stats };
    // Keeps the times current while the service works on the queries and reports nothing.
    this.#clock = setInterval(() => this.#show(), 1000);
  }

  progress(progress: SyncProgress): void {
    this.#latest = progress;
    this.#show();
  }

  end(): void {
    if (this.#clock === undefined) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#elapsedMs = performance.now() - this.#started;
    this.#cli.progressDone();
  }

  figures(): { calls: number; retries: number; throttled: number; seconds: number } {
    const { calls, retries, throttled } = this.#client.stats;
    return {
      calls: calls - this.#before.calls,
      retries: retries - this.#before.retries,
      throttled: throttled - this.#before.throttled,
      seconds: (this.#elapsedMs ?? performance.now() - this.#started) / 1000,
    };
  }

  #show(): void {
    if (!this.#latest) return;
    const { calls } = this.figures();
    const pace = {
      elapsedMs: performance.now() - this.#started,
      calls,
      rateLimit: this.#client.rateLimit,
    };
    this.#cli.progress(progressLine(this.#latest, pace));
  }
}

function optionsOf(
  cli: Cli,
  lake: Lake,
  client: GenesysClient,
  flags: SyncFlags,
  pace: Pick<Pace, "progress">,
): Omit<SyncOptions, "target"> {
  return {
    ...SYNC_DEFAULTS,
    lake,
    client,
    log: cli.log,
    signal: cli.signal,
    concurrency: flags.jobs,
    timeoutMs: flags.timeout ?? SYNC_DEFAULTS.timeoutMs,
    force: flags.force ?? false,
    version: version(),
    organization: flags.organization,
    keepSource: flags.keepSource ?? false,
    onProgress: (progress) => pace.progress(progress),
  };
}

function outcomeJson(outcome: SeriesOutcome, factsOf: (series: SeriesKey, summary: SyncSummary) => object) {
  if (outcome.outcome === "done")
    return { outcome: outcome.outcome, ...factsOf(outcome.series, outcome.summary) };
  const { service, granularity, grouping } = outcome.series;
  const key = { service, granularity, grouping };
  if (outcome.outcome === "skipped") return { outcome: outcome.outcome, ...key, why: outcome.why };
  const { kind, message, hint } = outcome.error;
  return { outcome: outcome.outcome, ...key, error: { kind, message, hint } };
}

function noteSkipped(cli: Cli, series: SeriesKey, why: string): void {
  cli.log.info(`${seriesName(series)}: not synced, because ${why}.`);
}

/** @throws {GcUsageError} the first failure, after printing a line for each of the others. */
function refuseFailed(cli: Cli, outcomes: readonly SeriesOutcome[]): void {
  for (const outcome of outcomes) {
    if (outcome.outcome === "skipped") noteSkipped(cli, outcome.series, outcome.why);
  }
  const failed = outcomes.flatMap((outcome) => (outcome.outcome === "failed" ? outcome : []));
  const [first, ...others] = failed;
  if (!first) return;
  for (const { series, error } of others) {
    cli.log.warn(`${seriesName(series)}: ${error.message}${error.hint ? ` ${error.hint}` : ""}`);
  }
  const tried = outcomes.filter(({ outcome }) => outcome !== "skipped").length;
  const { kind, message, hint, details } = first.error;
  const count = tried === 1 ? "" : `${failed.length} of ${counted(tried, "series", "series")} failed. `;
  throw new GcUsageError(kind, `${count}${seriesName(first.series)}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: first.error,
    details,
  });
}

/** Prints the plan. A dry run does not create a lake. */
export async function dryRun(
  cli: Cli,
  uri: string,
  targetAt: TargetAt,
  now: number,
  json: boolean,
): Promise<void> {
  const target = targetAt(now);
  const lake = await findLake(uri, cli);
  try {
    const { plan, calls } = await planIn(cli, lake, target, now);
    if (json) await cli.json({ lake: uri, ...planFigures(plan), intervals: plan.chunks, calls });
    else await cli.out(planText(plan, calls, uri));
  } finally {
    await lake?.close();
  }
}

/** Prints the plan of every series in the lake. */
export async function dryRunAll(
  cli: Cli,
  uri: string,
  targetAt: TargetAt,
  now: number,
  json: boolean,
): Promise<void> {
  const lake = await openLake(uri, cli);
  try {
    const all: object[] = [];
    for (const series of await seriesToSync({ lake })) {
      const why = whyNotSynced(series);
      const { service, granularity, grouping } = series;
      if (why !== undefined) {
        all.push({ service, granularity, grouping, why });
        noteSkipped(cli, series, why);
        continue;
      }
      const { plan, calls } = await planIn(cli, lake, targetAt(now, series), now);
      all.push({ ...planFigures(plan), intervals: plan.chunks, calls });
      if (!json) await cli.out(planText(plan, calls, uri));
    }
    if (json) await cli.json({ lake: uri, series: all });
  } finally {
    await lake.close();
  }
}

async function planIn(
  cli: Cli,
  lake: Lake | undefined,
  target: SyncTarget,
  now: number,
): Promise<{ plan: SyncPlan; calls: ReturnType<typeof callsOf> }> {
  const slices = lake ? await heldSlices(lake, target, cli) : new Map<Day, never>();
  const rows = [...slices.values()].reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0);
  const plan = planSync(target, slices, now);
  const out = leftOut(plan);
  if (out !== undefined) cli.log.warn(out);
  return { plan, calls: callsOf(plan, slices.size === 0 ? undefined : rows / slices.size) };
}
