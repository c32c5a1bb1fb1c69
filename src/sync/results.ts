import { createHash, type Hash } from "node:crypto";
import type { GenesysClient } from "../genesys/client.ts";
import { PageWatch } from "../genesys/pages.ts";
import { queryFailed, type ResultsPage, readResultsPage } from "../genesys/services.ts";
import { type Deadline, withDeadline } from "../support/deadline.ts";
import { type Effects, monotonicOf } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import type { Service } from "../usage/service.ts";
import { pollDelay } from "./fetch.ts";

export interface ResultsRequest {
  readonly client: GenesysClient;
  readonly service: Service;
  readonly id: string;
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Wait for the query's end and read it, all in so many milliseconds at most; undefined: take what is there now. */
  readonly waitMs: number | undefined;
  /** Called after each answer that says the query still runs. */
  readonly onWait: (status: string, elapsedMs: number) => void;
  /** Given each row once, as compact NDJSON, however often an answer breaks off. */
  readonly write: (ndjson: Uint8Array) => Promise<void>;
}

/**
 * Reads a query's results, all pages, and gives its last page's members.
 *
 * @throws {UsageError} failed, with the service's reason; timeout, where it is not read to its end after `waitMs`, the time
 *   that `write` takes left out; service, with `details.unsound`, where the pages cannot be right.
 */
export async function readResults(request: ResultsRequest): Promise<ResultsPage> {
  const { id, effects, signal, waitMs } = request;
  const seen: Seen = { status: undefined };
  const late = (): UsageError =>
    new UsageError(
      "timeout",
      `Query ${id} is ${seen.status === undefined ? "not read" : `still ${seen.status}`} after ${Math.round((waitMs ?? 0) / 1000)} s.`,
      { hint: "Run the same command again later, or allow more time with --timeout." },
    );
  // Who allows less has one answer all the same: the sign-in and the first look take their time.
  const ms = waitMs === undefined ? undefined : Math.max(waitMs, FIRST_LOOK_MS);
  return await withDeadline({ effects, signal, ms, late }, (deadline) =>
    readAll(request, deadline, seen, late),
  );
}

const FIRST_LOOK_MS = 5_000;

interface Seen {
  /** The query's last status, where it had not ended. */
  status: string | undefined;
}

async function readAll(
  request: ResultsRequest,
  { signal, hold }: Deadline,
  seen: Seen,
  late: () => UsageError,
): Promise<ResultsPage> {
  const { client, service, id, effects, waitMs } = request;
  const started = monotonicOf(effects);
  const watch = new PageWatch(undefined);
  let [after, pageSize]: [string | undefined, number | undefined] = [undefined, undefined];
  const pageOnce = (): WriteOnce => new WriteOnce((bytes) => hold(() => request.write(bytes)));
  let once = pageOnce();
  for (let polls = 0; ; ) {
    const page: ResultsPage = await readResultsPage(
      client,
      { service, id, after, pageSize, watch, signal },
      (ndjson) => once.write(ndjson),
      () => Promise.resolve(once.restart()),
    );
    if (page.state === "failed") throw queryFailed(service, id, page);
    if (page.state === "done" || waitMs === undefined) once.end();
    if (page.state === "done") {
      if (page.next === undefined) return page;
      ({ next: after, pageSize } = page);
      seen.status = undefined;
      once = pageOnce();
      continue;
    }
    if (waitMs === undefined) return page;
    seen.status = page.status;
    const elapsed = monotonicOf(effects) - started;
    if (elapsed >= waitMs) throw late();
    request.onWait(page.status, elapsed);
    await effects.sleep(Math.min(pollDelay(polls++), waitMs - elapsed), signal);
  }
}

/**
 * Passes a page's bytes on once, though their source may break off and begin anew, or have rows while the query still
 * runs: the same page asked for twice is the same bytes, so what has been passed on already is compared and skipped.
 */
class WriteOnce {
  readonly #target: (bytes: Uint8Array) => Promise<void>;
  #passed = 0;
  readonly #passedHash: Hash = createHash("sha256");
  #seen = 0;
  #seenHash: Hash = createHash("sha256");

  constructor(target: (bytes: Uint8Array) => Promise<void>) {
    this.#target = target;
  }

  restart(): void {
    this.#seen = 0;
    this.#seenHash = createHash("sha256");
  }

  async write(bytes: Uint8Array): Promise<void> {
    const repeated = Math.min(this.#passed - this.#seen, bytes.length);
    if (repeated > 0) {
      this.#seenHash.update(bytes.subarray(0, repeated));
      this.#seen += repeated;
      if (this.#seen === this.#passed) this.#compare();
    }
    const fresh = bytes.subarray(repeated);
    if (fresh.length === 0) return;
    this.#seen += fresh.length;
    this.#passed = this.#seen;
    this.#passedHash.update(fresh);
    this.#seenHash.update(fresh);
    await this.#target(fresh);
  }

  /** The page is whole. @throws {UsageError} service, where it holds less than has been passed on. */
  end(): void {
    if (this.#seen < this.#passed) throw differs();
  }

  #compare(): void {
    if (this.#seenHash.copy().digest("hex") !== this.#passedHash.copy().digest("hex")) throw differs();
  }
}

function differs(): UsageError {
  return new UsageError(
    "service",
    "The service returned different data on retry, so the output is incomplete.",
    {
      hint: "Run the same command again, and use only what that prints.",
    },
  );
}
