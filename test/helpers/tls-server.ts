import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/**
 * A self-signed certificate for the hosts of Genesys Cloud and AWS; tests add it to the trusted ones. It is valid for a
 * hundred years, and only used for servers on 127.0.0.1.
 */
export const CERTIFICATE = fileURLToPath(new URL("tls/server.pem", import.meta.url));
const KEY = fileURLToPath(new URL("tls/server.key", import.meta.url));

export interface TlsSeen {
  readonly host: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A real HTTPS server on 127.0.0.1 that replaces every host of the certificate. */
export async function startTlsServer(answer: (seen: TlsSeen, response: ServerResponse) => void) {
  const seen: TlsSeen[] = [];
  const server = createServer(
    { cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) },
    (incoming, response) => {
      void text(incoming).then((body) => {
        const { method = "", url = "", headers } = incoming;
        const received = { host: headers.host ?? "", method, url, headers, body };
        seen.push(received);
        answer(received, response);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, seen, close };
}
