import { GcUsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { NoProxy } from "./no-proxy.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** An HTTP proxy: `http://host:port`, or `https://…` if the proxy itself uses TLS. */
export interface Proxy {
  /** Scheme, host and port; no user, no password. */
  readonly url: URL;
  /** The value of Proxy-Authorization, if a user is set. A secret. */
  readonly authorization: string | undefined;
  /** Its source as shown to users: "HTTPS_PROXY". */
  readonly source: string;
}

/** The route of calls to a host. */
export interface Route {
  /** Undefined for a direct route. */
  readonly proxy: Proxy | undefined;
  /** Why a configured proxy is bypassed, for display. */
  readonly because?: string;
}

/** Selects the proxy for each address. */
export interface ProxyRules {
  /** @throws {GcUsageError} input, if the proxy for such an address is invalid. */
  routeTo(url: URL): Route;
}

/**
 * The rules from the environment, interpreted like curl and Go: `https_proxy` for https addresses, `http_proxy` for http
 * addresses, or else `all_proxy`. Lower case wins over upper case; an empty value counts as not set; `no_proxy` lists
 * exceptions. The upper-case HTTP_PROXY is used as in Go and the AWS CLI, but not in a CGI program, where it comes from the
 * request. localhost and its addresses are always called directly, as in Go: to a proxy they would be another machine.
 */
export function environmentProxies(env: Env): ProxyRules {
  const read = (name: string): Named | undefined =>
    [name, name.toUpperCase()]
      .filter((spelled) => spelled !== "HTTP_PROXY" || !env["REQUEST_METHOD"])
      .map((spelled) => ({ name: spelled, value: env[spelled]?.trim() ?? "" }))
      .find(({ value }) => value !== "");
  const set: Readonly<Record<string, Named | undefined>> = {
    "http:": read("http_proxy") ?? read("all_proxy"),
    "https:": read("https_proxy") ?? read("all_proxy"),
  };
  const except = read("no_proxy");
  const noProxy = new NoProxy(except?.value ?? "");
  return {
    routeTo(url) {
      const named = set[url.protocol];
      if (named === undefined) return DIRECT;
      if (isLoopback(url)) return { proxy: undefined, because: "this machine is always called directly" };
      const entry = noProxy.entryFor(url);
      if (entry !== undefined)
        return { proxy: undefined, because: `${except?.name ?? ""} contains ${entry}` };
      return { proxy: parseProxy(named.value, named.name) };
    },
  };
}

interface Named {
  readonly name: string;
  readonly value: string;
}

const DIRECT: Route = { proxy: undefined };

export const NO_PROXIES: ProxyRules = { routeTo: () => DIRECT };

/** A single proxy for every address. */
export function oneProxy(proxy: Proxy): ProxyRules {
  return { routeTo: () => ({ proxy }) };
}

/** True for this machine itself. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Parses a proxy setting: a URL, or host and port without a scheme. Percent codes in user and password are decoded if they
 * are complete; any other `%` is literal, as in curl.
 *
 * @throws {GcUsageError} input, naming the source but never the value, which may contain a password.
 */
export function parseProxy(text: string, source: string): Proxy {
  const [, scheme = "http"] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  const url = tryUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text.replace(/^\/\//, "")}`);
  hideUser(url?.username ?? "", url?.password ?? "");
  if (/^socks/i.test(scheme)) {
    throw new GcUsageError("input", `Unsupported SOCKS proxy in ${source}.`, {
      hint: `Set ${source} to an HTTP proxy, for example http://proxy.example.com:3128, or exclude the host with NO_PROXY.`,
    });
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new GcUsageError(
      "input",
      `Invalid proxy in ${source} (value hidden because it may contain a password).`,
      {
        hint: "Expected a URL such as http://proxy.example.com:3128 or http://USER:PASSWORD@proxy.example.com:3128. Write @, /, ? and # in a password as %40, %2F, %3F and %23.",
      },
    );
  }
  const authorization =
    url.username === "" && url.password === ""
      ? undefined
      : basic(decoded(url.username), decoded(url.password));
  return { url: new URL(url.origin), authorization, source };
}

/** A proxy whose parts are separate settings, as in `gc` and CX as Code. */
export interface ProxyParts {
  readonly protocol?: string | undefined;
  readonly host: string;
  readonly port?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** The parts are taken literally; nothing in them is encoded. */
export function proxyOf(parts: ProxyParts, source: string): Proxy {
  const { user = "", password = "" } = parts;
  secrets.add(password);
  const protocol = (parts.protocol || "http").replace(/:?(\/\/)?$/, "");
  const port = parts.port ? `:${parts.port}` : "";
  const host = /^[^[\]:]+:[^[\]]*:/.test(parts.host) ? `[${parts.host}]` : parts.host;
  if (/[@/?#\\\s]/.test(host)) {
    throw new GcUsageError(
      "input",
      `Invalid proxy host in ${source} (value hidden because it may contain a password).`,
      {
        hint: "Expected only a host name such as proxy.example.com. Protocol, port, user and password have their own settings.",
      },
    );
  }
  const { url } = parseProxy(`${protocol}://${host}${port}`, source);
  const authorization =
    user === "" && password === "" ? undefined : basic(Buffer.from(user), Buffer.from(password));
  return { url, authorization, source };
}

function tryUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function basic(user: Buffer, password: Buffer): string {
  const encoded = Buffer.concat([user, Buffer.from(":"), password]).toString("base64");
  secrets.add(encoded);
  return `Basic ${encoded}`;
}

function hideUser(user: string, password: string): void {
  secrets.add(password);
  secrets.add(decoded(password).toString());
  // Some proxies take a token as the user.
  if (password === "") secrets.add(decoded(user).toString());
}

/** `50%25off` and `50%off` are both `50%off`. */
function decoded(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  const plain = bytes.replace(/%([0-9a-f]{2})/gi, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return Buffer.from(plain, "latin1");
}

/** `http://proxy.example.com:3128 (from HTTPS_PROXY, with a user and password)`, for display. */
export function shownProxy({ url, authorization, source }: Proxy): string {
  return `${url.origin} (from ${source}${authorization === undefined ? "" : ", with a user and password"})`;
}

/** `through http://proxy.example.com:3128 (from HTTPS_PROXY)` or `directly (NO_PROXY contains .example.com)`. */
export function shownRoute({ proxy, because }: Route): string {
  if (proxy !== undefined) return `through ${shownProxy(proxy)}`;
  return because === undefined ? "directly" : `directly (${because})`;
}

/** The proxy variables that are set, for display; the value of an invalid one is not shown. */
export function shownEnvironmentProxies(env: Env): string[] {
  return ["https_proxy", "http_proxy", "all_proxy", "no_proxy"]
    .flatMap((name) => [name, name.toUpperCase()])
    .filter((name) => env[name]?.trim())
    .map((name) => {
      const value = env[name]?.trim() ?? "";
      if (/^no_proxy$/i.test(name)) return `${name} ${value}`;
      try {
        return `${name} ${parseProxy(value, name).url.origin}`;
      } catch {
        return `${name} (invalid)`;
      }
    });
}

/**
 * The error for a proxy that did not open a tunnel to a host: it answered CONNECT with `status`.
 * Kind credentials for 407, otherwise service; retryable if the proxy itself has a problem.
 */
export function proxyRefusal(proxy: Proxy, status: number, host: string): GcUsageError {
  const name = `${proxy.url.origin} (from ${proxy.source})`;
  if (status === 407) {
    const [why, hint] =
      proxy.authorization === undefined
        ? ["requires a user and password, but none is set", "Add them"]
        : ["rejected the user and password", "Correct them"];
    return new GcUsageError("credentials", `The proxy ${name} ${why} (407 Proxy Authentication Required).`, {
      hint: `${hint} in ${proxy.source}: http://USER:PASSWORD@${proxy.url.host}. Only the Basic scheme is supported.`,
      details: { proxy: proxy.url.origin, status },
    });
  }
  return new GcUsageError("service", `The proxy ${name} refused to connect to ${host} (${status}).`, {
    hint:
      status >= 500
        ? "The proxy cannot reach that host now. Try again later, or exclude the host with NO_PROXY."
        : "Ask the administrator of the proxy to allow that host, or exclude it with NO_PROXY.",
    retryable: status >= 500,
    details: { proxy: proxy.url.origin, status },
  });
}
