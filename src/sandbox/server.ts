import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { messageOf } from "../support/errors.ts";
import { type Access, requireAny, tooManyRequests, windowFull } from "./access.ts";
import type { Fault, FaultDice, RequestKind } from "./faults.ts";
import { hash, uuid } from "./hash.ts";
import { json, Refusal, type Reply, readBody } from "./http.ts";
import type { Route } from "./route.ts";

export interface ServerParts {
  readonly seed: number;
  readonly access: Access;
  readonly routes: readonly Route[];
  readonly dice: FaultDice;
  /** Milliseconds since 1970 on the sandbox's clock. */
  readonly clock: () => number;
  readonly latencyMs: number;
  /** Called for every response and every fault, for `Sandbox.counts`. */
  readonly count: (kind: string) => void;
}

/** A request being processed. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly number: number;
  readonly contextId: string;
  /** Starts with `/oauth/token` or `/api/v2/`, without the prefix of a gateway. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly faults: ReadonlySet<Fault>;
  readonly headers: Record<string, string>;
}

const SIGN_IN = "/oauth/token";

/** Responds to HTTP requests like Genesys Cloud, with or without a gateway, and injects faults. */
export class SandboxServer {
  readonly #parts: ServerParts;
  readonly #routes: readonly { route: Route; pattern: RegExp }[];
  #requests = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#routes = parts.routes.map((route) => ({
      route,
      pattern: new RegExp(`^${route.template.replaceAll(/\{\w+\}/g, "([^/]+)")}$`),
    }));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = this.#open(request);
    const { faults, number, contextId } = exchange;
    for (const fault of faults) this.#parts.count(`fault:${fault}`);
    this.#parts.count("calls");
    if (faults.size > 0) this.#parts.count("faulty");
    const reply = await this.#reply(exchange);
    if (this.#parts.latencyMs > 0) await sleep(this.#parts.latencyMs);
    if (faults.has("slow")) await sleep(400 + (hash(number, 61) % 800));
    if (faults.has("drop")) {
      // The request was executed: a client that submits again has two jobs.
      request.socket.destroy();
      return;
    }
    response.sendDate = false;
    const gzip = acceptsGzip(request) && !faults.has("trickle");
    response.writeHead(reply.status, {
      date: new Date(this.#parts.clock()).toUTCString(),
      "content-type": "application/json",
      "inin-correlation-id": contextId,
      ...exchange.headers,
      ...reply.headers,
      ...(gzip ? { "content-encoding": "gzip" } : { "content-length": String(reply.body.length) }),
    });
    const source = Readable.from(reply.body.chunks());
    if (faults.has("trickle")) await sendSlowly(source, response);
    else if (faults.has("cut")) await sendPart(source, response, cutAt(reply, gzip, number), gzip);
    else if (gzip) await pipeline(source, createGzip({ level: 1 }), response);
    else await pipeline(source, response);
  }

  #open(request: IncomingMessage): Exchange {
    const number = ++this.#requests;
    const { seed, dice } = this.#parts;
    // Not parsed as a URL: a gateway prefix of "/" would turn its first segment into a host, and some paths are not valid.
    const [, path = "", query = ""] = /^([^?]*)\??(.*)$/s.exec(request.url ?? "") ?? [];
    const signIn = path.endsWith(SIGN_IN);
    const api = path.indexOf("/api/v2/");
    return {
      request,
      number,
      contextId: uuid(seed, 60, number),
      path: signIn ? SIGN_IN : path.slice(Math.max(0, api)),
      query: new URLSearchParams(query),
      faults: dice.forRequest(number, signIn ? "sign-in" : kindOf(request.method, path)),
      headers: {},
    };
  }

  async #reply(exchange: Exchange): Promise<Reply> {
    const { request, contextId } = exchange;
    try {
      // Reads the body first in any case: a response before its end would make the connection unusable.
      const body = await readBody(request);
      return exchange.path === SIGN_IN ? this.#signIn(exchange, body) : await this.#call(exchange, body);
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal(500, "internal.server.error", messageOf(error));
      return { ...json(refusal.status, refusal.body(contextId)), headers: refusal.headers };
    }
  }

  #signIn({ request, faults }: Exchange, body: string): Reply {
    this.#parts.count("token");
    if (request.method !== "POST") throw new Refusal(405, "method.not.allowed", "Use POST.");
    this.#fail(faults, {});
    if (new URLSearchParams(body).get("grant_type") !== "client_credentials") {
      return json(400, { error: "unsupported_grant_type", description: "use client_credentials" });
    }
    const basic = /^basic\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const [, id = "", secret = ""] =
      /^([^:]*):([^]*)$/.exec(Buffer.from(basic, "base64").toString("utf8")) ?? [];
    const token = this.#parts.access.signIn(id, secret);
    const description = "authentication failed";
    return token === undefined
      ? json(401, { error: "invalid_client", description, error_description: description })
      : json(200, token);
  }

  async #call(exchange: Exchange, body: string): Promise<Reply> {
    const { request, path, query, contextId, faults } = exchange;
    const { access, count } = this.#parts;
    const { authorization } = request.headers;
    if (faults.has("expired")) access.revoke(authorization);
    const token = access.authenticate(authorization);
    const turn = access.take(token);
    Object.assign(exchange.headers, turn.headers, faults.has("reset") ? usedUp(turn.headers) : {});
    if (!turn.allowed) {
      count("rateLimited");
      throw tooManyRequests(turn.resetSeconds, turn.headers);
    }
    this.#fail(faults, exchange.headers);
    const { route, params } = this.#find(request.method ?? "", path);
    count(route.kind);
    requireAny(token.permissions, route.permissions);
    return route.answer({ path: params, query, body, contextId });
  }

  #find(method: string, path: string): { route: Route; params: string[] } {
    const sameMethod = (route: Route): boolean => route.method === method;
    const there = this.#routes.flatMap(({ route, pattern }) => {
      const match = pattern.exec(path);
      return match ? [{ route, params: match.slice(1).map(decode) }] : [];
    });
    const found = there.find(({ route }) => sameMethod(route));
    if (found !== undefined) return found;
    if (there.length > 0)
      throw new Refusal(405, "method.not.allowed", `HTTP ${method} is not allowed on ${path}`);
    throw new Refusal(404, "not.found", `The sandbox does not support ${path}`);
  }

  /** The faults that respond in place of the endpoint. */
  #fail(faults: ReadonlySet<Fault>, headers: Record<string, string>): void {
    if (faults.has("429")) throw tooManyRequests(1, headers);
    if (faults.has("500")) throw new Refusal(500, "internal.server.error", "Something went wrong.");
    if (faults.has("503")) throw new Refusal(503, "service.unavailable", "The service is not available.");
    if (faults.has("409")) throw new Refusal(409, "request.conflict", "Another request is in progress.");
    if (faults.has("429-window")) throw windowFull(headers);
    if (faults.has("retry-after")) throw tooManyRequests(AN_HOUR_S, headers);
    if (faults.has("too-long")) throw new Refusal(400, "query.too.long", "The query has too many filters.");
  }
}

