import { Agent, type Dispatcher, Pool, ProxyAgent } from "undici";
import type { Proxy, ProxyRules } from "./proxies.ts";

/** How long a proxy may take to open the way to a host. Milliseconds. */
const TUNNEL_MS = 30_000;

/** undici's connections, each origin's directly or by the proxy that the rules give for it. Close it when done. */
export function proxyingDispatcher(rules: ProxyRules): Dispatcher {
  return new Agent({
    factory: (origin, options) => {
      const { proxy } = rules.routeTo(new URL(origin));
      if (proxy === undefined) return new Pool(origin, options);
      return new URL(origin).protocol === "https:" ? tunnel(proxy) : forward(proxy, new URL(origin));
    },
  });
}

/** CONNECT, and TLS through what opens. */
function tunnel({ url, authorization }: Proxy): Dispatcher {
  return new ProxyAgent({
    uri: url.href,
    ...(authorization === undefined ? {} : { token: authorization }),
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: TUNNEL_MS }),
  });
}

/** Plain HTTP is asked of the proxy itself, as curl does: many proxies open tunnels for TLS only. */
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
