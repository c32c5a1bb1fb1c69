import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { Http, TIMEOUTS } from "../../src/genesys/http.ts";

/** Answers with half a body, gzipped or not, and resets the connection a moment later. */
async function halfAnswers(): Promise<string> {
  const server = createServer((request, response) => {
    const zipped = request.url === "/gzip";
    const body = zipped ? gzipSync(Buffer.alloc(100_000, "x")) : Buffer.alloc(1_000, "x");
    response.writeHead(200, zipped ? { "content-encoding": "gzip" } : {});
    response.write(body.subarray(0, body.length / 2));
    setTimeout(() => response.socket?.resetAndDestroy(), 20);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it.each(["/gzip", "/plain"])(
  "a body of %s that broke off before it was read fails, and does not wait for ever",
  async (path) => {
    const http = new Http(undefined, TIMEOUTS);
    onTestFinished(() => http.close());
    const call = { method: "GET", url: new URL(`${await halfAnswers()}${path}`), purpose: "read" };
    const answer = await http.send(call, { headers: {} });
    await sleep(150);
    const read = async (): Promise<void> => {
      for await (const _ of answer.body);
    };
    await expect(read()).rejects.toMatchObject({ kind: "service", retryable: true });
  },
  10_000,
);

it("a body whose call was aborted before it was read ends with the signal's reason", async () => {
  const http = new Http(undefined, TIMEOUTS);
  onTestFinished(() => http.close());
  const stop = new AbortController();
  const call = { method: "GET", url: new URL(`${await halfAnswers()}/gzip`), purpose: "read" };
  const answer = await http.send(call, { headers: {}, signal: stop.signal });
  stop.abort(new Error("enough"));
  await sleep(50);
  const read = async (): Promise<void> => {
    for await (const _ of answer.body);
  };
  await expect(read()).rejects.toThrow("enough");
}, 10_000);
