import pLimit from "p-limit";
import type { GenesysClient } from "../genesys/client.ts";
import { readOrganization } from "../genesys/organization.ts";
import { unsoundAnswer } from "../genesys/problem.ts";
import { readClaim } from "../lake/claim.ts";
import { type Lake, losesRows, type Slice } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { Waiting } from "../lake/store.ts";
import { counted } from "../support/count.ts";
import { withDeadline } from "../support/deadline.ts";
import { type Effects, type Log, realEffects, silentLog } from "../support/effects.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { describeSpan } from "../usage/coverage.ts";
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
  type WrittenSlice,
  writeSlices,
} from "./land.ts";
import { chunksBeside, disjoint, useOf } from "./leftovers.ts";
import { chunksOf, isNeeded, isWithin, leftOut, type Plan, planSync, type SyncTarget } from "./plan.ts";
import { LinesByDate, RowSpool } from "./row-spool.ts";
import { keepSliceSources } from "./source.ts";
import { StagedJob, sweepStaging } from "./staging.ts";

export interface SyncOptions {
  readonly lake: Lake;
  readonly client: GenesysClient;
  /** What to bring, or how that follows from the service's time: milliseconds since 1970. */
  readonly target: SyncTarget | ((now: number) => SyncTarget);
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Queries that run at the same time. */
  readonly concurrency: number;
  /** The longest that one query may take in all: its waits, retries and pages. Milliseconds. */
  readonly timeoutMs: number;
  /** Store what the service answers also where it has no rows for a period that had some, or the same rows twice. */
  readonly force: boolean;
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
  timeoutMs: 6 * 3_600_000,
  force: false,
  keepSource: false,
  onProgress: () => {},
} as const satisfies Partial<SyncOptions>;

