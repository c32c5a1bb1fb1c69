import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type ClientOptions, GenesysClient } from "../../src/genesys/client.ts";
import type { Settings } from "../../src/genesys/settings.ts";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Handler = (response: ServerResponse, request: Seen, n: number) => void;

export interface TestServer {
  readonly base: string;
  /** Calls to everything but /oauth/token, in order. */
  readonly seen: Seen[];
  readonly signIns: Seen[];
  close(): Promise<void>;
}

/** A real server: `/oauth/token` returns token-1, token-2 … unless `signIn` is set; everything else goes to `handler`. */
export async function startServer(handler: Handler, signIn?: Handler): Promise<TestServer> {
  const seen: Seen[] = [];
  const signIns: Seen[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const received = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body,
      };
      if (received.url.endsWith("/oauth/token")) {
        const n = signIns.push(received);
        if (signIn) signIn(response, received, n);
        else
          sendJson(response, 200, { access_token: `token-${n}`, token_type: "bearer", expires_in: 86_400 });
      } else {
        handler(response, received, seen.push(received));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    seen,
    signIns,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export const SECRET = "s3cret-of-the-client";

export function settingsFor(base: string): Settings {
  return {
    apiBase: base,
    loginBase: base,
    credentials: { kind: "client", clientId: "the-client-id", clientSecret: SECRET },
    sources: { place: "the test", clientId: "the test", clientSecret: "the test" },
  };
}

/** A client without waits between attempts. */
export function clientFor(base: string, options: ClientOptions = {}): GenesysClient {
  return new GenesysClient(settingsFor(base), { retry: { baseMs: 0 }, ...options });
}
