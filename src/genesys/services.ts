import { createHash } from "node:crypto";
import { z } from "zod";
import { isUsageError, UsageError } from "../support/errors.ts";
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
} from "./answer/splitter.ts";
import type { GenesysClient } from "./client.ts";
import { PageWatch } from "./pages.ts";
import { type Call, TOO_LARGE, unreadableAnswer, unsoundAnswer } from "./problem.ts";

export interface Submitted {
  readonly id: string;
  /** The service's own answer, for people and pipes. */
  readonly answer: AnswerMembers;
}

/**
 * Submits a query: `POST /api/v2/usage/query` or `…/aggregates/query/jobs`. Retried like any call: a second
 * execution of a query costs one call and is never read, so nothing is counted twice.
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
    throw new UsageError("service", `The ${service} service took the query but gave no ${id}.`, {
      hint: "Submit it again; report it to Genesys if it stays so.",
    });
  }
  return { id: String(parsed.data[id]), answer: parsed.data };
}

/** One page of a query's results. */
export interface ResultsPage {
  readonly state: QueryState;
  /** The service's own word: Queued, Running, Succeeded / Complete, Failed, Cancelled. */
  readonly status: string;
  /** Why it failed, where the service says. */
  readonly reason: string | undefined;
  readonly rows: number;
  /** How many rows the page could have had: less than at first where the service refuses so many; undefined if there is only one page. */
  readonly pageSize: number | undefined;
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
  /** The answer's members beside its rows. */
  readonly members: AnswerMembers;
  /** A cursor that nothing can be asked with, which must not pass unseen. */
  readonly strayCursor: string | undefined;
}

/** For the person who reads an answer that has a stray cursor. */
export const STRAY_CURSOR =
  "The legacy service's answer has a cursor, which its documentation does not explain: the rows may not be all. Please report it.";

export interface PageRequest {
  readonly service: Service;
  readonly id: string;
  /** The cursor of the page; undefined for the first one. */
  readonly after?: string | undefined;
  /** Rows on a page, at most: what a page before this one had, where the service refused more. */
  readonly pageSize?: number | undefined;
  /** Watches over all pages of the query, the same for each; left out: over this page alone. */
  readonly watch?: PageWatch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads one page of results; the legacy service's answer is one page. `write` is given the page's rows as compact
 * NDJSON as they arrive. Where an answer breaks off it is asked for again, and `restart` is called first: what was
 * written of this page is void. A page that the service finds too large is asked for again with half the rows.
 *
 * @throws {UsageError} input, for an id of another form; service with `details.status` 404 where the id is not known, with
 *   `details.unsound` where the page cannot be right: a finished query's answer without rows, a page that was there before.
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
      const isTooLarge = isUsageError(error) && error.details["code"] === TOO_LARGE;
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
      const summary = await splitAnswer(id, call, body, async (ndjson) => {
        // An answer that is one page is large, and is not compared with others.
        if (pageSize !== undefined) hash.update(ndjson);
        await write(ndjson);
      });
      return { ...pageOf(service, id, summary, call), pageSize };
    },
    {
      query: pageSize === undefined ? {} : { pageSize, after },
      purpose: `read the results of query ${id}`,
      signal,
    },
  );
  if (page.state === "done" && pageSize !== undefined) watch.add(id, page, hash.digest("base64"));
  return page;
}

