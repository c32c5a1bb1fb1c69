import { LEGACY_ONLY, NO_PERMISSION, REPORTER } from "./clients.ts";
import { hash, opaque } from "./hash.ts";
import { Refusal } from "./http.ts";
import type { Organization } from "./organization.ts";

export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly permissions: readonly string[];
}

const ALL_PERMISSIONS = [
  "oauth:client:view",
  "usage:organization:view",
  "usage:client:view",
  "usage:simpleSearch:view",
  "directory:user:view",
  "limits:organization:view",
  "analytics:rateLimitAggregate:view",
  "usage:events:view",
  "billing:subscription:view",
];

/** The clients that may sign in; the first one has every permission. docs/sandbox.md describes the other two. */
export function credentialsOf(organization: Organization): Credentials[] {
  const permissions = new Map<string, readonly string[]>([
    [REPORTER, ALL_PERMISSIONS],
    [LEGACY_ONLY, ["oauth:client:view"]],
    [NO_PERMISSION, []],
  ]);
  return organization.clients
    .filter((client) => permissions.has(client.name))
    .map((client) => ({
      clientId: client.id,
      clientSecret: `sandbox_secret_${opaque(43, client.salt, 30)}`,
      permissions: permissions.get(client.name) ?? [],
    }));
}

const WINDOW_MS = 60_000;

/** A token and the number of its requests in the current minute. */
interface Token {
  readonly permissions: readonly string[];
  readonly expiresAt: number;
  windowEndsAt: number;
  count: number;
}

export interface AccessOptions {
  readonly seed: number;
  /** Requests per minute for each token. */
  readonly rateLimit: number;
  /** Seconds. */
  readonly tokenTtl: number;
  /** Milliseconds, independent of the sandbox's clock. */
  readonly monotonic: () => number;
}

/** Access tokens: their owners, permissions and rate limits. */
export class Access {
  readonly #credentials: readonly Credentials[];
  readonly #options: AccessOptions;
  readonly #tokens = new Map<string, Token>();
  #issued = 0;

  constructor(credentials: readonly Credentials[], options: AccessOptions) {
    this.#credentials = credentials;
    this.#options = options;
  }

  /** The response to `POST /oauth/token`; undefined for an unknown client or a wrong secret. */
  signIn(clientId: string, clientSecret: string): Record<string, unknown> | undefined {
    const known = this.#credentials.find(
      (known) => known.clientId === clientId && known.clientSecret === clientSecret,
    );
    if (known === undefined) return undefined;
    const { seed, tokenTtl, monotonic } = this.#options;
    const token = `sandbox_token_${opaque(86, seed, hash(seed, 31), this.#issued++)}`;
    this.#forgetExpired();
    this.#tokens.set(token, {
      permissions: known.permissions,
      expiresAt: monotonic() + tokenTtl * 1000,
      windowEndsAt: 0,
      count: 0,
    });
    return { access_token: token, token_type: "bearer", expires_in: tokenTtl };
  }

  /** @throws {Refusal} 401 for a request without a token, or with one that is unknown or has expired. */
  authenticate(authorization: string | undefined): Token {
    const text = /^bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
    if (text === undefined) {
      throw new Refusal(
        401,
        "authentication.required",
        "No authentication bearer token specified in authorization header.",
      );
    }
    const token = this.#tokens.get(text);
    if (token === undefined || token.expiresAt <= this.#options.monotonic()) {
      this.#tokens.delete(text);
      throw new Refusal(401, "bad.credentials", "Invalid login credentials.");
    }
    return token;
  }

  /** Lets the token expire: every later use is a 401, too. */
  revoke(authorization: string | undefined): void {
    this.#tokens.delete(/^bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
  }

  /** Counts a request and returns the three headers; `allowed` is false above the limit. */
  take(token: Token): { allowed: boolean; resetSeconds: number; headers: Record<string, string> } {
    // In whole milliseconds: with fractions, rounding errors could result in 61 seconds.
    const now = Math.floor(this.#options.monotonic());
    if (now >= token.windowEndsAt) {
      token.windowEndsAt = now + WINDOW_MS;
      token.count = 0;
    }
    token.count++;
    const resetSeconds = Math.max(1, Math.ceil((token.windowEndsAt - now) / 1000));
    const { rateLimit } = this.#options;
    return {
      allowed: token.count <= rateLimit,
      resetSeconds,
      headers: {
        "inin-ratelimit-count": String(token.count),
        "inin-ratelimit-allowed": String(rateLimit),
        "inin-ratelimit-reset": String(resetSeconds),
      },
    };
  }

  #forgetExpired(): void {
    const now = this.#options.monotonic();
    for (const [text, token] of this.#tokens) if (token.expiresAt <= now) this.#tokens.delete(text);
  }
}

/** @throws {Refusal} 403 naming the permissions, if the token has none of those that are sufficient. */
export function requireAny(held: readonly string[], wanted: readonly string[]): void {
  if (wanted.length === 0 || wanted.some((permission) => held.includes(permission))) return;
  throw missing(wanted);
}

export function missing(wanted: readonly string[]): Refusal {
  const list = wanted.join(", ");
  return new Refusal(
    403,
    "missing.permissions",
    wanted.length === 1
      ? `Unable to perform the requested action. You are missing the following permission(s): ${list}`
      : `Unable to perform the requested action. You must have at least one of the following permissions assigned: [${list}]`,
    { params: { permissions: list } },
  );
}

export function tooManyRequests(seconds: number, headers: Record<string, string>): Refusal {
  return new Refusal(
    429,
    "too.many.requests",
    `Rate limit exceeded the maximum. Retry the request in [${seconds}] seconds`,
    { headers: { ...headers, "retry-after": String(seconds) } },
  );
}

/** The other form of a 429: without `Retry-After`, but with the limit and its window in the message. */
export function windowFull(headers: Record<string, string>): Refusal {
  const allowed = headers["inin-ratelimit-allowed"] ?? "";
  return new Refusal(
    429,
    "too.many.requests",
    `Rate limit exceeded the maximum [${allowed}] requests within [${WINDOW_MS / 1000}] seconds`,
    { headers },
  );
}
