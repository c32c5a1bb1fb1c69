import pLimit from "p-limit";
import { unsoundAnswer } from "../genesys/problem.ts";
import { losesRows } from "../lake/lake.ts";
import { counted } from "../support/count.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
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

/** How often a spool that is damaged on disk is fetched. */
const MAX_FETCHES = 3;

/** The queries of one run: fetched concurrently, stored one at a time. */
export class SyncRun {
  readonly #options: RunOptions;
  readonly #storing = pLimit(1);
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

  /** True if a failed run leaves something for the next one: stored slices, or queries to resume. */
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

  /** @param isSecond true for a repeated query for periods whose rows have vanished. */
  async finish(job: StagedJob, isSecond = false): Promise<void> {
    try {
      await this.#toTheEnd(job, isSecond);
    } catch (error) {
      // Rows that do not match the query would not match the next time either, so the query is submitted again.
      const isOfNoUse = job.state.id === undefined || (isGcUsageError(error) && isUnfit(error));
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
    const vanished = await this.#storing(async () => {
      signal?.throwIfAborted();
      return await this.#storeRows(job, isSecond);
    });
    await job.remove();
    await this.#queryAgain(vanished);
    this.#jobsDone++;
    this.#report();
  }

  /** Queries again the periods whose rows have vanished, with one query for each run of periods. */
  async #queryAgain(vanished: readonly SpooledSlice[]): Promise<void> {
    const { target, log } = this.#options;
    const periods = vanished.map(({ key: { date }, provenance: { start, end } }) => ({
      date,
      covered: { start, end },
      state: "unsettled" as const,
    }));
    for (const span of chunksOf(target, periods)) {
      log.info(
        `The service returned no rows for ${describeSpan(span)}, but the lake has some. Querying again.`,
      );
      this.#jobs++;
      await this.begin(span, true);
    }
  }

  /** Fetches the job, and refetches it if its spool does not match what was recorded. */
  async #fetchWhole(job: StagedJob, context: FetchContext): Promise<void> {
    for (let tries = 1; ; tries++) {
      await fetchJob(job, context);
      if (await job.isWhole()) return;
      const { start, end, rows } = job.state;
      if (tries === MAX_FETCHES) {
        throw new GcUsageError("lake", `The rows of ${start} to ${end} were damaged on disk repeatedly.`, {
          hint: "Nothing was stored. Check the disk, then run the same command again.",
        });
      }
      context.log.warn(`The rows of ${start} to ${end} were damaged on disk. Refetching them.`);
      context.onRows(-rows);
      await job.restart(context.effects.now());
    }
  }

  /** @returns the slices that are not stored yet, because their rows have vanished: they must be queried again. */
  async #storeRows(job: StagedJob, isSecond: boolean): Promise<SpooledSlice[]> {
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
    // Raw rows come first: once its slices are stored, an interrupted query leaves nothing to resume.
    if (raw) await this.#keepSource(job, raw, slices, now);
    const committed = await commitSlices(lake, written, {
      force,
      check: () => job.check(),
      signal,
      now,
      onSlice: () => {
        this.#slicesDone++;
        this.#report();
      },
    });
    this.#count(committed);
    if (!isSecond) return vanished;
    this.totals.vanished.push(...vanished.map(({ key }) => key));
    return [];
  }

  async #vanishedOf(slices: readonly SpooledSlice[]): Promise<SpooledSlice[]> {
    const vanished: SpooledSlice[] = [];
    for (const slice of slices) {
      if (slice.provenance.rows > 0) continue;
      if (losesRows(await this.#options.lake.lastListed(slice.key), slice.provenance)) vanished.push(slice);
    }
    return vanished;
  }

  /** If the lake's slice is kept, so are its raw rows. */
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

  #count(committed: Landed): void {
    this.totals.written += committed.written.length;
    this.totals.kept.push(...committed.kept);
    this.totals.rows += committed.rows;
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

/** The answer does not match the query, or cannot be right: it could not be stored the next time either. */
function isUnfit({ kind, details }: GcUsageError): boolean {
  return kind === "input" || details["unsound"] === true;
}

/** What would be bad input in a file is a fault of the service in its response. */
function throwUnsound(id: string, error: unknown): never {
  if (!isGcUsageError(error) || error.kind !== "input") throw error;
  const { message } = error;
  throw unsoundAnswer(id, `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, "")}`);
}

/** If a service returns the same rows twice, they would be counted twice. */
function checkRepeats(id: string, slices: readonly WrittenSlice[]): void {
  const repeated = slices.filter(({ repeats }) => repeats > 0);
  const [first] = repeated;
  if (!first) return;
  const { key, repeats } = first;
  const others = repeated.length > 1 ? ` (and of ${counted(repeated.length - 1, "further date")})` : "";
  throw unsoundAnswer(
    id,
    `${counted(repeats, "row")} of ${key.date}${others} with the same ${key.grouping} as another row`,
  );
}
