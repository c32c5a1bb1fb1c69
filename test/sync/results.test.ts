import type { ServerResponse } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { realEffects } from "../../src/support/effects.ts";
import { type ResultsRequest, readResults } from "../../src/sync/results.ts";
import type { Service } from "../../src/usage/service.ts";
import { clientFor, type Handler, sendJson, startServer } from "../genesys/server.ts";

const row = (n: number): object => ({ clientId: `c${n}`, requests: n });
const lines = (...numbers: number[]): string => numbers.map((n) => `${JSON.stringify(row(n))}\n`).join("");
const answer = (queryStatus: string, ...numbers: number[]): object => ({
  results: numbers.map(row),
  queryStatus,
});

/** A response whose connection is lost after these rows. */
function breakOff(response: ServerResponse, ...numbers: number[]): void {
  response.writeHead(200, { "content-length": 100_000 });
  const part = `{"results":[${numbers.map((n) => `${JSON.stringify(row(n))},`).join("")}`;
  response.write(part, () => response.destroy());
}

/** Reads a server's responses; `printed` is what has been passed on, even if reading failed. */
async function read(handler: Handler, request: Partial<ResultsRequest> & { service?: Service } = {}) {
  const server = await startServer(handler);
  const client = clientFor(server.base);
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  let printed = "";
  const page = readResults({
    client,
    service: "legacy",
    id: "id",
    effects: { ...realEffects, sleep: () => Promise.resolve() },
    signal: undefined,
    waitMs: 60_000,
    onWait: () => {},
    write: (ndjson) => {
      printed += Buffer.from(ndjson).toString();
      return Promise.resolve();
    },
    ...request,
  });
  return { page, calls: server.seen, printed: () => printed };
}

it("passes an interrupted response on once", async () => {
  const { page, printed } = await read((response, _request, n) =>
    n === 1 ? breakOff(response, 1, 2) : sendJson(response, 200, answer("Complete", 1, 2, 3)),
  );
  expect(await page).toMatchObject({ state: "done" });
  expect(printed()).toBe(lines(1, 2, 3));
});

it.each([
  ["shorter", answer("Complete", 1)],
  ["empty", answer("Complete")],
  ["another", answer("Complete", 9, 2, 3)],
])("fails if a response is interrupted and %s on retry", async (_what, again) => {
  const { page } = await read((response, _request, n) =>
    n === 1 ? breakOff(response, 1, 2, 3) : sendJson(response, 200, again),
  );
  await expect(page).rejects.toMatchObject({
    kind: "service",
    message: "The service returned different data on retry, so the output is incomplete.",
  });
});

it("fails if a response is interrupted and the query then runs again, unless it waits", async () => {
  const handler: Handler = (response, _request, n) => {
    if (n === 1) breakOff(response, 1, 2);
    else sendJson(response, 200, n === 2 ? { queryStatus: "Running" } : answer("Complete", 1, 2, 3));
  };
  await expect((await read(handler, { waitMs: undefined })).page).rejects.toMatchObject({ kind: "service" });
  const waited = await read(handler);
  await waited.page;
  expect(waited.printed()).toBe(lines(1, 2, 3));
});

it("passes rows of a running query on once, however often they are requested", async () => {
  const { page, printed, calls } = await read((response, _request, n) =>
    sendJson(response, 200, n < 4 ? answer("Running", 1, 2) : answer("Complete", 1, 2, 3)),
  );
  await page;
  expect(calls).toHaveLength(4);
  expect(printed()).toBe(lines(1, 2, 3));
});

it("fails if the pages form a loop", async () => {
  const { page, calls } = await read(
    (response, { url }) => {
      const after = new URL(url, "http://x").searchParams.get("after");
      sendJson(response, 200, {
        entities: [{ requestCount: after?.charCodeAt(0) ?? 1 }],
        queryStatus: "Succeeded",
        nextUri: `/x?after=${after === "b" ? "c" : "b"}`,
      });
    },
    { service: "jobs" },
  );
  await expect(page).rejects.toMatchObject({
    kind: "service",
    message: expect.stringContaining("points back to a page that was already read") as string,
  });
  expect(calls).toHaveLength(3);
}, 10_000);

it("ends at once if its output says so", async () => {
  const enough = new Error("enough");
  const { page, calls } = await read(
    (response) =>
      sendJson(response, 200, {
        entities: [{ requestCount: 1 }],
        queryStatus: "Succeeded",
        nextUri: "/x?after=b",
      }),
    { service: "jobs", write: () => Promise.reject(enough) },
  );
  await expect(page).rejects.toBe(enough);
  expect(calls).toHaveLength(1);
});
