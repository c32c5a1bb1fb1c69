import pLimit from "p-limit";
import { readOrganization } from "../genesys/organization.ts";
import { readClaim } from "../lake/claim.ts";
import { type Lake, type Slice } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { WaitOptions } from "../lake/store.ts";
import { withDeadline } from "../support/deadline.ts";
import { UsageError } from "../support/errors.ts";
import { type Day } from "../usage/day.ts";
import { compareOrigins, type Organization, type Origin } from "../usage/organization.ts";
import type { SliceKey } from "../usage/slice.ts";
import { checkSlices, claimLake, type Newcomer } from "./claim.ts";
import type { KeptSlice } from "./land.ts";
import { chunksBeside, decideLeftover, disjoint } from "./leftovers.ts";
import { isNeeded, isWithin, leftOut, planSync, type SyncPlan, type SyncTarget } from "./plan.ts";
import { type JobState, StagedJob, sweepStaging } from "./staging.ts";
import type { SyncOptions } from "./sync-options.ts";
import { SyncRun } from "./sync-run.ts";

export interface SyncSummary {
  readonly plan: SyncPlan;
  /** Whose the lake is; undefined where the service does not tell, and nobody has said. */
  readonly organization: Organization | undefined;
  /** Queries gone on with that an earlier run had left. */
  readonly resumed: number;
  readonly jobs: number;
  readonly written: number;
  /** Slices that the answers did not replace: what the lake has knows more. */
  readonly kept: readonly KeptSlice[];
  /** Those of them for which the service answered twice that there are no rows, though the lake has some. */
  readonly vanished: readonly SliceKey[];
  readonly rows: number;
  /** Slices of the period that a later version of the program wrote: they stay as they are. */
  readonly newer: readonly NewerSlice[];
}

export interface NewerSlice {
  readonly key: SliceKey;
  /** `gc-usage 0.9.0` */
  readonly writtenBy: string;
}

/** The lake's slices that a target is about, by date. Others are not opened: one that cannot be read stops nobody. */
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
 * Makes the lake hold what the target asks: goes on with what earlier runs left, asks for what is missing or may
 * have changed, and lands it slice by slice. Ended at any point, the next run goes on.
 *
 * @throws {UsageError} the first failure, after the other queries have ended; what is fetched stays staged. Where signing
 * in fails nothing is staged.
 */
export async function sync(options: SyncOptions): Promise<SyncSummary> {
  const { lake, client, signal, log } = options;
  await lake.store.checkWritable();
  await signIn(options);
  if (client.clock.warning !== undefined) log.warn(client.clock.warning);
  const target = typeof options.target === "function" ? options.target(client.clock.now()) : options.target;
  await sweepStaging(lake);
  const held = await heldSlices(lake, target, { signal });
  // An answer to come is newer than those that are there, also within the second that the service's clock is good for.
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

/** Signs in first: which days are over is decided by the service's clock. */
async function signIn({ client, effects, signal, timeoutMs }: SyncOptions): Promise<void> {
  const late = (): UsageError =>
    new UsageError("timeout", `Signing in is not finished after ${Math.round(timeoutMs / 1000)} s.`, {
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

/** Makes the lake the organization's that is signed in. @returns whose the new slices are. */
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
  // An OAuth client belongs to one organization, so where nothing is to be fetched nothing is called either.
  const known = plan.periods.some(isNeeded) ? undefined : (await readClaim(lake))?.content;
  const isSame = known?.organization && compareOrigins({ source: known.source }, { source }) === "same";
  const told = isSame ? known.organization : await readOrganization(client);
  const claimed = await claimLake(lake, newcomer(told), { log, signal });
  return { organization: claimed.organization, source };
}

/** Runs the tasks to their ends. @returns the first failure. */
async function failureOf(
  tasks: readonly (() => Promise<void>)[],
  { concurrency }: SyncOptions,
): Promise<PromiseRejectedResult | undefined> {
  const limit = pLimit(Math.max(1, concurrency));
  const outcomes = await Promise.allSettled(tasks.map((task) => limit(task)));
  return outcomes.find((outcome) => outcome.status === "rejected");
}

/** The queries that earlier runs left and that bring what is needed, each once. */
async function takeLeftovers(
  lake: Lake,
  plan: SyncPlan,
  held: ReadonlyMap<Day, Slice>,
  now: number,
): Promise<StagedJob[]> {
  // What is older than the lake's slices would not replace them, and must not stand for what is fetched again.
  const isOutdated = ({ start, end, submittedAt }: JobState): boolean =>
    [...held.values()].some(
      ({ key: { date }, provenance }) =>
        date >= start && date <= end && (provenance?.fetchedAt ?? 0) > submittedAt,
    );
  const jobs = await StagedJob.adopt(lake, now, (state) => {
    const use = decideLeftover(state, plan);
    return use === "take" && isOutdated(state) ? "drop" : use;
  });
  // Two runs at once may have left the same: the further one is gone on with.
  const byRows = [...jobs].sort((a, b) => b.state.rows - a.state.rows);
  const kept = new Set(disjoint(byRows.map(({ state }) => state)));
  await Promise.all(jobs.filter(({ state }) => !kept.has(state)).map((job) => job.remove()));
  return jobs.filter(({ state }) => kept.has(state));
}

/** @param keeps true where the next run has something to go on with. */
function withNextStep(error: unknown, keeps: boolean): unknown {
  if (!(error instanceof UsageError) || error.kind === "input") return error;
  if (!keeps && error.kind !== "interrupted") return error;
  const next = keeps
    ? "What is fetched is kept: run the same command again to go on."
    : "Nothing was fetched yet: run the same command again.";
  return new UsageError(error.kind, error.message, {
    hint: [error.hint, next].filter(Boolean).join(" "),
    cause: error,
    details: error.details,
  });
}
