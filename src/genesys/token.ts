import { z } from "zod";
import type { Effects } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { type Http, readText } from "./http.ts";
import { type Call, refusalError, unreadableAnswer } from "./problem.ts";
import { type Retrying, withRetries } from "./retry.ts";
import type { ClientCredentials, Settings } from "./settings.ts";

/** The access token of a client, for as many calls at once as there are. */
export interface TokenSource {
  /** The token to use now; signs in where there is none or it is about to expire. */
  get(): Promise<string>;
  /** The service answered 401 to this token: the next `get` renews it, once however many calls say so. */
  refused(token: string): void;
}

/** An access token that somebody gave us: it cannot be renewed. */
export function givenToken(token: string): TokenSource {
  secrets.add(token);
  return { get: () => Promise.resolve(token), refused() {} };
}

const SignIn = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.number().positive().optional(),
});

interface Token {
  readonly value: string;
  /** Milliseconds since 1970 from which it is renewed. */
  readonly renewAt: number;
}

/** A token is renewed this long before it expires, or a tenth of its life where that is less. */
const RENEW_BEFORE_MS = 60_000;
const MAX_BODY = 64 * 1024;

/** Signs in with OAuth client credentials and keeps the token in memory; calls at the same time share one sign-in. */
export class SignInTokens implements TokenSource {
  readonly #settings: Settings;
  readonly #credentials: ClientCredentials;
  readonly #http: Http;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retrying: Retrying;
  readonly #effects: Effects;
  #token: Token | undefined;
  #signingIn: Promise<Token> | undefined;

  constructor(
    settings: Settings,
    credentials: ClientCredentials,
    http: Http,
    retrying: Retrying,
    headers: Readonly<Record<string, string>>,
  ) {
    this.#settings = settings;
    this.#credentials = credentials;
    this.#http = http;
    this.#retrying = retrying;
    this.#effects = retrying.effects;
    this.#headers = headers;
    secrets.add(credentials.clientSecret);
  }

  async get(): Promise<string> {
    if (this.#token && this.#effects.now() < this.#token.renewAt) return this.#token.value;
    this.#signingIn ??= this.#signIn();
    return (await this.#signingIn).value;
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
    try {
      const body = await readText(call, answer, MAX_BODY);
      if (answer.status < 200 || answer.status > 299) {
        throw this.#refusal(refusalError(call, { ...answer, body }, this.#effects.now()));
      }
      return this.#tokenOf(call, body);
    } finally {
      answer.discard();
    }
  }

  #tokenOf(call: Call, body: string): Token {
    const parsed = SignIn.safeParse(parseJson(body));
    if (!parsed.success) throw unreadableAnswer(call, "the answer holds no access token.", false);
    const { access_token: value, expires_in: seconds } = parsed.data;
    secrets.add(value);
    const lifeMs = seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1000;
    const renewAt = this.#effects.now() + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 10 || 0);
    return { value, renewAt };
  }

  /** Genesys answers 400 (`invalid_client`) or 401 to wrong credentials, and to right ones in a wrong region. */
  #refusal(error: UsageError): UsageError {
    const status = error.details["status"];
    if (status !== 400 && status !== 401 && status !== 403) return error;
    const { sources } = this.#settings;
    return new UsageError("credentials", error.message, {
      hint:
        `Check the client id (from ${sources.clientId ?? "the caller"}), the secret (from ` +
        `${sources.clientSecret ?? "the caller"}) and that the client belongs to this region ` +
        `(from ${sources.place}). It must be an OAuth client of the grant type client credentials.`,
      details: error.details,
      cause: error,
    });
  }
}

/** Without the text in the error: it may hold the token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
