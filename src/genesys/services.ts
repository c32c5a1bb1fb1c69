import { createHash } from "node:crypto";
import * as z from "zod";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { QueryBody } from "../usage/query.ts";
import { knownStatuses, SERVICE_SPECS, type Service, stateOfStatus } from "../usage/service.ts";
import type { QueryState } from "../usage/services/spec.ts";
import {
  type AnswerMembers,
  AnswerSplitter,
  type RowListener,
  type RowsMember,
  type SplitSummary,
  type SplitterOptions,
} from "./answer/splitter.ts";
import type { GenesysClient } from "./client.ts";
import { PageWatch } from "./pages.ts";
import { type Call, TOO_LARGE, unreadableAnswer, unsoundAnswer } from "./problem.ts";

export interface Submitted {
  readonly id: string;
  /** The service's own response, for people and pipes. */
  readonly answer: AnswerMembers;
}

/**
 * Submits a query: `POST /api/v2/usage/query` or `…/aggregates/query/jobs`. Retried like any call: an accidental second
 * execution costs one call and its results are never read, so nothing is counted twice.
 */
export async function submitQuery(
  client: GenesysClient,
  service: Service,
  body: QueryBody,
  signal?: AbortSignal,
): Promise<Submitted> {
  const { submit, idMember: id } = SERVICE_SPECS[service];
  const answer = await client.json("POST", submit, { body, purpose: "submit the query", signal });
  const parsed = z.looseObject({ [id]: z.string().min(1) }).safeParse(answer);
  if (!parsed.success) {
    throw new GcUsageError("service", `The ${service} service accepted the query but returned no ${id}.`, {
      hint: "Submit the query again. If the error persists, report it to Genesys.",
    });
  }
  return { id: String(parsed.data[id]), answer: parsed.data };
}

/** One page of a query's results. */
export interface ResultsPage {
  readonly state: QueryState;
  /** The service's own status: Queued, Running, Succeeded / Complete, Failed, Cancelled. */
  readonly status: string;
  /** Why the query failed, if the service says. */
  readonly reason: string | undefined;
  readonly rows: number;
  /** The page size used, after reductions for pages that the service found too large; undefined if there is only one page. */
  readonly pageSize: number | undefined;
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
  /** The response's members other than its rows. */
  readonly members: AnswerMembers;
  /** A cursor that no request can use. It must be reported. */
  readonly strayCursor: string | undefined;
}

/** The warning for a response with a stray cursor. */
export const STRAY_CURSOR =
  "The legacy service's response has an undocumented cursor, so rows may be missing. Please report it.";

