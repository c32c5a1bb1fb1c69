import pLimit from "p-limit";
import type { GenesysClient } from "../genesys/client.ts";
import { readOrganization } from "../genesys/organization.ts";
import { readClaim } from "../lake/claim.ts";
import type { Lake, Slice } from "../lake/lake.ts";
import type { Waiting } from "../lake/store.ts";
import { type Effects, type Log, realEffects, silentLog } from "../support/effects.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { type Day } from "../usage/day.ts";
import { METRICS } from "../usage/metric.ts";
import { compareOrigins, type Organization, type Origin } from "../usage/organization.ts";
import type { Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
import { checkSlices, claimLake, type Newcomer } from "./claim.ts";
import { type FetchContext, fetchJob } from "./fetch.ts";
import {
  commitSlices,
  type KeptSlice,
  type Landed,
  refusals,
  type SpooledSlice,
  slicesOf,
  spoolRows,
  writeSlices,
} from "./land.ts";
import { chunksBeside, disjoint, useOf } from "./leftovers.ts";
import { isNeeded, type Plan, planSync, type SyncTarget } from "./plan.ts";
import { LinesByDate, RowSpool } from "./row-spool.ts";
import { keepSliceSources } from "./source.ts";
import { StagedJob, sweepStaging } from "./staging.ts";

export interface SyncOptions {
  readonly lake: Lake;
  readonly client: GenesysClient;
  readonly target: SyncTarget;
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Queries that run at the same time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly version: string;
  /** The organization's id as the user gives it: it counts where the service does not tell it. */
  readonly organization?: string | undefined;
  /** Keep each slice's rows as they came under gc_usage_api_source/ as well. */
  readonly keepSource: boolean;
  readonly onProgress: (progress: SyncProgress) => void;
}

/** How a sync goes about it where it is told nothing else. */
export const SYNC_DEFAULTS = {
  effects: realEffects,
  log: silentLog,
  signal: undefined,
  concurrency: 4,
  timeoutMs: 3_600_000,
  keepSource: false,
  onProgress: () => {},
} as const satisfies Partial<SyncOptions>;

export interface SyncProgress {
  readonly jobs: number;
  readonly jobsDone: number;
  readonly slices: number;
  readonly slicesDone: number;
  readonly rows: number;
}

export interface SyncSummary {
  readonly plan: Plan;
  /** Whose the lake is; undefined where the service does not tell, and nobody has said. */
  readonly organization: Organization | undefined;
  /** Queries gone on with that an earlier run had left. */
  readonly resumed: number;
  readonly jobs: number;
  readonly written: number;
  /** Slices that the answers did not replace: what the lake has knows more. */
  readonly kept: readonly KeptSlice[];
  readonly rows: number;
  /** Slices of the period that a later version of the program wrote: they stay as they are. */
  readonly newer: readonly NewerSlice[];
}

export interface NewerSlice {
  readonly key: SliceKey;
  /** `gc-usage 0.9.0` */
  readonly writtenBy: string;
}

/** The lake's slices that a target is about, by date. */
export async function heldSlices(
  lake: Lake,
  target: SyncTarget,
  waiting?: Waiting,
): Promise<Map<Day, Slice>> {
  const slices = await lake.slices(
    ({ service, granularity, grouping }) =>
      service === target.service && granularity === target.granularity && grouping === target.grouping,
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
  const { lake, target, effects, signal } = options;
  await sweepStaging(lake);
  const held = await heldSlices(lake, target, { signal });
  const plan = planSync(target, held, effects.now());
  const origin = await claimFor(options, plan).catch((error: unknown) => {
    throw withNextStep(error, false);
  });
  checkSlices(lake, origin, held.values());
  const resumed = await takeLeftovers(lake, plan, effects.now());
  const rest = chunksBeside(
    resumed.map(({ state }) => state),
    plan,
  );
  const run = new SyncRun({ ...options, origin }, resumed.length + rest.length);
  const tasks = [
    ...resumed.map((job) => () => run.finish(job)),
    ...rest.map((span) => () => run.begin(span)),
  ];
  const failed = await failureOf(tasks, options);
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

function newerOf({ periods }: Plan, held: ReadonlyMap<Day, Slice>): NewerSlice[] {
  return periods.flatMap(({ date }) => {
    const slice = held.get(date);
    return slice?.state === "newer" ? [{ key: slice.key, writtenBy: slice.writtenBy }] : [];
  });
}

/** Makes the lake the organization's that is signed in. @returns whose the new slices are. */
async function claimFor(
  { lake, client, organization, log, signal }: SyncOptions,
  plan: Plan,
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

/** Signs in, then runs the tasks to their ends. @returns the first failure. */
async function failureOf(
  tasks: readonly (() => Promise<void>)[],
  { client, concurrency }: SyncOptions,
): Promise<PromiseRejectedResult | undefined> {
  if (tasks.length === 0) return undefined;
  const limit = pLimit(Math.max(1, concurrency));
  const [signedIn] = await Promise.allSettled([client.signIn()]);
  if (signedIn.status === "rejected") return signedIn;
  const outcomes = await Promise.allSettled(tasks.map((task) => limit(task)));
  return outcomes.find((outcome) => outcome.status === "rejected");
}

/** The queries that earlier runs left and that bring what is needed, each once. */
async function takeLeftovers(lake: Lake, plan: Plan, now: number): Promise<StagedJob[]> {
  const jobs = await StagedJob.adopt(lake, now, (state) => useOf(state, plan));
  // Two runs at once may have left the same: the further one is gone on with.
  const byRows = [...jobs].sort((a, b) => b.state.rows - a.state.rows);
  const kept = new Set(disjoint(byRows.map(({ state }) => state)));
  await Promise.all(jobs.filter(({ state }) => !kept.has(state)).map((job) => job.remove()));
  return jobs.filter(({ state }) => kept.has(state));
}

/** One run's queries: each is fetched beside the others, and landed one at a time. */
class SyncRun {
  readonly #options: SyncOptions & { readonly origin: Origin };
  readonly #landing = pLimit(1);
  readonly #jobs: number;
  #jobsDone = 0;
  #slices = 0;
  #slicesDone = 0;
  #fetchedRows = 0;
  #staged = 0;
  readonly totals = { written: 0, kept: [] as KeptSlice[], rows: 0 };

  constructor(options: SyncOptions & { readonly origin: Origin }, jobs: number) {
    this.#options = options;
    this.#jobs = jobs;
  }

  /** True where a run that fails has something for the next one: slices in their places, or queries to go on with. */
  get leaves(): boolean {
    return this.#slicesDone > 0 || this.#staged > 0;
  }

  async begin(span: Span): Promise<void> {
    const { lake, target, effects, signal } = this.#options;
    signal?.throwIfAborted();
    const { service, granularity, grouping, weekStart } = target;
    const state = {
      service,
      granularity,
      grouping,
      weekStart,
      ...span,
      submittedAt: effects.now(),
      bytes: 0,
      rows: 0,
      complete: false,
    };
    await this.finish(await StagedJob.create(lake, state));
  }

  async finish(job: StagedJob): Promise<void> {
    try {
      await this.#toTheEnd(job);
    } catch (error) {
      // Rows that do not fit the question would not fit the next time either: the query is asked anew then.
      const isOfNoUse = job.state.id === undefined || (isUsageError(error) && error.kind === "input");
      if (isOfNoUse) await job.remove();
      else this.#staged++;
      throw error;
    }
  }

  async #toTheEnd(job: StagedJob): Promise<void> {
    const { signal } = this.#options;
    this.#fetchedRows += job.state.rows;
    this.#report();
    const context: FetchContext = {
      ...this.#options,
      onRows: (rows) => {
        this.#fetchedRows += rows;
        this.#report();
      },
    };
    await fetchJob(job, context);
    await this.#landing(async () => {
      signal?.throwIfAborted();
      await this.#land(job);
    });
    await job.remove();
    this.#jobsDone++;
    this.#report();
  }

  async #land(job: StagedJob): Promise<void> {
    const { lake, signal, version, log, origin } = this.#options;
    const { service, granularity, grouping, weekStart, start, end, submittedAt, id = "" } = job.state;
    const spool = new RowSpool(job.folder);
    const raw = this.#options.keepSource ? new LinesByDate(job.folder, "raw") : undefined;
    if (job.state.rows > 0) await spoolRows(job.spool, spool, raw);
    const slices = slicesOf(spool, {
      service,
      granularity,
      grouping,
      metrics: METRICS,
      span: { start, end },
      weekStart,
      fetchedAt: submittedAt,
      id,
      version,
      origin,
      emptyPeriods: true,
    });
    this.#slices += slices.length;
    const written = await writeSlices(lake, slices, job.folder, signal);
    // The raw rows come first: once its slices are there, nothing is left of a query that was ended.
    if (raw) await this.#keepSource(job, raw, slices);
    const landed = await commitSlices(lake, written, {
      force: false,
      signal,
      onSlice: () => {
        this.#slicesDone++;
        this.#report();
      },
    });
    this.#count(landed);
    if (landed.repeated.length > 0) {
      log.warn(
        `The service gave rows of the same ${grouping} more than once (${datesOf(landed.repeated)}): the sums may be too high. Please report it.`,
      );
    }
  }

  /** Where the lake's slice is kept, its raw rows are. */
  async #keepSource(job: StagedJob, raw: LinesByDate, slices: readonly SpooledSlice[]): Promise<void> {
    const { lake } = this.#options;
    const kept = new Set((await refusals(lake, slices)).map(({ key }) => key));
    const sources = slices
      .filter(({ key }) => !kept.has(key))
      .map(({ key }) => ({ key, file: raw.file(key.granularity === "total" ? undefined : key.date) }));
    await keepSliceSources(lake, sources, job.folder);
  }

  #count(landed: Landed): void {
    this.totals.written += landed.written.length;
    this.totals.kept.push(...landed.kept);
    this.totals.rows += landed.rows;
  }

  #report(): void {
    this.#options.onProgress({
      jobs: this.#jobs,
      jobsDone: this.#jobsDone,
      slices: this.#slices,
      slicesDone: this.#slicesDone,
      rows: this.#fetchedRows,
    });
  }
}

function datesOf(keys: readonly SliceKey[]): string {
  const dates = keys.map(({ date }) => date);
  return dates.length > 3 ? `${dates.slice(0, 3).join(", ")} and ${dates.length - 3} more` : dates.join(", ");
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
