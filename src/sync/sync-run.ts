import pLimit from "p-limit";
import { unsoundAnswer } from "../genesys/problem.ts";
import { losesRows } from "../lake/lake.ts";
import { counted } from "../support/count.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { describeSpan } from "../usage/coverage.ts";
import { METRICS } from "../usage/metric.ts";
import type { Origin } from "../usage/organization.ts";
import type { Span } from "../usage/period.ts";
import type { SliceKey } from "../usage/slice.ts";
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
import { chunksOf, type SyncTarget } from "./plan.ts";
import { LinesByDate, RowSpool } from "./row-spool.ts";
import { keepSliceSources } from "./source.ts";
import { StagedJob } from "./staging.ts";
import type { SyncOptions } from "./sync-options.ts";

type RunOptions = SyncOptions & { readonly target: SyncTarget; readonly origin: Origin };

/** A spool that is damaged on the disk is fetched again so often. */
const MAX_FETCHES = 3;

/** One run's queries: each is fetched beside the others, and landed one at a time. */
export class SyncRun {
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
