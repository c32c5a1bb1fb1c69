import { expect, it, onTestFinished } from "vitest";
import { readResultsPage, submitQuery } from "../../src/genesys/services.ts";
import { GcUsageError } from "../../src/support/errors.ts";
import { clientFor, type Handler, sendJson, startServer } from "./server.ts";

async function serve(handler: Handler) {
  const server = await startServer(handler);
  const client = clientFor(server.base, { retry: { baseMs: 0, maxAttempts: 3 } });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return { server, client };
}

async function read(handler: Handler): Promise<{ error: unknown; calls: number; url: string }> {
  const { server, client } = await serve(handler);
  const nothing = (): Promise<void> => Promise.resolve();
  const request = { service: "legacy", id: "e-1" } as const;
  const error: unknown = await readResultsPage(client, request, nothing, nothing).catch((e: unknown) => e);
  return { error, calls: server.seen.length, url: `${server.base}/api/v2/usage/query/e-1/results` };
}

const text =
  (body: string, type = "application/json"): Handler =>
  (response) =>
    response.writeHead(200, { "content-type": type }).end(body);

/** What the service responds: the reason in the error, and the number of calls. */
const BAD: [what: string, handler: Handler, reason: string, calls: number][] = [
  ["a page that calls itself text", text("<html>", "text/plain"), "this is HTML or XML, not JSON.", 1],
  ["nothing, 204", (response) => response.writeHead(204).end(), "expected JSON, but got no data.", 3],
  ["nothing, 200", text(""), "expected JSON, but got no data.", 3],
  ["a part", text('{"results":[{"a":1}'), "the JSON is truncated: it ends at byte 19, inside row 2.", 3],
  [
    "no rows",
    text("[1]"),
    'this is not a response of the usage API: unexpected "1" where a row should begin',
    3,
  ],
  ["an empty list", text("[]"), "the response has an unknown format.", 1],
  ["an error's body", text('{"message":"no","status":404}'), "the response has an unknown format.", 1],
];

it.each(BAD)(
  "a bad response is reported as the service's fault: %s",
  async (_what, handler, reason, calls) => {
    const { error, calls: made, url } = await read(handler);
    expect(error).toBeInstanceOf(GcUsageError);
    const { kind, message, details } = error as GcUsageError;
    expect(kind).toBe("service");
    expect(message).toContain(`Could not read the results of query e-1: ${reason}`);
    expect(message).toContain(`(GET ${url})`);
    expect(details).toMatchObject({ method: "GET", url });
    expect(made).toBe(calls);
  },
);

it("errors say what was being done", async () => {
  const refuse: Handler = (response) => sendJson(response, 400, { message: "bad" });
  const { error, url } = await read(refuse);
  expect((error as Error).message).toBe(`Could not read the results of query e-1: 400 bad. (GET ${url})`);
  const { server, client } = await serve(refuse);
  await expect(submitQuery(client, "jobs", { interval: "2026-10-01/2026-10-02" })).rejects.toThrow(
    `Could not submit the query: 400 bad. (POST ${server.base}/api/v2/usage/aggregates/query/jobs)`,
  );
});
