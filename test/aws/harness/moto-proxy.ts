import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  /** `DescribeStacks`, `GetTable` …; for S3 `DELETE /bucket/key?versionId=1`. */
  readonly action: string;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Responds to a call instead of AWS, or passes it on with `pass` and may change the response. */
export type Intercept = (asked: Asked, pass: () => Promise<Answer>) => Answer | Promise<Answer>;

/** A server in front of moto, for behavior that moto does not have: denials, delays, throttling. Close it when done. */
export async function startProxy(target: string, intercept: Intercept) {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await bytesOf(incoming);
      const answer = await intercept(askedOf(incoming, body.toString()), () => pass(target, incoming, body));
      outgoing.writeHead(answer.status, { "content-type": "text/xml" });
      // Responses to HEAD have no body.
      outgoing.end(incoming.method === "HEAD" ? "" : answer.body);
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, close };
}

/** AWS's error in the XML format of CloudFormation, which S3 clients understand too. */
export function fault(status: number, code: string, message = "no reason"): Answer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, body: `<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>` };
}

function askedOf({ method = "", url = "", headers }: IncomingMessage, body: string): Asked {
  const target = headers["x-amz-target"];
  const action =
    (typeof target === "string" ? target.split(".").at(-1) : new URLSearchParams(body).get("Action")) ??
    `${method} ${url}`;
  return { action, body };
}

function pass(target: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onward = request(new URL(url ?? "/", target), { method, headers }, (response) => {
      bytesOf(response).then(
        (bytes) => resolve({ status: response.statusCode ?? 500, body: bytes.toString() }),
        reject,
      );
    });
    onward.on("error", reject);
    onward.end(body);
  });
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
