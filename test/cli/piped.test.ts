import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { type Handler, SECRET, sendJson, startServer } from "../genesys/server.ts";
import { gcUsage, start } from "../helpers/cli.ts";

const ROW = '{"clientId":"c1","requests":1}';

const servers: { close(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
});

async function serve(handler: Handler) {
  const server = await startServer(handler);
  servers.push(server);
  const env = {
    GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
    GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
    GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
    GENESYSCLOUD_OAUTHCLIENT_ID: "the-client-id",
    GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET,
  };
  return { env, calls: server.seen };
}

/** Starts a command, reads the start of its output, and closes the pipe, as `head` does. */
async function head(running: ReturnType<typeof start>): Promise<{ exitCode?: number; stderr: string }> {
  const { stdout } = running;
  await Promise.race([once(stdout, "data"), running]);
  stdout.destroy();
  const stuck = setTimeout(() => running.kill("SIGKILL"), 20_000);
  const { exitCode, stderr } = await running;
  clearTimeout(stuck);
  return { ...(exitCode === undefined ? {} : { exitCode }), stderr };
}

describe.concurrent("a reader that closes the pipe ends the command without an error", () => {
  it("results, during an endless response", async () => {
    const { env } = await serve((response: ServerResponse) => {
      response.writeHead(200);
      response.write(`{"results":[${ROW}`);
      const timer = setInterval(() => response.write(`,${ROW}`.repeat(10_000)), 5);
      response.on("close", () => clearInterval(timer));
    });
    for (const flags of [[], ["--ndjson"]]) {
      expect(await head(start(["results", "id", ...flags], { env }))).toEqual({ exitCode: 0, stderr: "" });
    }
  });

  it("results, between pages", async () => {
    const { env, calls } = await serve((response, _request, n) =>
      sendJson(response, 200, {
        entities: Array.from({ length: 1000 }, () => ({ requestCount: 1 })),
        queryStatus: "Succeeded",
        nextUri: `/x?after=${n}`,
      }),
    );
    const ran = await head(start(["results", "id", "--service", "jobs", "--ndjson"], { env }));
    expect(ran).toEqual({ exitCode: 0, stderr: "" });
    expect(calls.length).toBeGreaterThan(0);
  });

  it("rows, from an endless pipe", async () => {
    function* answer(): Generator<string> {
      for (yield `{"results":[${ROW}`; ; ) yield `,${ROW}`.repeat(1000);
    }
    const running = start(["rows"], { input: Readable.from(answer()) });
    expect(await head(running)).toEqual({ exitCode: 0, stderr: "" });
  });
});

describe.concurrent("rows of a query that still runs", () => {
  const running: Handler = (response) =>
    response.writeHead(200).end(`{"results":[${ROW},${ROW}],"queryStatus":"Running"}`);

  it("are printed in a response with its status", async () => {
    const { env } = await serve(running);
    const ran = await gcUsage(["results", "id"], { env });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const row: unknown = JSON.parse(ROW);
    expect(JSON.parse(ran.stdout)).toEqual({ results: [row, row], queryStatus: "Running" });
  });

  it("are reported as incomplete with exit code 7", async () => {
    const { env } = await serve(running);
    const ran = await gcUsage(["results", "id", "--ndjson"], { env });
    expect(ran).toMatchObject({ exitCode: 7, stdout: `${ROW}\n${ROW}\n` });
    expect(ran.stderr).toMatch(
      /^error: Query id is still Running: these rows may not be all\.\nTo wait until it is done, add --wait\./,
    );
  });
});

it("members next to the rows are printed as exactly as rows", async () => {
  const members =
    '"queryStatus":"Complete","total":12345678901234567890,"more":{"sum":9007199254740993,"share":0.5}';
  const { env } = await serve((response) => response.writeHead(200).end(`{"results":[${ROW}],${members}}`));
  const ran = await gcUsage(["results", "id"], { env });
  expect(ran).toEqual({ exitCode: 0, stderr: "", stdout: `{"results":[\n${ROW}\n],${members}}\n` });
});
