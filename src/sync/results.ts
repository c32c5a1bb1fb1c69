import { createHash, type Hash } from "node:crypto";
import type { GenesysClient } from "../genesys/client.ts";
import { queryFailed, type ResultsPage, readResultsPage } from "../genesys/services.ts";
import type { Effects } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import type { Service } from "../usage/service.ts";
import { pollDelay } from "./fetch.ts";

export interface ResultsRequest {
  readonly client: GenesysClient;
  readonly service: Service;
  readonly id: string;
  readonly effects: Effects;
  readonly signal: AbortSignal | undefined;
  /** Wait for the query's end, at most so many milliseconds; undefined: take what is there now. */
  readonly waitMs: number | undefined;
  /** Called after each answer that says the query still runs. */
  readonly onWait: (status: string, elapsedMs: number) => void;
  /** Given each row once, as compact NDJSON, however often an answer breaks off. */
  readonly write: (ndjson: Uint8Array) => Promise<void>;
}

/**
 * Reads a query's results, all pages, and gives its last page's members.
 *
 * @throws {UsageError} failed, with the service's reason; timeout, where it still runs after `waitMs`.
 */
export async function readResults(request: ResultsRequest): Promise<ResultsPage> {
  const { client, service, id, effects, signal, waitMs } = request;
  const started = effects.now();
  const visited = new Set<string>();
  let after: string | undefined;
  let once = new WriteOnce(request.write);
  for (let polls = 0; ; ) {
    const page = await readResultsPage(
      client,
      { service, id, after, visited },
      (ndjson) => once.write(ndjson),
      () => Promise.resolve(once.restart()),
    );
    if (page.state === "failed") throw queryFailed(service, id, page);
    if (page.state === "done" || waitMs === undefined) once.end();
    if (page.state === "done") {
      if (page.next === undefined) return page;
      after = page.next;
      visited.add(after);
      once = new WriteOnce(request.write);
      continue;
    }
    if (waitMs === undefined) return page;
    const elapsed = effects.now() - started;
    if (elapsed >= waitMs) {
      throw new UsageError(
        "timeout",
        `Query ${id} is still ${page.status} after ${Math.round(elapsed / 1000)} s.`,
        {
          hint: "Ask again later with the same id, or give more time with --timeout.",
        },
      );
    }
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
  return new UsageError("service", "The answer differs from itself when it is asked for again.", {
    hint: "What was printed is not whole. Ask for it again.",
  });
}
