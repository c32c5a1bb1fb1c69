import type { SyncedSeries, SyncRequest, UsageLake } from "../index.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { type SeriesKey, seriesName } from "../usage/series.ts";
import type { Cli } from "./cli.ts";
import {
  figures,
  planFigures,
  planText,
  refuseVanished,
  summaryText,
  warnOfKept,
  warnOfNewer,
} from "./sync-summary.ts";

/** Syncs the series that the options name. */
export async function runOne(cli: Cli, lake: UsageLake, request: SyncRequest, json: boolean): Promise<void> {
  const { cost, ...summary } = await lake.sync(request);
  cli.progressDone();
  const facts = { ...figures(summary), ...cost, lake: await lake.location() };
  warnOfKept(cli, summary);
  warnOfNewer(cli, summary);
  if (json) await cli.json(facts);
  else cli.log.info(summaryText(summary, facts));
  refuseVanished(summary);
}

/** Syncs every series of an existing lake. The exit code is that of the first series that fails. */
export async function runAll(cli: Cli, lake: UsageLake, request: SyncRequest, json: boolean): Promise<void> {
  const uri = await lake.location();
  const outcomes = await lake.syncAll(request, (series, { cost, ...summary }) => {
    cli.progressDone();
    warnOfKept(cli, summary);
    warnOfNewer(cli, summary);
    cli.log.info(`${seriesName(series)}: ${summaryText(summary, { ...cost, lake: uri })}`);
    refuseVanished(summary);
  });
  cli.progressDone();
  if (json) await cli.json({ lake: uri, series: outcomes.map(outcomeJson) });
  refuseFailed(cli, outcomes);
}

function outcomeJson(outcome: SyncedSeries) {
  if (outcome.outcome === "done")
    return { outcome: outcome.outcome, ...figures(outcome.summary), ...outcome.cost };
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
function refuseFailed(cli: Cli, outcomes: readonly SyncedSeries[]): void {
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

/** Prints the plan. */
export async function dryRun(cli: Cli, lake: UsageLake, request: SyncRequest, json: boolean): Promise<void> {
  const { plan, calls } = await lake.plan(request);
  const uri = await lake.location();
  if (json) await cli.json({ lake: uri, ...planFigures(plan), intervals: plan.chunks, calls });
  else await cli.out(planText(plan, calls, uri));
}

/** Prints the plan of every series in the lake. */
export async function dryRunAll(
  cli: Cli,
  lake: UsageLake,
  request: SyncRequest,
  json: boolean,
): Promise<void> {
  const uri = await lake.location();
  const all: object[] = [];
  for (const planned of await lake.planAll(request)) {
    if ("why" in planned) {
      const { service, granularity, grouping } = planned.series;
      all.push({ service, granularity, grouping, why: planned.why });
      noteSkipped(cli, planned.series, planned.why);
      continue;
    }
    const { plan, calls } = planned;
    all.push({ ...planFigures(plan), intervals: plan.chunks, calls });
    if (!json) await cli.out(planText(plan, calls, uri));
  }
  if (json) await cli.json({ lake: uri, series: all });
}
