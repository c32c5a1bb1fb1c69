import type { ExpectedCalls, SyncPlan, SyncSummary } from "../index.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { slicePath } from "../usage/slice.ts";
import type { Cli } from "./cli.ts";
import { UPGRADE } from "./version.ts";

/** The plan of a dry run as text. */
export function planText(plan: SyncPlan, calls: ExpectedCalls, uri: string): string {
  const { service, granularity, grouping, periods } = planFigures(plan);
  const { settled, fresh, missing, unsettled, partial, again } = periods;
  const refetched = again > 0 ? `, ${again} to refetch` : "";
  return (
    `${service} ${granularity} ${grouping} in ${uri}\n` +
    `  ${settled} settled, ${fresh} fetched recently, ${missing} missing, ${unsettled} may have changed, ${partial} partial${refetched}\n` +
    plan.chunks.map(({ start, end }) => `  query ${start}/${end}\n`).join("") +
    `  about ${calls.atLeast} calls${calls.pages === undefined ? ", plus one for each 1,000 rows after the first" : ""}\n`
  );
}

export function planFigures(plan: SyncPlan) {
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
      again: count("again"),
      partial: count("partial"),
      newer: count("newer"),
      unreachable: count("unreachable"),
    },
  };
}

export function figures(summary: SyncSummary) {
  const { plan, jobs, resumed, written, kept, rows, organization } = summary;
  const keptSlices = kept.map(({ key, why }) => ({ path: slicePath(key), why }));
  return { ...planFigures(plan), organization, jobs, resumed, written, kept: keptSlices, rows };
}

export function summaryText(
  summary: SyncSummary,
  facts: { calls: number; seconds: number; throttled: number; lake: string },
): string {
  const { jobs, resumed, written, rows } = summary;
  const { periods, granularity } = planFigures(summary.plan);
  if (jobs === 0) {
    const { fresh } = periods;
    const wanted = granularity === "total" ? "this total" : `every ${granularity}`;
    const again =
      fresh > 0 ? ` (${fresh} fetched recently may still change; to refetch, add --recheck 0)` : "";
    return `Nothing to do: ${facts.lake} has ${wanted}${again}.`;
  }
  return (
    `Stored ${counted(rows, "row")} in ${counted(written, `${granularity} slice`)} from ` +
    `${counted(jobs, "query", "queries")}${resumed > 0 ? ` (${resumed} resumed)` : ""}, ${counted(facts.calls, "call")}` +
    `${facts.throttled > 0 ? `, ${facts.throttled} rate limited` : ""}, ${facts.seconds.toFixed(1)} s. Lake: ${facts.lake}`
  );
}

/**
 * Everything else is stored by now. The error keeps scripts from mistaking the unchanged days for the service's
 * answer.
 */
export function refuseVanished({ vanished, plan }: SyncSummary): void {
  const [first, ...others] = vanished;
  if (!first) return;
  const dates = vanished.map(({ date }) => date).sort();
  const more = others.length > 0 ? ` (and ${counted(others.length, `more ${plan.target.granularity}`)})` : "";
  throw new GcUsageError(
    "refused",
    `The service returned no rows for ${dates[0]}${more}, on retry too, but the lake has rows. They were left unchanged.`,
    {
      hint:
        "Run the same command again tomorrow. To store the empty result, add --force --refetch " +
        `--from ${dates[0]} --to ${dates.at(-1)}.`,
      details: { slices: vanished.map(slicePath) },
    },
  );
}

/** An old program does not update the slices of a newer version, so it warns about them. */
export function warnOfNewer(cli: Cli, { newer }: SyncSummary): void {
  const [first] = newer;
  if (!first) return;
  const more = newer.length > 1 ? ` (and ${newer.length - 1} more)` : "";
  cli.log.warn(
    `${counted(newer.length, "slice")} written by ${first.writtenBy}, newer than this program, left unchanged: ` +
      `${slicePath(first.key)}${more}. ${UPGRADE}`,
  );
}

/** Warns about slices that were not replaced. Otherwise a sync that changed nothing would look like one that did. */
export function warnOfKept(cli: Cli, { kept, vanished }: SyncSummary): void {
  const vanishedPaths = new Set(vanished.map(slicePath));
  const others = kept.filter(({ key }) => !vanishedPaths.has(slicePath(key)));
  const [first] = others;
  if (!first) return;
  const more = others.length > 1 ? ` (and ${others.length - 1} more)` : "";
  cli.log.warn(
    `Not replaced, because the lake covers more than the result: ${slicePath(first.key)}, ${first.why}${more}.`,
  );
}
