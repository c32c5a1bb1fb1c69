import pLimit from "p-limit";
import { readOrganization } from "../genesys/organization.ts";
import { readClaim } from "../lake/claim.ts";
import { type Lake, type Slice } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { WaitOptions } from "../lake/store.ts";
import { withDeadline } from "../support/deadline.ts";
import { GcUsageError } from "../support/errors.ts";
import { type Day } from "../usage/day.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import { compareOrigins, type Organization, type Origin } from "../usage/organization.ts";
import type { SliceKey } from "../usage/slice.ts";
import { checkSlices, claimLake, type Newcomer } from "./claim.ts";
import type { KeptSlice } from "./land.ts";
import { chunksBeside, decideLeftover, disjoint } from "./leftovers.ts";
import { updateNames } from "./names.ts";
import { isNeeded, isWithin, leftOut, planSync, type SyncPlan, type SyncTarget } from "./plan.ts";
import { type JobState, StagedJob, sweepStaging } from "./staging.ts";
import type { SyncOptions } from "./sync-options.ts";
import { SyncRun } from "./sync-run.ts";

export interface SyncSummary {
  readonly plan: SyncPlan;
  /** The lake's organization; undefined if neither the service nor the user has identified it. */
  readonly organization: Organization | undefined;
  /** Resumed queries of an earlier run. */
  readonly resumed: number;
  readonly jobs: number;
  readonly written: number;
  /** Slices that the answers did not replace, because the stored ones cover more. */
  readonly kept: readonly KeptSlice[];
  /** Slices that were kept because the service returned no rows for them, even on the second try. */
  readonly vanished: readonly SliceKey[];
  readonly rows: number;
  /** Slices of the period that a later version of the program wrote: they are left unchanged. */
  readonly newer: readonly NewerSlice[];
}

export interface NewerSlice {
  readonly key: SliceKey;
  /** `gc-usage 0.9.0` */
  readonly writtenBy: string;
}

/** The lake's slices in the target, by date. No others are opened, so an unreadable one elsewhere does no harm. */
export async function heldSlices(
  lake: Lake,
  target: SyncTarget,
  waiting?: WaitOptions,
): Promise<Map<Day, Slice>> {
  const slices = await lake.slices(
    ({ service, granularity, grouping, date }) =>
      service === target.service &&
      granularity === target.granularity &&
      grouping === target.grouping &&
      isWithin(target, date),
    waiting,
  );
  return new Map(slices.map((slice) => [slice.key.date, slice]));
}

/**
 * Updates the lake to the target: resumes what earlier runs left, queries what is missing or may have changed, and stores
 * it slice by slice. Safe to interrupt: run it again to resume.
 *
 * @throws {GcUsageError} the first failure, after the other queries have ended; fetched data stays staged. If signing in
 *   fails, nothing is staged.
 */
export async function sync(options: SyncOptions): Promise<SyncSummary> {
  const { lake, client, signal, log } = options;
  await lake.store.checkWritable();
  await signIn(options);
  if (client.clock.warning !== undefined) log.warn(client.clock.warning);
  const target = typeof options.target === "function" ? options.target(client.clock.now()) : options.target;
  await sweepStaging(lake);
  const held = await heldSlices(lake, target, { signal });
  // A new answer must be newer than the stored ones, even within the clock's resolution of a second.
  for (const { provenance } of held.values()) client.clock.noEarlierThan(provenance?.fetchedAt ?? 0);
  const now = client.clock.now();
  const plan = planSync(target, held, now);
  const out = leftOut(plan);
  if (out !== undefined) log.warn(out);
  const origin = await claimFor(options, plan).catch((error: unknown) => {
    throw withNextStep(error, false);
  });
  checkSlices(lake, origin, held.values());
  const resumed = await takeLeftovers(lake, plan, held, now);
  const rest = chunksBeside(
    resumed.map(({ state }) => state),
    plan,
  );
  const run = new SyncRun({ ...options, target, origin }, resumed.length + rest.length);
  const tasks = [
    ...resumed.map((job) => () => run.finish(job)),
    ...rest.map((span) => () => run.begin(span)),
  ];
  const failed = await failureOf(tasks, options);
  if (!signal?.aborted) await updateSlicesTable(lake, { log, signal });
  if (!failed && dimensionsOf(target.grouping).includes("user"))
    await updateNames({ lake, client, log, signal, now }, [...held.values()], await heldSlices(lake, target));
  if (failed) throw withNextStep(failed.reason, resumed.length > 0 || run.leaves);
  return {
    plan,
    organization: origin.organization,
    newer: newerOf(plan, held),
    resumed: resumed.length,
    jobs: tasks.length,
    ...run.totals,
  };
}

