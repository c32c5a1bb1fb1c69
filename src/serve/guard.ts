import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { Refusal } from "./failure.ts";

/** The names under which browsers may reach the server. */
export interface Address {
  /** `host:port` in lower case, as in the header Host. */
  readonly hosts: ReadonlySet<string>;
  /** As in the header Origin. */
  readonly origins: ReadonlySet<string>;
}

/**
 * @param url the address of a reverse proxy in front.
 * @param more other names of the machine, for a server that is not on loopback only.
 */
export function addressOf(port: number, url: URL | undefined, more: readonly string[]): Address {
  const names = ["127.0.0.1", "localhost", "[::1]", ...more.map(inUrl)];
  const hosts = names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  const lower = hosts.map((host) => host.toLowerCase());
  const origins = lower.map((host) => `http://${host.replace(/:80$/, "")}`);
  return {
    hosts: new Set([...lower, ...(url ? [url.host] : [])]),
    origins: new Set([...origins, ...(url ? [url.origin] : [])]),
  };
}

/** An address of IPv6 is in brackets in a URL. */
export function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page loads nothing from elsewhere, is in no frame, and sends its address nowhere. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CSP,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/**
 * Refuses requests for another host. A site that makes its name resolve to this machine (DNS rebinding) has the same origin as
 * the server, but its own name in Host.
 */
export function checkHost({ hosts }: Address): MiddlewareHandler {
  return async (context, next) => {
    if (!hosts.has(context.req.header("host")?.toLowerCase() ?? "")) {
      throw new Refusal(
        421,
        "forbidden",
        "This server does not answer for that host name.",
        "Open the link that `gc-usage serve` printed. Behind a tunnel or proxy, set its address with --url.",
      );
    }
    await next();
  };
}

/** Refuses requests that another site caused: a cookie does not show who sent them. */
export function checkOrigin({ origins }: Address): MiddlewareHandler {
  return async (context, next) => {
    const { req } = context;
    const origin = req.header("origin");
    const site = req.header("sec-fetch-site");
    const isOwn = origin === undefined || origins.has(origin.toLowerCase());
    const isFromPage =
      site === undefined || site === "same-origin" || (site === "none" && req.method === "GET");
    // Browsers send one of the two with everything but a GET.
    const isKnown = req.method === "GET" || origin !== undefined || site !== undefined;
    if (!isOwn || !isFromPage || !isKnown)
      throw new Refusal(403, "forbidden", "The request did not come from the page of this server.");
    await next();
  };
}
