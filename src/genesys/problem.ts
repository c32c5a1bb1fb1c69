import * as z from "zod";
import { type Proxy, proxyRefusal, shownProxy } from "../environment/proxies.ts";
import { codeOf, type ErrorKind, GcUsageError, messageOf } from "../support/errors.ts";
import { isUnreached, isUntrusted, networkReason } from "../support/network-errors.ts";
import { secrets } from "../support/redact.ts";
import { parseRetryAfter } from "./retry.ts";

/** An HTTP call for messages: its purpose, the method, and the URL without its query string. */
export interface Call {
  /** Completes "Could not …": "submit the query". */
  readonly purpose: string;
  readonly method: string;
  readonly url: URL;
}

/** A response other than a success; its body is short and has been read. */
export interface Refusal {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

/** `GET https://api.mypurecloud.com/api/v2/…`, without query string, user or password. */
export function nameOf(call: Call): string {
  return `${call.method} ${call.url.origin}${call.url.pathname}`;
}

/** The error body of Genesys or OAuth; every member is optional. */
const ErrorBody = z.looseObject({
  message: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  contextId: z.string().optional().catch(undefined),
  messageParams: z.record(z.string(), z.unknown()).optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  error_description: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
});

/** Statuses that may not occur again if the call is repeated. 409: another request was in progress. */
const RETRYABLE = new Set([408, 409, 429, 500, 502, 503, 504]);

/** The response would exceed the service's limit: 400 for a page of results, 500 for results without pages. */
export const TOO_LARGE = "max.response.size.reached";

/** The longest wait for a rate limit window, whatever the message says: after that a new window has begun. */
const MAX_WINDOW_S = 60;

/**
 * The error for an unsuccessful response. Kinds: 400 and 422 "input", 401 "credentials", 403 "permission", all others
 * "service". `details`: method, url, status, and if known contextId, code, permissions, retryAfterMs, limit.
 *
 * @param now milliseconds since 1970 on the service's clock.
 */
export function refusalError(call: Call, answer: Refusal, now: number): GcUsageError {
  const { status, header } = answer;
  const body = parseBody(answer.body);
  const said = body?.message ?? body?.error_description ?? body?.description ?? body?.error;
  const contextId = body?.contextId ?? header("inin-correlation-id");
  const permissions = status === 403 ? permissionsIn(body) : [];
  const retryable = RETRYABLE.has(status) && body?.code !== TOO_LARGE;
  const limit = status === 429 ? limitIn(said) : undefined;
  const retryAfterMs = retryable
    ? (parseRetryAfter(header("retry-after"), said, now) ??
      (limit && Math.min(limit.seconds, MAX_WINDOW_S) * 1000))
    : undefined;
  const reason = said === undefined ? whatCame(answer) : secrets.redact(endSentence(said));
  const hint = hintFor(status, { code: body?.code, permissions, limit });
  return new GcUsageError(kindOf(status, body?.code), sentence(call, `${status} ${reason}`, contextId), {
    retryable,
    ...(hint === undefined ? {} : { hint }),
    details: {
      ...where(call),
      status,
      ...(body?.code === undefined ? {} : { code: body.code }),
      ...(contextId === undefined ? {} : { contextId }),
      ...(permissions.length === 0 ? {} : { permissions }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(limit === undefined ? {} : { limit }),
    },
  });
}

function parseBody(text: string): z.infer<typeof ErrorBody> | undefined {
  try {
    const parsed = ErrorBody.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function kindOf(status: number, code: string | undefined): ErrorKind {
  if (code === TOO_LARGE) return "service";
  if (status === 400 || status === 422) return "input";
  if (status === 401) return "credentials";
  return status === 403 ? "permission" : "service";
}

/** A limit from the message of a 429: "maximum [300] requests within [60] seconds". */
interface Limit {
  readonly requests: number;
  readonly seconds: number;
}

function limitIn(message: string | undefined): Limit | undefined {
  const [, requests, seconds] =
    /maximum (?:of )?\[?(\d{1,9})\]? requests within \[?(\d{1,9})\]? seconds?/i.exec(message ?? "") ?? [];
  return requests === undefined ? undefined : { requests: Number(requests), seconds: Number(seconds) };
}

function hintFor(
  status: number,
  facts: { code: string | undefined; permissions: readonly string[]; limit: Limit | undefined },
): string | undefined {
  const { code, permissions, limit } = facts;
  if (code === TOO_LARGE) return "Query a shorter interval, or use fewer groupings.";
  if (code === "query.too.long" || status === 413)
    return "Use fewer filters: split the query into several, each with some of the filters.";
  if (status === 401)
    return "Run `gc-usage doctor` to see which credentials are used and where they come from.";
  if (status === 403) {
    const role = permissions.length > 0 ? permissions.join(" or ") : "the permission in the message";
    return `Give the OAuth client a role with ${role} (Admin > Integrations > OAuth), and run \`gc-usage doctor\`.`;
  }
  if (status === 409) return "Another request was in progress. Run the same command again in a minute.";
  if (status === 429) {
    const known = limit ? ` (${limit.requests} requests within ${limit.seconds} seconds)` : "";
    return `The rate limit is used up by other clients${known}. Run the same command again in a minute.`;
  }
  if (status >= 300 && status < 400)
    return "Check the region and the gateway settings with `gc-usage doctor`.";
  return status >= 500 ? "The service has a problem. Try again later." : undefined;
}

/** Permissions that the error body names, such as `usage:organization:view`. */
function permissionsIn(body: z.infer<typeof ErrorBody> | undefined): string[] {
  const params = body?.messageParams?.["permissions"];
  const text = `${typeof params === "string" ? params : JSON.stringify(params ?? "")} ${body?.message ?? ""}`;
  return [...new Set(text.match(/\b[a-zA-Z]\w*:\w+:[\w*]+/g) ?? [])];
}

function whatCame(answer: Refusal): string {
  const type = answer.header("content-type")?.split(";")[0] ?? "";
  const target = answer.header("location");
  if (answer.status >= 300 && answer.status < 400 && target !== undefined) {
    return `The response redirects to ${secrets.redact(target.replace(/[?#].*$/, ""))}, and redirects are not followed.`;
  }
  return answer.body === ""
    ? "The response has no explanation."
    : `The response ${type ? `is ${type}` : "has no content type"}, not JSON.`;
}

/**
 * The error for a failed connection, a timeout or a truncated body: "service", retryable unless the certificate is
 * untrusted. `details.unreached` is true if no connection was made.
 */
export function networkError(call: Call, cause: unknown, proxy?: Proxy): GcUsageError {
  const root = rootOf(cause);
  const [, refused] = /^Proxy response \((\d{3})\)/.exec(messageOf(root)) ?? [];
  if (proxy !== undefined && refused !== undefined)
    return proxyRefusal(proxy, Number(refused), call.url.host);
  const code = codeOf(root) ?? "";
  const untrusted = isUntrusted(code);
  // An invalid request stays invalid: a retry cannot help.
  const unsendable = code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_CHAR";
  const unreached = isUnreached(code);
  const hint = untrusted
    ? "If a proxy inspects TLS, set NODE_EXTRA_CA_CERTS to the path of its certificate."
    : unreached
      ? proxy === undefined
        ? "Check the network, the region and the gateway settings with `gc-usage doctor`."
        : `Check the proxy in ${proxy.source} with \`gc-usage doctor\`.`
      : undefined;
  const through = proxy === undefined ? "" : `through the proxy ${shownProxy(proxy)}, `;
  return new GcUsageError("service", sentence(call, through + reasonOf(code, root), undefined), {
    retryable: !untrusted && !unsendable,
    cause,
    ...(hint === undefined ? {} : { hint }),
    details: { ...where(call), ...(code ? { code } : {}), ...(unreached ? { unreached: true } : {}) },
  });
}

/**
 * A finished query's response that cannot be complete or correct, so none of its rows may be stored. `details.unsound` is
 * true: repeating the call cannot help, only a new query can.
 */
export function unsoundAnswer(id: string, why: string): GcUsageError {
  return new GcUsageError("service", `The results of query ${id} cannot be right: ${why}.`, {
    hint:
      "None of them were stored; discard any that were printed. Run the same command again. If the error " +
      "persists, report it to Genesys with the query id.",
    details: { id, unsound: true },
  });
}

/** A successful response with unexpected content. */
export function unreadableAnswer(
  call: Call,
  reason: string,
  retryable: boolean,
  cause?: unknown,
): GcUsageError {
  return new GcUsageError("service", sentence(call, reason, undefined), {
    retryable,
    cause,
    ...(retryable ? {} : { hint: "Check the region and the gateway settings with `gc-usage doctor`." }),
    details: where(call),
  });
}

function rootOf(error: unknown): unknown {
  let root = error;
  for (let depth = 0; depth < 5; depth++) {
    if (codeOf(root) !== undefined || !(root instanceof Error)) return root;
    const next: unknown = root instanceof AggregateError ? root.errors[0] : root.cause;
    if (next === undefined) return root;
    root = next;
  }
  return root;
}

function reasonOf(code: string, root: unknown): string {
  const known = networkReason(code);
  return known === undefined ? secrets.redact(endSentence(messageOf(root))) : `${known}.`;
}

function sentence(call: Call, reason: string, contextId: string | undefined): string {
  const context = contextId === undefined ? "" : `, contextId ${contextId}`;
  return `Could not ${call.purpose}: ${reason} (${nameOf(call)}${context})`;
}

function where(call: Call): Record<string, unknown> {
  return { method: call.method, url: `${call.url.origin}${call.url.pathname}` };
}

function endSentence(text: string): string {
  const line = text.replace(/\s+/g, " ").trim().slice(0, 500);
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
