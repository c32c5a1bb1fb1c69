import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Served {
  /** The environment variables with which gc-usage calls it. */
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

/** Serves one file as the results of every query, and a token to every caller, to measure `results` over the network. */
export async function serveAnswer(file: string): Promise<Served> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url?.endsWith("/oauth/token")) {
      response.setHeader("content-type", "application/json");
      response.end('{"access_token":"bench-token","token_type":"bearer","expires_in":86400}');
      return;
    }
    response.writeHead(200, { "content-type": "application/json", "content-length": statSync(file).size });
    createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      GENESYSCLOUD_OAUTHCLIENT_ID: "bench",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: "bench-secret",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PORT: String(port),
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
