import { crc32 } from "node:zlib";
import type { GenesysClient } from "../genesys/client.ts";
import { PageWatch } from "../genesys/pages.ts";
import { queryFailed, readResultsPage, STRAY_CURSOR, submitQuery } from "../genesys/services.ts";
import { type Deadline, withDeadline } from "../support/deadline.ts";
import { type Effects, type Log, monotonicOf, tellWait } from "../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { intervalOf } from "../usage/interval.ts";
import { METRICS } from "../usage/metric.ts";
import { queryBody } from "../usage/query.ts";
import { SpoolWriter } from "./spool-writer.ts";
import type { JobState, StagedJob } from "./staging.ts";

export interface FetchContext {
  readonly client: GenesysClient;
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** The maximum time for one query, including waits, retries and pages, in milliseconds. */
  readonly timeoutMs: number;
  /** Called with the number of rows of each page. */
  readonly onRows: (rows: number) => void;
}

/** How often a query is submitted if it fails, or if the service no longer knows its id. */
const MAX_SUBMITS = 4;

/** A query that has not ended by then never will; the time for its pages is not included. */
const MAX_RUN_MS = 3_600_000;
/** A query that runs longer than this is reported. */
const TELL_RUN_MS = 10_000;

/**
 * Completes a job: submits it unless it has an id, waits, and appends its pages to the spool. The state is saved after each
 * page, so that a later run resumes with the next one.
 *
 * @throws {GcUsageError} failed, if the service failed the query repeatedly; timeout; any error of the client. The job's
 *   folder stays, so that a later run can resume.
 */
export async function fetchJob(job: StagedJob, context: FetchContext): Promise<void> {
  const { effects, signal, timeoutMs } = context;
  await withDeadline({ effects, signal, ms: timeoutMs, late: () => tooLate(job, timeoutMs) }, (deadline) =>
    fetchToTheEnd(job, { ...context, signal: deadline.signal, check: deadline.check }),
  );
}

function tooLate({ state }: StagedJob, ms: number): GcUsageError {
  const query = state.id === undefined ? `The query of ${state.start}/${state.end}` : `Query ${state.id}`;
  const time = ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`;
  return new GcUsageError("timeout", `${query} is not finished after ${time}.`, {
    hint: "Run the same command again to resume, or allow more time with --timeout.",
  });
}

type Running = FetchContext & Pick<Deadline, "check">;

async function fetchToTheEnd(job: StagedJob, context: Running): Promise<void> {
  for (let submits = 1; !job.state.complete; submits++) {
    try {
      await fetchOnce(job, context);
    } catch (error) {
      if (!needsNewQuery(error) || submits >= MAX_SUBMITS) throw error;
      context.log.debug(`${error.message} Submitting the query again.`);
      context.onRows(-job.state.rows);
      await job.restart(context.client.clock.now());
      await context.effects.sleep(pollDelay(submits), context.signal);
    }
  }
}

/** The query has failed, or its id is unknown: only a new query can help. */
function needsNewQuery(error: unknown): error is GcUsageError {
  return isGcUsageError(error) && (error.kind === "failed" || error.details["status"] === 404);
}

async function fetchOnce(job: StagedJob, context: Running): Promise<void> {
  const { client, signal } = context;
  if (job.state.id === undefined) {
    const { service } = job.state;
    // By the service's clock: the answer reflects the data of this moment.
    const submittedAt = client.clock.now();
    const { id } = await submitQuery(client, service, queryBody(service, jobQuery(job.state)), signal);
    await job.save({ id, submittedAt });
  }
  const spool = new SpoolWriter(await job.openSpool(), job.state.bytes);
  try {
    await fetchPages(job, spool, context);
  } finally {
    await spool.close();
  }
}

async function fetchPages(job: StagedJob, spool: SpoolWriter, context: Running): Promise<void> {
  const { effects, signal, log } = context;
  const started = monotonicOf(effects);
  const watch = new PageWatch(job.state.after);
  let reported = false;
  for (let polls = 0; !job.state.complete; ) {
    context.check();
    const status = await fetchPage(job, { spool, watch }, context);
    if (status === undefined) continue;
    const elapsed = monotonicOf(effects) - started;
    if (elapsed > MAX_RUN_MS) throw tooLate(job, MAX_RUN_MS);
    if (elapsed > TELL_RUN_MS && !reported) {
      reported = true;
      tellWait(log, `Query ${job.state.id} is still ${status}.`);
    }
    await effects.sleep(pollDelay(polls++), signal);
  }
}

/** Appends the next page. @returns the query's status if it has not ended yet. */
async function fetchPage(
  job: StagedJob,
  { spool, watch }: { readonly spool: SpoolWriter; readonly watch: PageWatch },
  { client, log, onRows, signal }: FetchContext,
): Promise<string | undefined> {
  const { service, id = "", after, rows, pageSize } = job.state;
  let { bytes, crc } = job.state;
  const page = await readResultsPage(
    client,
    { service, id, after, pageSize, watch, isLent: true, signal },
    async (ndjson) => {
      bytes += ndjson.length;
      // A job started by 0.1.0 has no checksum.
      if (crc !== undefined) crc = crc32(ndjson, crc);
      await spool.add(ndjson);
    },
    async () => {
      ({ bytes, crc } = job.state);
      await spool.restart(bytes);
    },
  );
  await spool.flush();
  if (page.state === "failed") throw queryFailed(service, id, page);
  if (page.state === "running") return page.status;
  if (page.strayCursor !== undefined) log.warn(STRAY_CURSOR);
  await job.save({
    bytes,
    crc,
    rows: rows + page.rows,
    after: page.next,
    pageSize: page.pageSize,
    complete: page.next === undefined,
  });
  onRows(page.rows);
  return undefined;
}

/** The query of a job. */
export function jobQuery(state: JobState): Parameters<typeof queryBody>[1] {
  return {
    interval: intervalOf(state),
    granularity: state.granularity,
    grouping: state.grouping,
    metrics: METRICS,
    filtered: false,
  };
}

/** The wait before the next poll, in milliseconds: a quarter of a second, growing to ten seconds. */
export function pollDelay(polls: number): number {
  return Math.min(250 * 1.5 ** polls, 10_000);
}