export interface PageRequest {
  readonly service: Service;
  readonly id: string;
  /** The cursor of the page; undefined for the first page. */
  readonly after?: string | undefined;
  /** Maximum number of rows on a page: the size of the previous page, if the service found more too large. */
  readonly pageSize?: number | undefined;
  /** Checks all pages of the query; pass the same for each page. Default: check only this page. */
  readonly watch?: PageWatch | undefined;
  /** True if the rows' bytes are needed only until `write` resolves. This saves memory. */
  readonly isLent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads one page of results; the legacy service has only one page. `write` gets the page's rows as compact NDJSON as they
 * arrive. If a response is interrupted it is refetched, and `restart` is called first: discard what was written of this
 * page. A page that the service finds too large is requested again with half the rows.
 *
 * @throws {GcUsageError} input, for a malformed id; service, with `details.status` 404 for an unknown id, or with
 *   `details.unsound` if the page cannot be right: a finished query without a list of rows, or a repeated page.
 */
export async function readResultsPage(
  client: GenesysClient,
  request: PageRequest,
  write: (ndjson: Uint8Array) => Promise<void>,
  restart: () => Promise<void>,
): Promise<ResultsPage> {
  checkId(request.id);
  let pageSize = request.pageSize ?? SERVICE_SPECS[request.service].pageSize;
  for (;;) {
    try {
      return await readPage(client, { ...request, pageSize }, write, restart);
    } catch (error) {
      const isTooLarge = isGcUsageError(error) && error.details["code"] === TOO_LARGE;
      if (!isTooLarge || pageSize === undefined || pageSize === 1) throw error;
      pageSize = Math.floor(pageSize / 2);
    }
  }
}

async function readPage(
  client: GenesysClient,
  {
    service,
    id,
    after,
    pageSize,
    watch = new PageWatch(after),
    isLent = false,
    signal,
  }: PageRequest & { readonly pageSize: number | undefined },
  write: (ndjson: Uint8Array) => Promise<void>,
  restart: () => Promise<void>,
): Promise<ResultsPage> {
  let hash = createHash("sha256");
  const page = await client.read(
    "GET",
    SERVICE_SPECS[service].results(encodeURIComponent(id)),
    async (body, call) => {
      await restart();
      hash = createHash("sha256");
      const summary = await splitAnswer(id, call, body, {
        isLent,
        write: async (ndjson) => {
          // A response without pages is large, and there is nothing to compare it with.
          if (pageSize !== undefined) hash.update(ndjson);
          await write(ndjson);
        },
      });
      return { ...pageOf(service, id, summary, call), pageSize };
    },
    {
      query: pageSize === undefined ? {} : { pageSize, after },
      purpose: `read the results of query ${id}`,
      signal,
    },
  );
  if (page.state === "done" && pageSize !== undefined) {
    const problem = watch.problemWith(page, hash.digest("base64"));
    if (problem !== undefined) throw unsoundAnswer(id, problem);
  }
  return page;
}

/** What would be bad input from a person is a bad response from the service. */
async function splitAnswer(
  id: string,
  call: Call,
  body: AsyncIterable<Uint8Array>,
  { write, isLent }: { readonly write: (ndjson: Uint8Array) => Promise<void>; readonly isLent: boolean },
): Promise<SplitSummary> {
  try {
    return await splitInto(body, write, undefined, { isLent });
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "input") throw error;
    const message = `${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
    throw error.details["unsound"] === true
      ? unsoundAnswer(id, message.replace(/\.$/, ""))
      : unreadableAnswer(call, message, error.retryable, error);
  }
}

/**
 * Passes a body through the splitter. Splits the next rows while `write` is busy with the previous ones, unless their bytes are
 * lent to it.
 */
export async function splitInto(
  body: AsyncIterable<Uint8Array>,
  write: (ndjson: Uint8Array) => Promise<void>,
  onRow?: RowListener,
  options: SplitterOptions = {},
): Promise<SplitSummary> {
  const splitter = new AnswerSplitter(onRow, options);
  let writing = Promise.resolve();
  try {
    for await (const chunk of body) {
      const rows = splitter.push(chunk);
      await writing;
      if (rows.length > 0) {
        writing = write(rows);
        if (options.isLent) await writing;
        // Its failure is thrown by the next `await`.
        writing.catch(() => {});
      }
    }
  } finally {
    await writing;
  }
  return splitter.end();
}

const MEMBERS = z.looseObject({
  queryStatus: z.string().optional(),
  nextUri: z.string().nullish(),
  cursors: z.looseObject({ after: z.string().nullish() }).nullish(),
  errorBody: z.looseObject({ message: z.string().nullish(), code: z.string().nullish() }).nullish(),
});

function pageOf(
  service: Service,
  id: string,
  summary: SplitSummary,
  call: Call,
): Omit<ResultsPage, "pageSize"> {
  const parsed = MEMBERS.safeParse(summary.answers[0]);
  if (!parsed.success || summary.answers.length !== 1) {
    throw unreadableAnswer(call, "the response has an unknown format.", false);
  }
  const members = parsed.data;
  const status = members.queryStatus ?? "";
  const state = queryState(service, status);
  if (state === "done") checkHasRows(SERVICE_SPECS[service].rowsMember, id, status, summary);
  return {
    state,
    status,
    reason: members.errorBody?.message ?? members.errorBody?.code ?? undefined,
    rows: summary.rows,
    next: nextCursor(members.nextUri ?? undefined),
    members: summary.answers[0] ?? {},
    // The legacy response's model has cursors, although its request takes none.
    strayCursor:
      SERVICE_SPECS[service].pageSize === undefined ? (members.cursors?.after ?? undefined) : undefined,
  };
}

/** No usage is an empty list. A response without any list proves nothing and must not be taken for one. */
function checkHasRows(
  member: RowsMember,
  id: string,
  status: string,
  { rowsMembers, answers }: SplitSummary,
): void {
  if (rowsMembers[0] === member) return;
  throw unsoundAnswer(
    id,
    `the query is ${status}, but its response has no list "${member}"${otherLists(rowsMembers[0], answers[0])}`,
  );
}

/** Other lists in the response, to help find the rows. */
function otherLists(rowsIn: RowsMember | undefined, members: AnswerMembers = {}): string {
  const lists = [
    ...(rowsIn ? [rowsIn] : []),
    ...Object.keys(members).filter((name) => Array.isArray(members[name])),
  ];
  return lists.length === 0 ? "" : ` (it has ${lists.map(quoted).join(", ")})`;
}

/** The state for a status. An unknown status is an error, never a success. */
export function queryState(service: Service | undefined, status: string): QueryState {
  const state = stateOfStatus(status);
  if (state !== undefined) return state;
  const query = service === undefined ? "The query" : `The ${service} service's query`;
  throw new GcUsageError("service", `${query} has the unknown status ${quoted(status)}.`, {
    hint: `Known statuses: ${knownStatuses().join(", ")}.`,
  });
}

/** `after` of a page's nextUri. Only the cursor is used, so a response cannot redirect the calls elsewhere. */
function nextCursor(nextUri: string | undefined): string | undefined {
  if (nextUri === undefined || nextUri === "") return undefined;
  const base = "http://localhost";
  const after = URL.canParse(nextUri, base) ? new URL(nextUri, base).searchParams.get("after") : null;
  if (after === null || after === "") {
    throw new GcUsageError("service", "The response has a next page but no cursor for it.", {
      hint: "Run the same command again with --debug and report the output, please.",
    });
  }
  return after;
}

/** Ids come from people and pipes. A path or a URL instead of an id is a mistake and must not become a request. */
export function checkId(id: string): void {
  const looksLikePath = /[/\\]|\.(nd)?jsonl?$/i.test(id);
  if (/^[A-Za-z0-9][A-Za-z0-9_.:=-]{0,199}$/.test(id) && !id.includes("..") && !looksLikePath) return;
  throw new GcUsageError(
    "input",
    `Invalid execution or job id: ${quoted(id)}${looksLikePath ? " looks like a path" : ""}.`,
    {
      hint: looksLikePath
        ? "To read a file, run `gc-usage rows FILE` or `gc-usage load FILE`."
        : "Use the executionId or id from the output of `gc-usage submit`.",
    },
  );
}

/** The error for a query that failed or was canceled. */
export function queryFailed(
  service: Service,
  id: string,
  page: Pick<ResultsPage, "status" | "reason">,
): GcUsageError {
  const reason = page.reason === undefined ? "the service gave no reason" : page.reason.replace(/\.\s*$/, "");
  return new GcUsageError(
    "failed",
    `Query ${id} of the ${service} service ended with status ${page.status}: ${reason}.`,
    {
      hint: "Submit it again, or query a shorter interval or use fewer groupings.",
      details: { id, status: page.status },
    },
  );
}
