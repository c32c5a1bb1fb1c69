import { setMaxListeners } from "node:events";
import {
  type Effects,
  joinSignals,
  type Log,
  monotonicOf,
  realEffects,
  silentLog,
  tellWait,
} from "../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { type Caller, isUuid } from "../usage/organization.ts";
import { ServiceClock } from "./clock.ts";
import { type Answer, Http, readText, TIMEOUTS, type Timeouts } from "./http.ts";
import { Limiter, parseRateLimit, type RateLimit } from "./limiter.ts";
import { type Call, nameOf, refusalError, unreadableAnswer } from "./problem.ts";
import {
  parseRetryAfter,
  RETRY,
  type Retrying,
  type RetryPolicy,
  retryAfterOf,
  withRetries,
} from "./retry.ts";
import type { Settings } from "./settings.ts";
import { givenToken, SignInTokens, type TokenSource } from "./token.ts";

export type Method = "GET" | "POST";

export interface ClientOptions {
  readonly effects?: Effects;
  readonly log?: Log;
  /** Ends every call, wait and retry: they reject with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly retry?: Partial<RetryPolicy>;
  readonly timeouts?: Partial<Timeouts>;
  /** `gc-usage/1.2.3` */
  readonly userAgent?: string;
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** What the call does. Completes "Could not …" in messages: "submit the query". */
  readonly purpose?: string;
  /** Ends this call, its waits and its retries, like the client's own signal. */
  readonly signal?: AbortSignal | undefined;
}

export interface ClientStats {
  /** HTTP calls to the API; each retry counts. Sign-ins are not included. */
  readonly calls: number;
  readonly retries: number;
  /** Responses with status 429. */
  readonly throttled: number;
}

/** Any response, successful or not, for callers that want to inspect it. */
export interface Probe {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly rateLimit: RateLimit | undefined;
  /** The error that the response stands for; undefined on success. */
  readonly refusal: GcUsageError | undefined;
}

/** What the current rate limit means for the next calls. */
export interface RateForecast {
  /** Milliseconds until the next call may start; 0 if it need not wait. */
  readonly delayMs: number;
  /** The minimum time for this many more calls, in milliseconds, if no other client uses the token. */
  timeFor(calls: number): number;
}

const MAX_JSON = 64 * 2 ** 20;
const MAX_REFUSAL = 2 ** 20;
/** Until the first response, a wrong host is more likely than a temporary failure, so give up early. */
const ATTEMPTS_UNREACHED = 3;
/** How often one call renews the token in a row. A new token can be lost right away (docs/decisions/retrying.md). */
const MAX_RENEWALS = 4;
/** Shorter waits are not reported. */
const TELL_WAIT_MS = 5_000;

interface Attempt<T> {
  readonly call: Call;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly accepts: (status: number) => boolean;
  readonly use: (answer: Answer) => Promise<T>;
}

/**
 * Calls one Genesys Cloud organization: signs in, respects the rate limit, and retries failures that may be temporary.
 * docs/decisions/retrying.md says when, and why retrying a submit is safe. Safe for concurrent calls.
 *
 * Every call rejects with a GcUsageError or the signal's reason. Kinds: "credentials"; "permission" (`details.permissions`
 * lists what is missing); "input" (the service rejected the request with 400); "service" (`details.status` if there was a
 * response, for example 404 for an unknown id). Genesys support asks for `details.contextId`.
 */
export class GenesysClient {
  /** The service's clock, known after the first response. */
  readonly clock: ServiceClock;
  readonly #settings: Settings;
  readonly #effects: Effects;
  readonly #log: Log;
  readonly #signal: AbortSignal | undefined;
  readonly #http: Http;
  readonly #tokens: TokenSource;
  readonly #limiter: Limiter;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retrying: Retrying;
  readonly #stats = { calls: 0, retries: 0, throttled: 0 };

