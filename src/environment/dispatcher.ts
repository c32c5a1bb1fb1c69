import { Agent, type Dispatcher, Pool, ProxyAgent } from "undici";
import type { Proxy, ProxyRules } from "./proxies.ts";

/** How long a proxy may take to open a tunnel to a host, in milliseconds. */
const TUNNEL_MS = 30_000;

/** undici connections: each origin directly or through the proxy that the rules give for it. Close it when done. */
export function proxyingDispatcher(rules: ProxyRules): Dispatcher {
  return new Agent({
    factory: (origin, options) => {
      const { proxy } = rules.routeTo(new URL(origin));
      if (proxy === undefined) return new Pool(origin, options);
      return new URL(origin).protocol === "https:" ? tunnel(proxy) : forward(proxy, new URL(origin));
    },
  });
}

type RequestOptions = Omit<Dispatcher.RequestOptions, "origin" | "path">;

/** Sends a request through a dispatcher. */
export async function sendRequest(
  dispatcher: Dispatcher,
  { origin, pathname, search }: URL,
  options: RequestOptions,
): Promise<Dispatcher.ResponseData> {
  return await dispatcher.request({ ...options, origin, path: `${pathname}${search}` });
}

/** Uses CONNECT, and TLS through the tunnel. */
function tunnel({ url, authorization }: Proxy): Dispatcher {
  return new ProxyAgent({
    uri: url.href,
    ...(authorization === undefined ? {} : { token: authorization }),
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: TUNNEL_MS }),
  });
}

/** Sends plain HTTP requests to the proxy itself, like curl: many proxies open tunnels only for TLS. */
function forward({ url, authorization }: Proxy, target: URL): Dispatcher {
  return new Pool(url.origin).compose((dispatch) => (options, handler) => {
    const headers = {
      ...(options.headers as Record<string, string>),
      host: target.host,
      ...(authorization === undefined ? {} : { "proxy-authorization": authorization }),
    };
    return dispatch(
      { ...options, origin: url.origin, path: `${target.origin}${options.path}`, headers },
      handler,
    );
  });
}
