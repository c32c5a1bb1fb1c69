import * as z from "zod";
import { abortable, type Effects, monotonicOf } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import type { ServiceClock } from "./clock.ts";
import { faultInCredential } from "./credential-text.ts";
import { type Http, readText } from "./http.ts";
import { type Call, refusalError, unreadableAnswer } from "./problem.ts";
import { type Retrying, withRetries } from "./retry.ts";
import type { ClientCredentials, Settings } from "./settings.ts";

/** The access token of a client, shared by concurrent calls. */
export interface TokenSource {
  /**
   * The current token; signs in if there is none or it is about to expire. The signal ends only this wait, not the sign-in
   * that others may share.
   */
  get(signal?: AbortSignal): Promise<string>;
  /** Reports that the service answered 401 to this token. The next `get` renews it, once for any number of such reports. */
  refused(token: string): void;
}

/** An access token given by the user, which cannot be renewed. */
export function givenToken(token: string): TokenSource {
  secrets.add(token);
  return { get: () => Promise.resolve(token), refused() {} };
}

const SignIn = z.looseObject({
  access_token: z.string().trim().min(1),
  token_type: z.string().optional().catch(undefined),
  expires_in: z.unknown().optional(),
});

interface Token {
  readonly value: string;
  /** When to renew it, on the monotonic clock in milliseconds. */
  readonly renewAt: number;
}

/** A token is renewed this long before it expires, or a tenth of its lifetime if that is less. */
const RENEW_BEFORE_MS = 60_000;
const MAX_BODY = 64 * 1024;

/** Signs in with OAuth client credentials and keeps the token in memory. Concurrent calls share one sign-in. */
export class SignInTokens implements TokenSource {
  readonly #settings: Settings;
  readonly #credentials: ClientCredentials;
  readonly #http: Http;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retrying: Retrying;
  readonly #effects: Effects;
  readonly #clock: ServiceClock;
  #token: Token | undefined;
  #signingIn: Promise<Token> | undefined;

  constructor(
    settings: Settings,
    credentials: ClientCredentials,
    http: Http,
    retrying: Retrying,
    headers: Readonly<Record<string, string>>,
    clock: ServiceClock,
  ) {
    this.#settings = settings;
    this.#credentials = credentials;
    this.#http = http;
    this.#retrying = retrying;
    this.#effects = retrying.effects;
    this.#headers = headers;
    this.#clock = clock;
    secrets.add(credentials.clientSecret);
  }

  async get(signal?: AbortSignal): Promise<string> {
    if (this.#token && monotonicOf(this.#effects) < this.#token.renewAt) return this.#token.value;
    this.#signingIn ??= this.#signIn();
    return (await abortable(this.#signingIn, signal)).value;
  }

  refused(token: string): void {
    if (this.#token?.value === token) this.#token = undefined;
  }

  async #signIn(): Promise<Token> {
    try {
      this.#token = await withRetries(() => this.#signInOnce(), this.#retrying);
      return this.#token;
    } finally {
      this.#signingIn = undefined;
    }
  }

  async #signInOnce(): Promise<Token> {
    const { clientId, clientSecret } = this.#credentials;
    const call: Call = {
      purpose: "sign in",
      method: "POST",
      url: new URL(`${this.#settings.loginBase}/oauth/token`),
    };
    const basic = Buffer.from(`${clientId}:${clientSecret}`, "utf8").toString("base64");
    secrets.add(basic);
    const { signal } = this.#retrying;
    const answer = await this.#http.send(call, {
      headers: {
        ...this.#headers,
        authorization: `Basic ${basic}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials",
      signal,
    });
    this.#clock.observe(answer.header("date"));
    try {
      const body = await readText(call, answer, MAX_BODY);
      if (answer.status < 200 || answer.status > 299) {
        throw this.#refusal(refusalError(call, { ...answer, body }, this.#clock.now()));
      }
      return this.#tokenOf(call, body);
    } finally {
      answer.discard();
    }
  }

  #tokenOf(call: Call, body: string): Token {
    const parsed = SignIn.safeParse(parseJson(body));
    if (!parsed.success) throw unreadableAnswer(call, "the response has no access token.", false);
    const { access_token: value, token_type: type = "bearer", expires_in: seconds } = parsed.data;
    secrets.add(value);
    const fault = faultInCredential(value);
    if (fault !== undefined)
      throw unreadableAnswer(call, `the access token in the response ${fault}.`, false);
    if (type.toLowerCase() !== "bearer")
      throw unreadableAnswer(call, `unsupported token type ${quoted(type)} (expected bearer).`, false);
    const lifeMs = lifeOf(seconds);
    const renewAt = monotonicOf(this.#effects) + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 10);
    return { value, renewAt };
  }

  /** Genesys answers 400 (`invalid_client`) or 401 to wrong credentials, and to correct ones in the wrong region. */
  #refusal(error: GcUsageError): GcUsageError {
    const status = error.details["status"];
    if (status !== 400 && status !== 401 && status !== 403) return error;
    const { sources } = this.#settings;
    return new GcUsageError("credentials", error.message, {
      hint:
        `Check the client id (from ${sources.clientId ?? "the caller"}) and the client secret (from ` +
        `${sources.clientSecret ?? "the caller"}). Check that the client belongs to this region ` +
        `(from ${sources.place}). It must be an OAuth client with the grant type Client Credentials.`,
      details: error.details,
      cause: error,
    });
  }
}

/**
 * The lifetime of a token in milliseconds, from `expires_in` in seconds; some gateways send it as text. RFC 6749, 5.1, only
 * recommends it: without a usable value, the token is used until the service rejects it.
 */
function lifeOf(expiresIn: unknown): number {
  const isText = typeof expiresIn === "string" && expiresIn.trim() !== "";
  const seconds = isText || typeof expiresIn === "number" ? Number(expiresIn) : Number.NaN;
  return seconds > 0 && seconds <= MAX_LIFE_S ? seconds * 1000 : MAX_LIFE_S * 1000;
}

/** Ten years, longer than any real lifetime. */
const MAX_LIFE_S = 315_360_000;

/** Discards the parse error, whose message may quote the token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
