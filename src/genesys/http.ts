import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import { proxyingDispatcher, sendRequest } from "../environment/dispatcher.ts";
import { NO_PROXIES, type ProxyRules, proxyRefusal } from "../environment/proxies.ts";
import { isGcUsageError } from "../support/errors.ts";
import { type Call, networkError, unreadableAnswer } from "./problem.ts";

export interface Timeouts {
  /** Time until a response begins, in milliseconds. */
  readonly headersMs: number;
  /** Time between two chunks of a body, in milliseconds. */
  readonly idleMs: number;
  /** Time spent waiting for chunks, in milliseconds, in which at least MIN_BYTES must arrive. */
  readonly paceMs: number;
}

export const TIMEOUTS: Timeouts = { headersMs: 120_000, idleMs: 60_000, paceMs: 120_000 };

/** A slower body, such as a byte now and then, would never complete. */
const MIN_BYTES = 8 * 1024;

export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /**
   * The body, gunzipped, read only as fast as it is consumed. A body that is truncated, reset or stalled throws a
   * retryable GcUsageError; it never looks complete. Can be consumed once.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Frees the connection. Call it when done, even if the body was not read. */
  readonly discard: () => void;
}

export interface Outgoing {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** HTTP for one client: keeps connections alive and uses each host's proxy, if any. */
export class Http {
  readonly #rules: ProxyRules;
  readonly #agent: Dispatcher;
  readonly #timeouts: Timeouts;
  /** True after the first response. */
  reached = false;

  constructor(rules: ProxyRules = NO_PROXIES, timeouts: Timeouts = TIMEOUTS) {
    this.#rules = rules;
    this.#agent = proxyingDispatcher(rules);
    this.#timeouts = timeouts;
  }

  /** Makes one HTTP call. Redirects are not followed, so credentials go to no other host. */
  async send(call: Call, { headers, body, signal }: Outgoing): Promise<Answer> {
    signal?.throwIfAborted();
    const { proxy } = this.#rules.routeTo(call.url);
    let response: Dispatcher.ResponseData;
    try {
      response = await sendRequest(this.#agent, call.url, {
        method: call.method,
        headers: { accept: "application/json", "accept-encoding": "gzip", ...headers },
        body: body ?? null,
        signal: signal ?? null,
        headersTimeout: this.#timeouts.headersMs,
        bodyTimeout: this.#timeouts.idleMs,
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw networkError(call, error, proxy);
    }
    this.reached = true;
    const { statusCode, headers: received, body: stream } = response;
    // A body may fail before anybody reads it; the reader gets the error later.
    stream.on("error", () => {});
    if (statusCode === 407 && proxy !== undefined) {
      stream.destroy();
      throw proxyRefusal(proxy, statusCode, call.url.host);
    }
    const header = (name: string): string | undefined => {
      const value = received[name];
      return Array.isArray(value) ? value.join(", ") : value;
    };
    return {
      status: statusCode,
      header,
      body: decode(call, stream, {
        encoding: header("content-encoding"),
        signal,
        paceMs: this.#timeouts.paceMs,
      }),
      discard: () => {
        stream.destroy();
      },
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

async function* decode(
  call: Call,
  stream: Readable,
  {
    encoding,
    signal,
    paceMs,
  }: { encoding: string | undefined; signal: AbortSignal | undefined; paceMs: number },
): AsyncGenerator<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? "";
  if (!["", "identity", "gzip", "x-gzip"].includes(name)) {
    throw unreadableAnswer(
      call,
      `the response has the unsupported content-encoding "${name}" (expected gzip or none).`,
      false,
    );
  }
  try {
    const coming = paced(call, stream, paceMs);
    const plain = name.endsWith("gzip") ? gunzip(coming, stream) : coming;
    for await (const chunk of plain as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw isGcUsageError(error) ? error : networkError(call, error);
  }
}

/** Counts only the time spent waiting for the sender: the reader may be as slow as it likes. */
async function* paced(call: Call, stream: Readable, paceMs: number): AsyncGenerator<Uint8Array> {
  let [waitedMs, bytes] = [0, 0];
  const chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const began = performance.now();
      const next = await chunks.next();
      if (next.done) return;
      const { value } = next;
      waitedMs += performance.now() - began;
      bytes += value.length;
      if (bytes >= MIN_BYTES) [waitedMs, bytes] = [0, 0];
      else if (waitedMs > paceMs)
        throw unreadableAnswer(
          call,
          `the response is too slow: ${bytes} bytes in ${Math.round(waitedMs / 1000)} s.`,
          true,
        );
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

/**
 * `pipe` forwards no errors, and `pipeline` would hide the connection's error behind "premature close". The stream is read
 * as an iterable, which takes everything that has arrived. `pipe` takes one chunk each time it resumes while undici keeps
 * reading and puts the rest back, so time and memory would grow with the size of the response.
 */
function gunzip(coming: AsyncIterable<Uint8Array>, stream: Readable): Readable {
  const out = createGunzip({ chunkSize: 64 * 1024 });
  const source = Readable.from(coming, { objectMode: false });
  source.on("error", (error) => out.destroy(error));
  out.on("close", () => stream.destroy());
  return source.pipe(out);
}

/** The whole body as text, for bodies that are known to be short. */
export async function readText(call: Call, answer: Answer, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxBytes) {
      throw unreadableAnswer(call, `the response is larger than ${maxBytes / 2 ** 20} MB.`, false);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