/** What is bad input from a person is a bad answer from the service. */
async function splitAnswer(
  id: string,
  call: Call,
  body: AsyncIterable<Uint8Array>,
  write: (ndjson: Uint8Array) => Promise<void>,
): Promise<SplitSummary> {
  try {
    return await splitInto(body, write);
  } catch (error) {
    if (!isUsageError(error) || error.kind !== "input") throw error;
    const message = `${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
    throw error.details["unsound"] === true
      ? unsoundAnswer(id, message.replace(/\.$/, ""))
      : unreadableAnswer(call, message, error.retryable, error);
  }
}

/** Runs a body through the splitter. */
export async function splitInto(
  body: AsyncIterable<Uint8Array>,
  write: (ndjson: Uint8Array) => Promise<void>,
  onRow?: RowListener,
): Promise<SplitSummary> {
  const splitter = new AnswerSplitter(onRow);
  for await (const chunk of body) {
    const rows = splitter.push(chunk);
    if (rows.length > 0) await write(rows);
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
    throw unreadableAnswer(call, "the answer is not of the form that is known.", false);
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
    // The legacy answer's model has cursors, though its request takes none.
    strayCursor:
      SERVICE_SPECS[service].pageSize === undefined ? (members.cursors?.after ?? undefined) : undefined,
  };
}

/** "Nothing happened" is an empty list. An answer without one says nothing, and must not pass for it. */
function checkHasRows(
  member: RowsMember,
  id: string,
  status: string,
  { rowsMembers, answers }: SplitSummary,
): void {
  if (rowsMembers[0] === member) return;
  throw unsoundAnswer(
    id,
    `the query is ${status}, but its answer has no list "${member}"${otherLists(rowsMembers[0], answers[0])}`,
  );
}

/** Where the rows may be instead, for whoever looks into it. */
function otherLists(rowsIn: RowsMember | undefined, members: AnswerMembers = {}): string {
  const lists = [
    ...(rowsIn ? [rowsIn] : []),
    ...Object.keys(members).filter((name) => Array.isArray(members[name])),
  ];
  return lists.length === 0 ? "" : ` (it has ${lists.map(quoted).join(", ")})`;
}

/** What a status means. A word that is new to us is an error, never taken for success. */
export function queryState(service: Service | undefined, status: string): QueryState {
  const state = stateOfStatus(status);
  if (state !== undefined) return state;
  const query = service === undefined ? "The query" : `The ${service} service's query`;
  throw new UsageError("service", `${query} has the unknown status ${quoted(status)}.`, {
    hint: `Known are ${knownStatuses().join(", ")}.`,
  });
}

/** `after` of a page's nextUri: only the cursor is taken, so no answer can send us elsewhere. */
function nextCursor(nextUri: string | undefined): string | undefined {
  if (nextUri === undefined || nextUri === "") return undefined;
  const base = "http://localhost";
  const after = URL.canParse(nextUri, base) ? new URL(nextUri, base).searchParams.get("after") : null;
  if (after === null || after === "") {
    throw new UsageError("service", "The answer has a next page but names no cursor for it.", {
      hint: "Run again with --debug and report it, please.",
    });
  }
  return after;
}

/** Ids come from people and pipes: a path or a URL in an id's place is a mistake, not a request. */
export function checkId(id: string): void {
  const looksLikePath = /[/\\]|\.(nd)?jsonl?$/i.test(id);
  if (/^[A-Za-z0-9][A-Za-z0-9_.:=-]{0,199}$/.test(id) && !id.includes("..") && !looksLikePath) return;
  throw new UsageError(
    "input",
    `${quoted(id)} is no execution or job id${looksLikePath ? ", it looks like a path" : ""}.`,
    {
      hint: looksLikePath
        ? "To read a file use `gc-usage rows FILE` or `gc-usage load FILE`."
        : "Use the executionId or id that `gc-usage submit` printed.",
    },
  );
}

/** The failure of a query, in words. */
export function queryFailed(
  service: Service,
  id: string,
  page: Pick<ResultsPage, "status" | "reason">,
): UsageError {
  const reason =
    page.reason === undefined ? "the service gives no reason" : page.reason.replace(/\.\s*$/, "");
  return new UsageError("failed", `Query ${id} of the ${service} service ended ${page.status}: ${reason}.`, {
    hint: "Submit it again, or ask for a shorter interval or fewer groupings.",
    details: { id, status: page.status },
  });
}
