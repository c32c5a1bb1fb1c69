import type { GenesysClient } from "../genesys/client.ts";
import { queryFailed, readResultsPage, STRAY_CURSOR, submitQuery } from "../genesys/services.ts";
import type { Effects, Log } from "../support/effects.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { intervalOf } from "../usage/interval.ts";
import { METRICS } from "../usage/metric.ts";
import { queryBody } from "../usage/query.ts";
import { type JobState, keepAlive, type StagedJob } from "./staging.ts";

export interface FetchContext {
  readonly client: GenesysClient;
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** The longest that one query may run, in milliseconds. */
  readonly timeoutMs: number;
  /** Called with the rows that a page brought. */
  readonly onRows: (rows: number) => void;
}

/** A query that failed, or whose id the service no longer knows, is asked anew so often. */
const MAX_SUBMITS = 4;

/**
 * Brings a job to its end: submits it unless it has an id, waits, and appends its pages to the spool. After each
 * page the state is saved, so that whoever goes on begins at the next one.
 *
 * @throws {UsageError} failed, where the service failed the query again and again; timeout; whatever the client
 *   throws. The job's folder stays, to go on from.
 */
export async function fetchJob(job: StagedJob, context: FetchContext): Promise<void> {
  const rest = keepAlive(job.folder);
  try {
    await fetchToTheEnd(job, context);
  } finally {
    rest();
  }
}

async function fetchToTheEnd(job: StagedJob, context: FetchContext): Promise<void> {
  for (let submits = 1; !job.state.complete; submits++) {
    try {
      await fetchOnce(job, context);
    } catch (error) {
      if (!isAskedAnew(error) || submits >= MAX_SUBMITS) throw error;
      context.log.debug(`${error.message} Asking again.`);
      context.onRows(-job.state.rows);
      await job.restart(context.effects.now());
      await context.effects.sleep(pollDelay(submits), context.signal);
    }
  }
}

/** The query has ended badly, or its id is forgotten: only a new query can help. */
function isAskedAnew(error: unknown): error is UsageError {
  return isUsageError(error) && (error.kind === "failed" || error.details["status"] === 404);
}

async function fetchOnce(job: StagedJob, context: FetchContext): Promise<void> {
  const { client, effects, signal } = context;
  if (job.state.id === undefined) {
    const submittedAt = effects.now();
    const { id } = await submitQuery(
      client,
      job.state.service,
      queryBody(job.state.service, jobQuery(job.state)),
    );
    await job.save({ id, submittedAt });
  }
  const started = effects.now();
  const visited = new Set<string>();
  for (let polls = 0; !job.state.complete; ) {
    signal?.throwIfAborted();
    if (job.state.after !== undefined) visited.add(job.state.after);
    const ran = await fetchPage(job, visited, context);
    if (!ran) continue;
    if (effects.now() - started > context.timeoutMs) {
      throw new UsageError(
        "timeout",
        `Query ${job.state.id} still runs after ${Math.round(context.timeoutMs / 60_000)} minutes.`,
        {
          hint: "Run the same command again to go on waiting, or give more time with --timeout.",
        },
      );
    }
    await effects.sleep(pollDelay(polls++), signal);
  }
}

/** Appends the next page. True where the query has not ended yet. */
async function fetchPage(
  job: StagedJob,
  visited: ReadonlySet<string>,
  { client, log, onRows }: FetchContext,
): Promise<boolean> {
  const { service, id = "", after, rows } = job.state;
  const spool = await job.openSpool();
  try {
    let bytes = job.state.bytes;
    const page = await readResultsPage(
      client,
      { service, id, after, visited },
      async (ndjson) => {
        await spool.appendFile(ndjson);
        bytes += ndjson.length;
      },
      async () => {
        bytes = job.state.bytes;
        await spool.truncate(bytes);
      },
    );
    if (page.state === "failed") throw queryFailed(service, id, page);
    if (page.state === "running") return true;
    if (page.strayCursor !== undefined) log.warn(STRAY_CURSOR);
    await job.save({ bytes, rows: rows + page.rows, after: page.next, complete: page.next === undefined });
    onRows(page.rows);
    return false;
  } finally {
    await spool.close();
  }
}

/** The query that a job asks. */
export function jobQuery(state: JobState): Parameters<typeof queryBody>[1] {
  return {
    interval: intervalOf(state),
    granularity: state.granularity,
    grouping: state.grouping,
    metrics: METRICS,
    filtered: false,
  };
}

/** How long to wait before asking again whether a query has ended: a quarter of a second, growing to ten. */
export function pollDelay(polls: number): number {
  return Math.min(250 * 1.5 ** polls, 10_000);
}