/** Longer than any client waits. */
const AN_HOUR_S = 3_600;

/** The headers of a window that is used up and does not end. */
function usedUp(headers: Record<string, string>): Record<string, string> {
  const allowed = headers["inin-ratelimit-allowed"] ?? "";
  return { "inin-ratelimit-count": allowed, "inin-ratelimit-reset": String(AN_HOUR_S) };
}

function kindOf(method: string | undefined, path: string): RequestKind {
  if (!path.includes("/usage/")) return "other";
  return method === "POST" ? "submit" : "results";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "bad.request", `The path has a malformed escape: ${text}`);
  }
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers["accept-encoding"];
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/i.test(accepted ?? "");
}

/** Sends a byte now and then, as long as the client reads. */
async function sendSlowly(source: Readable, response: ServerResponse): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (response.destroyed) return;
      response.write(Uint8Array.of(byte));
      await sleep(200);
    }
  }
  response.end();
}

/** How many bytes of the body are sent before the connection closes: anything from none to almost all. */
function cutAt(reply: Reply, gzip: boolean, number: number): number {
  const percent = hash(number, 62) % 95;
  // Rows compress to about a twelfth. What matters is that the end is missing.
  return Math.floor(((gzip ? reply.body.length / 12 : reply.body.length) * percent) / 100);
}

/** Sends the first bytes, then closes the connection before the end of the response. */
async function sendPart(source: Readable, response: ServerResponse, bytes: number, gzip: boolean) {
  const encoded: AsyncIterable<Buffer> = gzip ? source.pipe(createGzip({ level: 1 })) : source;
  // If the client disconnects first, the write never ends, and the file with the rows would stay open.
  const gone = new Promise((resolve) => response.once("close", resolve));
  response.flushHeaders();
  let left = bytes;
  if (left > 0) {
    for await (const chunk of encoded) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      const written = new Promise((resolve) => {
        response.write(part, resolve);
      });
      await Promise.race([written, gone]);
      if (left === 0 || response.destroyed) break;
    }
  }
  source.destroy();
  response.socket?.destroySoon();
}
