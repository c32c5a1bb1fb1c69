import { createHash, type Hash } from "node:crypto";
import type { GenesysClient } from "../genesys/client.ts";
import { PageWatch } from "../genesys/pages.ts";
import { queryFailed, type ResultsPage, readResultsPage } from "../genesys/services.ts";
import { type Deadline, withDeadline } from "../support/deadline.ts";
import { type Effects, monotonicOf, realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Service } from "../usage/service.ts";
import { pollDelay } from "./fetch.ts";

export interface ResultsRequest {
  readonly client: GenesysClient;
  readonly service: Service;
  readonly id: string;
  readonly effects?: Effects | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the query and read it, in milliseconds; undefined: return what is available now. */
  readonly waitMs?: number | undefined;
  /** Called after each response that says the query is still running. */
  readonly onWait?: (status: string, elapsedMs: number) => void;
  /** Called with each row once, as compact NDJSON, however often a response is interrupted. */
  readonly write: (ndjson: Uint8Array) => Promise<void>;
}

/**
 * Reads all pages of a query's results and returns the members of its last page.
 *
 * @throws {GcUsageError} failed, with the service's reason; timeout, if it is not completely read after `waitMs`, not
 *   counting the time that `write` takes; service, with `details.unsound`, if the pages cannot be right.
 */
export async function readResults(request: ResultsRequest): Promise<ResultsPage> {
  const { id, effects = realEffects, signal, waitMs } = request;
  const seen: Seen = { status: undefined };
  const late = (): GcUsageError =>
    new GcUsageError(
      "timeout",
      `Query ${id} is ${seen.status === undefined ? "not read" : `still ${seen.status}`} after ${Math.round((waitMs ?? 0) / 1000)} s.`,
      { hint: "Run the same command again later, or allow more time with --timeout." },
    );
  // Even a shorter limit gets one response: the sign-in and the first request take their time.
  const ms = waitMs === undefined ? undefined : Math.max(waitMs, FIRST_LOOK_MS);
  return await withDeadline({ effects, signal, ms, late }, (deadline) =>
    readAll(request, deadline, seen, late),
  );
}

const FIRST_LOOK_MS = 5_000;

interface Seen {
  /** The query's last status, if it had not ended. */
  status: string | undefined;
}

async function readAll(
  request: ResultsRequest,
  { signal, hold }: Deadline,
  seen: Seen,
  late: () => GcUsageError,
): Promise<ResultsPage> {
  const { client, service, id, effects = realEffects, waitMs } = request;
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
    request.onWait?.(page.status, elapsed);
    await effects.sleep(Math.min(pollDelay(polls++), waitMs - elapsed), signal);
  }
}

/**
 * Passes a page's bytes on once, although their source may be interrupted and start over, or have rows while the query is
 * still running. The same page has the same bytes each time, so bytes already passed on are compared and skipped.
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
    await this.#target(fresh);
  }

  /** Call when the page is complete. @throws {GcUsageError} service, if it has fewer bytes than were passed on. */
  end(): void {
    if (this.#seen < this.#passed) throw differs();
  }

  #compare(): void {
    if (this.#seenHash.copy().digest("hex") !== this.#passedHash.copy().digest("hex")) throw differs();
  }
}

function differs(): GcUsageError {
  return new GcUsageError(
    "service",
    "The service returned different data on retry, so the output is incomplete.",
    {
      hint: "Run the same command again and discard this output.",
    },
  );
}