function newerOf({ periods }: SyncPlan, held: ReadonlyMap<Day, Slice>): NewerSlice[] {
  return periods.flatMap(({ date }) => {
    const slice = held.get(date);
    return slice?.state === "newer" ? [{ key: slice.key, writtenBy: slice.writtenBy }] : [];
  });
}

/** Signs in first, because the service's clock decides which days are complete. */
async function signIn({ client, effects, signal, timeoutMs }: SyncOptions): Promise<void> {
  const late = (): GcUsageError =>
    new GcUsageError("timeout", `Could not sign in within ${Math.round(timeoutMs / 1000)} s.`, {
      hint: "Check the network with `gc-usage doctor`, or allow more time with --timeout.",
    });
  try {
    await withDeadline({ effects, signal, ms: timeoutMs, late }, (deadline) =>
      client.signIn(deadline.signal),
    );
  } catch (error) {
    throw withNextStep(error, false);
  }
}

/** Claims the lake for the organization of the credentials. @returns the organization of the new slices. */
async function claimFor(
  { lake, client, organization, log, signal }: SyncOptions,
  plan: SyncPlan,
): Promise<Origin> {
  const source = client.caller;
  const newcomer = (mine: Organization | undefined): Newcomer => ({
    origin: { organization: mine, source },
    asserted: organization,
    subject: "these credentials",
  });
  // An OAuth client belongs to one organization, so if nothing is to be fetched, no call is needed.
  const known = plan.periods.some(isNeeded) ? undefined : (await readClaim(lake))?.content;
  const isSame = known?.organization && compareOrigins({ source: known.source }, { source }) === "same";
  const current = isSame ? known.organization : await readOrganization(client);
  const claimed = await claimLake(lake, newcomer(current), { log, signal });
  return { organization: claimed.organization, source };
}

/** Runs all tasks to their end. @returns the first failure. */
async function failureOf(
  tasks: readonly (() => Promise<void>)[],
  { concurrency }: SyncOptions,
): Promise<PromiseRejectedResult | undefined> {
  const limit = pLimit(Math.max(1, concurrency));
  const outcomes = await Promise.allSettled(tasks.map((task) => limit(task)));
  return outcomes.find((outcome) => outcome.status === "rejected");
}

/** Takes the queries of earlier runs that bring something needed, each once. */
async function takeLeftovers(
  lake: Lake,
  plan: SyncPlan,
  held: ReadonlyMap<Day, Slice>,
  now: number,
): Promise<StagedJob[]> {
  // A query that is older than the lake's slices would not replace them, and must not prevent a new one.
  const isOutdated = ({ start, end, submittedAt }: JobState): boolean =>
    [...held.values()].some(
      ({ key: { date }, provenance }) =>
        date >= start && date <= end && (provenance?.fetchedAt ?? 0) > submittedAt,
    );
  const jobs = await StagedJob.adopt(lake, now, (state) => {
    const use = decideLeftover(state, plan);
    return use === "take" && isOutdated(state) ? "drop" : use;
  });
  // Two concurrent runs may have left the same query: the one with more progress is resumed.
  const byRows = [...jobs].sort((a, b) => b.state.rows - a.state.rows);
  const kept = new Set(disjoint(byRows.map(({ state }) => state)));
  await Promise.all(jobs.filter(({ state }) => !kept.has(state)).map((job) => job.remove()));
  return jobs.filter(({ state }) => kept.has(state));
}

/** @param keeps true if the next run can resume something. */
function withNextStep(error: unknown, keeps: boolean): unknown {
  if (!(error instanceof GcUsageError) || error.kind === "input") return error;
  if (!keeps && error.kind !== "interrupted") return error;
  const next = keeps
    ? "Fetched data is kept. Run the same command again to resume."
    : "Nothing was fetched yet. Run the same command again.";
  return new GcUsageError(error.kind, error.message, {
    hint: [error.hint, next].filter(Boolean).join(" "),
    cause: error,
    details: error.details,
  });
}
