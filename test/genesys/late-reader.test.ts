import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { Http, TIMEOUTS } from "../../src/genesys/http.ts";

/** Serves half bodies, gzipped or not. `reset` closes their connections and waits until the client has noticed. */
async function halfAnswers(): Promise<{ base: string; reset: () => Promise<void> }> {
  let answering: Socket | undefined;
  const server = createServer((request, response) => {
    if (request.url === "/whole") {
      response.end();
      return;
    }
    const zipped = request.url === "/gzip";
    const body = zipped ? gzipSync(Buffer.alloc(100_000, "x")) : Buffer.alloc(1_000, "x");
    response.writeHead(200, zipped ? { "content-encoding": "gzip" } : {});
    response.write(body.subarray(0, body.length / 2));
    answering = request.socket;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reset = async (): Promise<void> => {
    answering?.resetAndDestroy();
    // A response on another connection of this process proves that the reset has arrived, too.
    await (await fetch(`${base}/whole`)).text();
  };
  return { base, reset };
}

it.each(["/gzip", "/plain"])(
  "a %s body that was interrupted before it was read fails, and does not hang",
  async (path) => {
    const http = new Http(undefined, TIMEOUTS);
    onTestFinished(() => http.close());
    const { base, reset } = await halfAnswers();
    const call = { method: "GET", url: new URL(`${base}${path}`), purpose: "read" };
    const answer = await http.send(call, { headers: {} });
    await reset();
    const read = async (): Promise<void> => {
      for await (const _ of answer.body);
    };
    await expect(read()).rejects.toMatchObject({ kind: "service", retryable: true });
  },
  10_000,
);

it("a body whose call was aborted before it was read rejects with the signal's reason", async () => {
  const http = new Http(undefined, TIMEOUTS);
  onTestFinished(() => http.close());
  const stop = new AbortController();
  const { base, reset } = await halfAnswers();
  const call = { method: "GET", url: new URL(`${base}/gzip`), purpose: "read" };
  const answer = await http.send(call, { headers: {}, signal: stop.signal });
  stop.abort(new Error("enough"));
  await reset();
  const read = async (): Promise<void> => {
    for await (const _ of answer.body);
  };
  await expect(read()).rejects.toThrow("enough");
}, 10_000);
