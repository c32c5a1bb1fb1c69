import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { codeOf, isUsageError, messageOf } from "../support/errors.ts";
import { type Proxy, type ProxyRules, proxyRefusal, shownProxy } from "./proxies.ts";

type Handle = NodeHttpHandler["handle"];
type Request = Parameters<Handle>[0];

/** Bytes of the certificates that are trusted in place of Node's; undefined for Node's. Read when TLS is first needed. */
export type ReadCa = () => Promise<Buffer | undefined>;

const TIMEOUTS = { connectionTimeout: 10_000, socketTimeout: 60_000 };
/** As the SDK's own agents are made. */
const POOL = { keepAlive: true, maxSockets: 50 };

/**
 * The transport of every client of the AWS SDK, those that it makes itself for STS and SSO included: each call goes
 * directly or by the proxy that the rules give for its host.
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
      throw proxy === undefined || isUsageError(error) ? error : throughProxy(error, proxy);
    }
  }

  destroy(): void {
    for (const handler of this.#handlers.values()) void handler.then((one) => one.destroy(), ignore);
    this.#handlers.clear();
  }

  /** Part of the SDK's interface; nobody calls it for a transport that is made ready. */
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
      // An agent for http addresses in its type; for https ones, too, in what it does.
      httpsAgent: new Tunnel(proxy, { ...POOL, ...trust, headers }, ca) as unknown as NonNullable<HttpsAgent>,
    });
  }
}

type HttpsAgent = Extract<
  ConstructorParameters<typeof NodeHttpHandler>[0],
  { httpsAgent?: unknown }
>["httpsAgent"];

/** Tells what a proxy answers that opens no tunnel, which else reads as if AWS had answered it. */
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

/** The mark by which the SDK's retries know what may pass. */
function forSdk(error: ReturnType<typeof proxyRefusal>): Error {
  return error.retryable ? Object.assign(error, { $retryable: {} }) : error;
}

/** What failed between here and the proxy, in the form by which the SDK knows what may pass. */
function throughProxy(error: unknown, proxy: Proxy): Error {
  const named = new Error(`Through the proxy ${shownProxy(proxy)}: ${messageOf(error)}`, { cause: error });
  if (error instanceof Error) named.name = error.name;
  const code = codeOf(error);
  return code === undefined ? named : Object.assign(named, { code });
}

function ignore(): void {}
