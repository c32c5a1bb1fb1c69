import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { codeOf, isGcUsageError, messageOf } from "../support/errors.ts";
import { type Proxy, type ProxyRules, proxyRefusal, shownProxy } from "./proxies.ts";

type Handle = NodeHttpHandler["handle"];
type Request = Parameters<Handle>[0];

/** Bytes of the certificates to trust instead of Node's; undefined for Node's. Read when TLS is first needed. */
export type ReadCa = () => Promise<Buffer | undefined>;

const TIMEOUTS = { connectionTimeout: 10_000, socketTimeout: 60_000 };
/** The settings of the SDK's own agents. */
const POOL = { keepAlive: true, maxSockets: 50 };

/**
 * The transport of every AWS SDK client, including those that the SDK creates for STS and SSO. Each call goes directly or
 * through the proxy that the rules give for its host.
 */
export class AwsTransport {
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #rules: ProxyRules;
  readonly #readCa: ReadCa;
  readonly #handlers = new Map<string, Promise<NodeHttpHandler>>();

  constructor(rules: ProxyRules, readCa: ReadCa) {
    this.#rules = rules;
    this.#readCa = readCa;
  }

  async handle(request: Request, options?: Parameters<Handle>[1]): ReturnType<Handle> {
    const { proxy } = this.#rules.routeTo(urlOf(request));
    const key = `${request.protocol} ${proxy?.url.href ?? ""}`;
    const handler = this.#handlers.get(key) ?? this.#create(request.protocol === "https:", proxy);
    this.#handlers.set(key, handler);
    try {
      const answer = await (await handler).handle(request, options);
      if (proxy !== undefined && answer.response.statusCode === 407)
        throw forSdk(proxyRefusal(proxy, 407, request.hostname));
      return answer;
    } catch (error) {
      throw proxy === undefined || isGcUsageError(error) ? error : throughProxy(error, proxy);
    }
  }

  destroy(): void {
    for (const handler of this.#handlers.values()) void handler.then((made) => made.destroy(), ignore);
    this.#handlers.clear();
  }

  /** Part of the SDK's interface, which never calls it for a ready-made transport. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  async #create(isTls: boolean, proxy: Proxy | undefined): Promise<NodeHttpHandler> {
    const ca = isTls ? await this.#readCa() : undefined;
    const trust = ca === undefined ? {} : { ca };
    if (proxy === undefined) return new NodeHttpHandler({ ...TIMEOUTS, httpsAgent: { ...POOL, ...trust } });
    const { url, authorization } = proxy;
    const headers = authorization === undefined ? {} : { "Proxy-Authorization": authorization };
    return new NodeHttpHandler({
      ...TIMEOUTS,
      httpAgent: new HttpProxyAgent(url, { ...POOL, headers }),
      // By its type an agent for http addresses, but it also works for https.
      httpsAgent: new Tunnel(proxy, { ...POOL, ...trust, headers }, ca) as unknown as NonNullable<HttpsAgent>,
    });
  }
}

type HttpsAgent = Extract<
  ConstructorParameters<typeof NodeHttpHandler>[0],
  { httpsAgent?: unknown }
>["httpsAgent"];

/** Reports a proxy's refusal to open a tunnel, which would otherwise look like a response from AWS. */
class Tunnel extends HttpsProxyAgent<string> {
  readonly #proxy: Proxy;
  readonly #ca: Buffer | undefined;

  constructor(
    proxy: Proxy,
    options: ConstructorParameters<typeof HttpsProxyAgent<string>>[1],
    ca: Buffer | undefined,
  ) {
    super(proxy.url.href, options);
    this.#proxy = proxy;
    this.#ca = ca;
  }

  override async connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>["connect"]>[1],
  ): Promise<Socket> {
    let status = 200;
    request.once("proxyConnect", (answer: { statusCode: number }) => {
      status = answer.statusCode;
    });
    const trust = this.#ca === undefined ? {} : { ca: this.#ca };
    const socket = await super.connect(request, { ...options, ...trust });
    if (status === 200) return socket;
    socket.destroy();
    throw forSdk(proxyRefusal(this.#proxy, status, options.host ?? "the host"));
  }
}

function urlOf({ protocol, hostname, port }: Request): URL {
  const host = hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
  return new URL(`${protocol}//${host}${port === undefined ? "" : `:${port}`}`);
}

/** Adds the mark by which the SDK recognizes retryable errors. */
function forSdk(error: ReturnType<typeof proxyRefusal>): Error {
  return error.retryable ? Object.assign(error, { $retryable: {} }) : error;
}

/** An error on the way to the proxy, in a form in which the SDK recognizes retryable errors. */
function throughProxy(error: unknown, proxy: Proxy): Error {
  const named = new Error(`Through the proxy ${shownProxy(proxy)}: ${messageOf(error)}`, { cause: error });
  if (error instanceof Error) named.name = error.name;
  const code = codeOf(error);
  return code === undefined ? named : Object.assign(named, { code });
}

function ignore(): void {}
