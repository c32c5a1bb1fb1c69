import { randomUUID } from "node:crypto";
import type { Athena, QueryExecution } from "@aws-sdk/client-athena";
import { awsError } from "../../support/aws.ts";
import type { Effects, Log } from "../../support/effects.ts";
import { isGcUsageError, messageOf } from "../../support/errors.ts";
import { pollUntil } from "../../support/poll.ts";
import { CATALOG } from "../tables.ts";
import type { Sent } from "./errors.ts";

const FIRST_WAIT_MS = 150;
const LONGEST_WAIT_MS = 3000;
const WAITS_TO_STOP = 20;
/** Consecutive failed polls, each retried by the SDK, after which the statement's state is unknown. */
const MAX_UNANSWERED = 5;

/** How to run an execution. */
export interface Run {
  readonly athena: Athena;
  readonly effects: Effects;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Called at each poll while it is running. Throw to stop it. */
  readonly onRunning: (execution: QueryExecution) => void;
}

/**
 * Runs a statement until it succeeds or fails. An abort or an error stops it in Athena first, because it would
 * otherwise continue to scan and cost.
 */
export async function runToEnd(run: Run, sent: Sent): Promise<QueryExecution> {
  const started = await run.athena.startQueryExecution({
    QueryString: sent.sql,
    WorkGroup: sent.workgroup,
    QueryExecutionContext: { Catalog: CATALOG, Database: sent.database },
    // The SDK resends a request without an answer. The token ensures a single execution.
    ClientRequestToken: randomUUID(),
  });
  const id = started.QueryExecutionId ?? "";
  run.log.debug(`Athena execution ${id} started`);
  try {
    return await ended(run, id);
  } catch (error) {
    await stop(run, id).catch((failed: unknown) => {
      run.log.warn(
        `The statement could not be stopped and may still run in Athena as ${id}: ${messageOf(failed)}`,
      );
    });
    throw error;
  }
}

async function ended(run: Run, id: string): Promise<QueryExecution> {
  const { athena, effects, log, signal, onRunning } = run;
  let unanswered = 0;
  const lookOnce = async (): Promise<QueryExecution | undefined> => {
    signal?.throwIfAborted();
    try {
      const execution = await look(athena, id, signal);
      if (hasEnded(execution)) return execution;
      unanswered = 0;
      onRunning(execution);
    } catch (error) {
      signal?.throwIfAborted();
      // While AWS is busy, the statement continues to run and cost.
      if (!isTransient(error) || ++unanswered > MAX_UNANSWERED) throw error;
      log.debug(`Cannot poll Athena execution ${id}: ${messageOf(error)}`);
    }
    return undefined;
  };
  return await pollUntil(lookOnce, { effects, signal, pauseMs: growing(LONGEST_WAIT_MS) });
}

function isTransient(error: unknown): boolean {
  const converted = awsError(error, "poll the statement", {});
  return isGcUsageError(converted) && converted.retryable;
}

/** Stops it and waits until it has stopped, for about twenty seconds at most. */
async function stop({ athena, effects }: Run, id: string): Promise<void> {
  await athena.stopQueryExecution({ QueryExecutionId: id });
  let looks = 0;
  const hasStopped = async (): Promise<true | undefined> =>
    hasEnded(await look(athena, id)) || ++looks > WAITS_TO_STOP ? true : undefined;
  await pollUntil(hasStopped, { effects, pauseMs: growing(1000) });
}

/** Half as long again after each look, up to a longest pause. */
function growing(longestMs: number): (looks: number) => number {
  return (looks) => Math.min(FIRST_WAIT_MS * 1.5 ** (looks - 1), longestMs);
}

async function look(athena: Athena, id: string, signal?: AbortSignal): Promise<QueryExecution> {
  const { QueryExecution } = await athena.getQueryExecution(
    { QueryExecutionId: id },
    signal && { abortSignal: signal },
  );
  return QueryExecution ?? {};
}

function hasEnded({ Status }: QueryExecution): boolean {
  return ["SUCCEEDED", "FAILED", "CANCELLED"].includes(Status?.State ?? "");
}
