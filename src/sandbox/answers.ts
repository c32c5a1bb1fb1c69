import { hash } from "./hash.ts";
import { badField, json, Refusal, type Reply, wholeParam } from "./http.ts";
import type { Job, Jobs } from "./jobs.ts";
import type { Results } from "./results.ts";

/** The parts of a call that select a page. */
interface PageCall {
  readonly query: URLSearchParams;
  readonly contextId: string;
}

/** "20,000 records in all". */
const SEARCH_RECORDS = 20_000;

/** A page of a search. */
export async function searchAnswer(jobs: Jobs, job: Job, query: URLSearchParams): Promise<Reply> {
  const { from, size } = pageOf(job, query);
  const state = await jobs.stateOf(job);
  if (state !== "Succeeded" || job.done === undefined) return json(200, legacyStatus(state));
  if (job.fault === "too-large") throw tooLarge(500);
  const rows = Math.min(job.done.rows, SEARCH_RECORDS);
  const to = Math.min(from + size, rows);
  const cursors = to < rows ? `,"cursors":{"after":"${cursorOf(job, to)}"}` : "";
  return rowsReply(job.done, '{"results":[', from, to, `],"queryStatus":"Complete"${cursors}}`);
}

/** An execution of the legacy service: all of its rows at once. */
export async function legacyAnswer(jobs: Jobs, job: Job): Promise<Reply> {
  const state = await jobs.stateOf(job);
  if (state !== "Succeeded" || job.done === undefined) return json(200, legacyStatus(state));
  if (job.fault === "no-rows") return json(200, { queryStatus: "Complete" });
  return rowsReply(job.done, '{"results":[', 0, job.done.rows, '],"queryStatus":"Complete"}');
}

/** The legacy service has no queue. */
function legacyStatus(state: string): { queryStatus: string } {
  return { queryStatus: state === "Failed" ? "Failed" : "Running" };
}

/** "202 while it is still running or when it failed", says the API's description. */
const NOT_DONE = 202;

/** A job with the fault `too-large` rejects larger pages than this. */
const SMALL_PAGE = 100;

/** A page of a job. @param uri the address of the job. */
export async function jobsAnswer(jobs: Jobs, job: Job, uri: string, call: PageCall): Promise<Reply> {
  const { from, size } = pageOf(job, call.query);
  const state = await jobs.stateOf(job);
  if (state === "Failed")
    return json(NOT_DONE, { queryStatus: state, ...errorBody(job, call), selfUri: uri });
  if (state !== "Succeeded" || job.done === undefined)
    return json(NOT_DONE, { queryStatus: state, selfUri: uri });
  if (job.fault === "too-large" && size > SMALL_PAGE) throw tooLarge(400);
  if (job.fault === "no-rows") return json(200, { queryStatus: state, selfUri: uri });
  const page = pageWith(job, from, size, job.done.rows);
  const next =
    page.next === undefined ? {} : { nextUri: `${uri}?pageSize=${size}&after=${cursorOf(job, page.next)}` };
  const tail = JSON.stringify({ queryStatus: state, ...next, selfUri: uri });
  return rowsReply(job.done, '{"entities":[', page.from, page.to, `],${tail.slice(1)}`);
}

/** The rows of a page, and the first row of the next page: correct, unless the job has a fault. */
function pageWith(
  { fault }: Job,
  from: number,
  size: number,
  rows: number,
): { from: number; to: number; next: number | undefined } {
  const to = Math.min(from + size, rows);
  // Repeats the first page, once more than there are pages.
  if (fault === "repeat") return { from: 0, to: size, next: from < rows ? to : undefined };
  if (fault === "blank-pages") return { from: 0, to: 0, next: from + 1 };
  return { from, to, next: to < rows ? to : undefined };
}

function tooLarge(status: number): Refusal {
  return new Refusal(status, "max.response.size.reached", "The response is too large.");
}

/** "`errorBody` may explain a failure, and may be absent": every other failed job has one. */
function errorBody(job: Job, { contextId }: PageCall): { errorBody?: Record<string, unknown> } {
  if (hash(Number.parseInt(job.id.slice(0, 8), 16)) % 2 === 0) return {};
  const failure = new Refusal(500, "query.failed", "The query could not be completed. Submit it again.");
  return { errorBody: failure.body(contextId) };
}

function rowsReply(results: Results, before: string, from: number, to: number, after: string): Reply {
  return { status: 200, body: results.body(before, from, to, after) };
}

function pageOf(job: Job, query: URLSearchParams): { from: number; size: number } {
  const size = wholeParam(query, "pageSize", { fallback: 100, min: 1, max: 1000 });
  const after = query.get("after");
  return { from: after === null || after === "" ? 0 : rowAfter(job, after), size };
}

/** Opaque to clients, and bound to its job, so that a cursor of another job is rejected. */
function cursorOf(job: Job, row: number): string {
  return Buffer.from(`${row}.${hash(Number.parseInt(job.id.slice(0, 8), 16), row)}`).toString("base64url");
}

function rowAfter(job: Job, cursor: string): number {
  const row = Number(/^(\d+)\./.exec(Buffer.from(cursor, "base64url").toString())?.[1]);
  if (Number.isNaN(row) || cursorOf(job, row) !== cursor) {
    throw badField("after", "it is not a cursor of this query");
  }
  return row;
}