  constructor(settings: Settings, options: ClientOptions = {}) {
    this.#settings = settings;
    this.#effects = options.effects ?? realEffects;
    this.#log = options.log ?? silentLog;
    this.#signal = options.signal;
    // Each call in progress listens to the signal, and Node warns of a leak from the eleventh listener on.
    if (this.#signal) setMaxListeners(0, this.#signal);
    this.#http = new Http(settings.proxies, { ...TIMEOUTS, ...options.timeouts });
    this.#limiter = new Limiter(this.#effects, (ms) => this.#onLimitWait(ms));
    this.clock = new ServiceClock(this.#effects);
    this.#headers = { "user-agent": options.userAgent ?? "gc-usage" };
    const policy = { ...RETRY, ...options.retry };
    const impatient = { ...policy, maxAttempts: Math.min(policy.maxAttempts, ATTEMPTS_UNREACHED) };
    this.#retrying = {
      policy: () => (this.#http.reached ? policy : impatient),
      effects: this.#effects,
      signal: this.#signal,
      onRetry: (error, waitMs, attempt) => this.#onRetry(error, waitMs, attempt),
    };
    const { credentials } = settings;
    this.#tokens =
      credentials.kind === "token"
        ? givenToken(credentials.accessToken)
        : new SignInTokens(settings, credentials, this.#http, this.#retrying, this.#headers, this.clock);
  }

  get stats(): ClientStats {
    return { ...this.#stats };
  }

  /** The region and client id of the calls, without secrets. An id that is not a UUID may be a misplaced secret. */
  get caller(): Caller {
    const { region, credentials } = this.#settings;
    const id = credentials.kind === "client" ? credentials.clientId : undefined;
    return { region, clientId: id !== undefined && isUuid(id) ? id : undefined };
  }

  /** What the current rate limit means for the next calls, as far as it is known. */
  get rateLimit(): RateForecast {
    return this.#limiter;
  }

  /**
   * Signs in and learns the service's time. A given access token needs no sign-in, so it makes one call that
   * every token is allowed to make.
   */
  async signIn(signal?: AbortSignal): Promise<void> {
    await this.#tokens.get(signal);
    if (this.clock.isKnown) return;
    await this.probe("GET", "/api/v2/organizations/me", { purpose: "read the organization", signal });
  }

  /**
   * Makes a call with a small response: reads it whole (at most 64 MB) and parses it. Undefined for 204.
   * `path` begins with a slash and may have a query string, for example "/api/v2/usage/query" or a `nextUri`.
   */
  json(method: Method, path: string, options: CallOptions = {}): Promise<unknown> {
    const call = this.#callOf(method, path, options);
    return this.#run(call, options, isSuccess, async (answer) => {
      if (answer.status === 204) return undefined;
      const text = await readText(call, answer, MAX_JSON);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw unreadableAnswer(call, "the response is incomplete or not JSON.", true);
      }
    });
  }

  /**
   * Makes a call with a response of any size. `consume` gets the body as it arrives, with backpressure, and the call as
   * messages name it.
   * After a failure that may be temporary, even in mid-body, or a retryable GcUsageError from `consume`, the call is repeated
   * and `consume` is called again: it must discard what it had. A body without a length can end early unnoticed, so
   * `consume` must recognize the end of what it reads.
   */
  read<T>(
    method: Method,
    path: string,
    consume: (body: AsyncIterable<Uint8Array>, call: Call) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const call = this.#callOf(method, path, options);
    return this.#run(call, options, isSuccess, (answer) => consume(answer.body, call));
  }

  /** Makes a call whose response matters whatever its status. Retries only failures that may be temporary. */
  probe(method: Method, path: string, options: CallOptions = {}): Promise<Probe> {
    const call = this.#callOf(method, path, options);
    const settled = (status: number): boolean => isSuccess(status) || (status !== 401 && status < 429);
    return this.#run(call, options, settled, async (answer) => ({
      status: answer.status,
      header: answer.header,
      rateLimit: parseRateLimit(answer.header),
      refusal: isSuccess(answer.status) ? undefined : await this.#refusal(call, answer),
    }));
  }

  /** Closes the connections; calls in progress fail. */
  close(): Promise<void> {
    return this.#http.close();
  }

  #callOf(method: Method, path: string, options: CallOptions): Call {
    if (!path.startsWith("/")) throw new TypeError(`Invalid API path "${path}": expected a leading slash`);
    const url = new URL(`${this.#settings.apiBase}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return { purpose: options.purpose ?? "call the Genesys Cloud API", method, url };
  }

  async #run<T>(
    call: Call,
    { body, signal: own }: CallOptions,
    accepts: Attempt<T>["accepts"],
    use: Attempt<T>["use"],
  ): Promise<T> {
    const { signal, release } = joinSignals(this.#signal, own);
    const attempt = {
      call,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      accepts,
      use,
    };
    try {
      return await withRetries(() => this.#attempt(attempt), { ...this.#retrying, signal });
    } finally {
      release();
    }
  }

  /** One attempt. A 401 renews the token and repeats the call at once. */
  async #attempt<T>(attempt: Attempt<T>): Promise<T> {
    for (let renewals = 0; ; renewals++) {
      let token = "";
      try {
        return await this.#once(attempt, (used) => {
          token = used;
        });
      } catch (error) {
        if (!isGcUsageError(error) || error.details["status"] !== 401 || token === "") throw error;
        if (this.#settings.credentials.kind === "token" || renewals === MAX_RENEWALS)
          throw this.#refusedToken(error);
        this.#log.debug(`${nameOf(attempt.call)}: 401; signing in again`);
        this.#tokens.refused(token);
      }
    }
  }

  #refusedToken(error: GcUsageError): GcUsageError {
    const { credentials, sources } = this.#settings;
    const hint =
      credentials.kind === "token"
        ? `The access token (from ${sources.accessToken ?? "the caller"}) has expired or belongs to another region. It cannot be ` +
          "renewed: set a new one, or a client id and secret."
        : "New tokens were rejected, too. Check that the region and the gateway belong to the client's organization.";
    return new GcUsageError("credentials", error.message, { hint, details: error.details, cause: error });
  }

  async #once<T>(attempt: Attempt<T>, onToken: (token: string) => void): Promise<T> {
    const { call, accepts, use } = attempt;
    const answer = await this.#send(attempt, onToken);
    try {
      if (!accepts(answer.status)) throw await this.#refusal(call, answer);
      if (isSuccess(answer.status) && (answer.header("content-type") ?? "").includes("text/html")) {
        throw unreadableAnswer(call, "the response is a web page, not JSON.", false);
      }
      return await use(answer);
    } finally {
      answer.discard();
    }
  }

  /** Sends the call when the rate limit allows it, and updates the limiter and the clock from the response. */
  async #send({ call, body, signal }: Attempt<unknown>, onToken: (token: string) => void): Promise<Answer> {
    const began = monotonicOf(this.#effects);
    const grant = await this.#limiter.acquire(signal);
    this.#waited(call, monotonicOf(this.#effects) - began);
    let limit: RateLimit | undefined;
    try {
      const token = await this.#tokens.get(signal);
      this.#stats.calls++;
      const sent = monotonicOf(this.#effects);
      const answer = await this.#http.send(call, {
        headers: {
          ...this.#headers,
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body,
        signal,
      });
      this.#log.debug(
        `${nameOf(call)}: ${answer.status} after ${Math.round(monotonicOf(this.#effects) - sent)} ms`,
      );
      this.clock.observe(answer.header("date"));
      limit = parseRateLimit(answer.header);
      onToken(token);
      if (answer.status === 429)
        this.#throttled(parseRetryAfter(answer.header("retry-after"), undefined, this.clock.now()));
      return answer;
    } finally {
      this.#limiter.settle(grant, limit);
    }
  }

  async #refusal(call: Call, answer: Answer): Promise<GcUsageError> {
    const body = await readText(call, answer, MAX_REFUSAL);
    const error = refusalError(call, { ...answer, body }, this.clock.now());
    if (answer.status === 429) this.#pause(retryAfterOf(error));
    return error;
  }

  #throttled(retryAfterMs: number | undefined): void {
    this.#stats.throttled++;
    this.#pause(retryAfterMs);
  }

  /** If one call has to wait, all wait. Not beyond the cap: that call fails, and the others find out for themselves. */
  #pause(ms: number | undefined): void {
    if (ms !== undefined && ms <= this.#retrying.policy().retryAfterCapMs) this.#limiter.pause(ms);
  }

  #waited(call: Call, ms: number): void {
    if (ms >= TELL_WAIT_MS)
      this.#log.debug(`${nameOf(call)}: waited ${Math.round(ms)} ms for the rate limit`);
  }

  #onLimitWait(ms: number): void {
    tellWait(this.#log, `Rate limit: next call in ${Math.ceil(ms / 1000)} s.`);
  }

  #onRetry(error: GcUsageError, waitMs: number, attempt: number): void {
    this.#stats.retries++;
    const text = `${error.message} Retrying in ${(waitMs / 1000).toFixed(1)} s (attempt ${attempt} of ${this.#retrying.policy().maxAttempts}).`;
    if (waitMs >= TELL_WAIT_MS) this.#log.info(text);
    else this.#log.debug(text);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}