export interface SyncProgress {
  readonly jobs: number;
  readonly jobsBegun: number;
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
  waiting?: Waiting,
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
  const resumed = await takeLeftovers(lake, plan, now);
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

function newerOf({ periods }: Plan, held: ReadonlyMap<Day, Slice>): NewerSlice[] {
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
async function takeLeftovers(lake: Lake, plan: Plan, now: number): Promise<StagedJob[]> {
  const jobs = await StagedJob.adopt(lake, now, (state) => useOf(state, plan));
  // Two runs at once may have left the same: the further one is gone on with.
  const byRows = [...jobs].sort((a, b) => b.state.rows - a.state.rows);
  const kept = new Set(disjoint(byRows.map(({ state }) => state)));
  await Promise.all(jobs.filter(({ state }) => !kept.has(state)).map((job) => job.remove()));
  return jobs.filter(({ state }) => kept.has(state));
}

type RunOptions = SyncOptions & { readonly target: SyncTarget; readonly origin: Origin };

/** A spool that is damaged on the disk is fetched again so often. */
const MAX_FETCHES = 3;

/** One run's queries: each is fetched beside the others, and landed one at a time. */
class SyncRun {
  readonly #options: RunOptions;
  readonly #landing = pLimit(1);
  #jobs: number;
  #jobsBegun = 0;
  #jobsDone = 0;
  #slices = 0;
  #slicesDone = 0;
  #fetchedRows = 0;
  #staged = 0;
  readonly totals = { written: 0, kept: [] as KeptSlice[], vanished: [] as SliceKey[], rows: 0 };

  constructor(options: RunOptions, jobs: number) {
    this.#options = options;
    this.#jobs = jobs;
  }

  /** True where a run that fails has something for the next one: slices in their places, or queries to go on with. */
  get leaves(): boolean {
    return this.#slicesDone > 0 || this.#staged > 0;
  }

  async begin(span: Span, isSecond = false): Promise<void> {
    const { lake, target, client, signal } = this.#options;
    signal?.throwIfAborted();
    const { service, granularity, grouping, weekStart } = target;
    const state = {
      service,
      granularity,
      grouping,
      weekStart,
      ...span,
      submittedAt: client.clock.now(),
      bytes: 0,
      rows: 0,
      complete: false,
    };
    await this.finish(await StagedJob.create(lake, state), isSecond);
  }

  /** @param isSecond true for a query that asks again for periods whose rows had become none. */
  async finish(job: StagedJob, isSecond = false): Promise<void> {
    try {
      await this.#toTheEnd(job, isSecond);
    } catch (error) {
      // Rows that do not fit the question would not fit the next time either: the query is asked anew then.
      const isOfNoUse = job.state.id === undefined || (isUsageError(error) && isUnfit(error));
      if (isOfNoUse) await job.remove();
      else {
        this.#staged++;
        await job.leave();
      }
      throw error;
    }
  }

  async #toTheEnd(job: StagedJob, isSecond: boolean): Promise<void> {
    const { signal } = this.#options;
    this.#jobsBegun++;
    this.#fetchedRows += job.state.rows;
    this.#report();
    const context: FetchContext = {
      ...this.#options,
      onRows: (rows) => {
        this.#fetchedRows += rows;
        this.#report();
      },
    };
    await this.#fetchWhole(job, context);
    const vanished = await this.#landing(async () => {
      signal?.throwIfAborted();
      return await this.#land(job, isSecond);
    });
    await job.remove();
    await this.#askAgain(vanished);
    this.#jobsDone++;
    this.#report();
  }

  /** A new query for each run of periods whose rows have become none. */
  async #askAgain(vanished: readonly SpooledSlice[]): Promise<void> {
    const { target, log } = this.#options;
    const periods = vanished.map(({ key: { date }, provenance: { start, end } }) => ({
      date,
      covered: { start, end },
      state: "unsettled" as const,
    }));
    for (const span of chunksOf(target, periods)) {
      log.info(
        `The service has no rows for ${describeSpan(span)} any more, and the lake has some: asking again.`,
      );
      this.#jobs++;
      await this.begin(span, true);
    }
  }

  /** Fetches the job, and fetches it again where its spool is not what was recorded of it. */
  async #fetchWhole(job: StagedJob, context: FetchContext): Promise<void> {
    for (let tries = 1; ; tries++) {
      await fetchJob(job, context);
      if (await job.isWhole()) return;
      const { start, end, rows } = job.state;
      if (tries === MAX_FETCHES) {
        throw new UsageError(
          "lake",
          `The rows of ${start} to ${end} were damaged on this disk again and again.`,
          {
            hint: "Check the disk, then run the same command again. Nothing was stored.",
          },
        );
      }
      context.log.warn(`The rows of ${start} to ${end} were damaged on this disk. Fetching them again.`);
      context.onRows(-rows);
      await job.restart(context.effects.now());
    }
  }

  /** @returns the slices that are not stored yet, since their rows would become none: to be asked for once more. */
  async #land(job: StagedJob, isSecond: boolean): Promise<SpooledSlice[]> {
    const { lake, client, signal, version, origin, force } = this.#options;
    const { service, granularity, grouping, weekStart, start, end, submittedAt, id = "" } = job.state;
    const now = client.clock.now();
    const spool = new RowSpool(job.folder);
    const raw = this.#options.keepSource ? new LinesByDate(job.folder, "raw") : undefined;
    if (job.state.rows > 0) await spoolRows(job.spool, spool, raw).catch((error) => throwUnsound(id, error));
    const all = slicesOf(spool, {
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
    const vanished = force ? [] : await this.#vanishedOf(all);
    const slices = isSecond ? all : all.filter((slice) => !vanished.includes(slice));
    this.#slices += slices.length;
    const written = await writeSlices(lake, slices, job.folder, signal);
    if (!force) checkRepeats(id, written);
    // The raw rows come first: once its slices are there, nothing is left of a query that was ended.
    if (raw) await this.#keepSource(job, raw, slices, now);
    const landed = await commitSlices(lake, written, {
      force,
      check: () => job.check(),
      signal,
      now,
      onSlice: () => {
        this.#slicesDone++;
        this.#report();
      },
    });
    this.#count(landed);
    if (!isSecond) return vanished;
    this.totals.vanished.push(...vanished.map(({ key }) => key));
    return [];
  }

  async #vanishedOf(slices: readonly SpooledSlice[]): Promise<SpooledSlice[]> {
    const vanished: SpooledSlice[] = [];
    for (const slice of slices) {
      if (slice.provenance.rows > 0) continue;
      if (losesRows(await this.#options.lake.slice(slice.key), slice.provenance)) vanished.push(slice);
    }
    return vanished;
  }

  /** Where the lake's slice is kept, its raw rows are. */
  async #keepSource(
    job: StagedJob,
    raw: LinesByDate,
    slices: readonly SpooledSlice[],
    now: number,
  ): Promise<void> {
    const { lake, force } = this.#options;
    const refused = (await refusals(lake, slices, now)).filter(({ isFinal }) => isFinal || !force);
    const kept = new Set(refused.map(({ key }) => key));
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
      jobsBegun: this.#jobsBegun,
      jobsDone: this.#jobsDone,
      slices: this.#slices,
      slicesDone: this.#slicesDone,
      rows: this.#fetchedRows,
    });
  }
}

/** The answer does not fit the query, or cannot be right: to land it the next time would be no use either. */
function isUnfit({ kind, details }: UsageError): boolean {
  return kind === "input" || details["unsound"] === true;
}

/** What is bad input in a file is the service's fault in its answer. */
function throwUnsound(id: string, error: unknown): never {
  if (!isUsageError(error) || error.kind !== "input") throw error;
  const { message } = error;
  throw unsoundAnswer(id, `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, "")}`);
}

/** A service that gives the same rows twice would have them counted twice. */
function checkRepeats(id: string, slices: readonly WrittenSlice[]): void {
  const repeated = slices.filter(({ repeats }) => repeats > 0);
  const [first] = repeated;
  if (!first) return;
  const { key, repeats } = first;
  const others = repeated.length > 1 ? ` (and of ${counted(repeated.length - 1, "further date")})` : "";
  throw unsoundAnswer(
    id,
    `${counted(repeats, "row")} of ${key.date}${others} repeat another's ${key.grouping}`,
  );
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
