import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";
import { AthenaError } from "./athena-error.ts";
import { Executions, startInput } from "./athena-executions.ts";
import { resultsPage } from "./athena-results.ts";
import type { Call, Moto } from "./moto.ts";
import type { Trino } from "./trino.ts";

/** A server that speaks Athena's JSON protocol and runs the SQL on Trino. */
export interface Athena {
  readonly url: string;
  /** Every execution since the start, oldest first. */
  readonly executions: Executions;
  readonly stop: () => Promise<void>;
}

const oneId = z.object({ QueryExecutionId: z.string() });
const manyIds = z.object({ QueryExecutionIds: z.array(z.string()).max(50) });
const pageInput = z.object({
  QueryExecutionId: z.string(),
  NextToken: z.string().optional(),
  MaxResults: z.number().int().optional(),
});

/**
 * Handles the actions for executions itself. All others (workgroups, named queries, tags) are passed to moto, which
 * has the stacks. Follows the settings of a workgroup: result location, scan limit, enforcement.
 */
export async function startAthena(moto: Moto, trino: Trino): Promise<Athena> {
  const executions = new Executions(moto.url, trino.url);
  const actions: Record<string, (input: unknown) => unknown> = {
    StartQueryExecution: async (input) => ({
      QueryExecutionId: await executions.start(startInput.parse(input)),
    }),
    GetQueryExecution: (input) => ({
      QueryExecution: executions.get(oneId.parse(input).QueryExecutionId).describe(),
    }),
    BatchGetQueryExecution: (input) => executions.describeAll(manyIds.parse(input).QueryExecutionIds),
    StopQueryExecution: (input) => {
      executions.get(oneId.parse(input).QueryExecutionId).cancel("Query cancelled by user");
      return {};
    },
    GetQueryResults: (input) => {
      const { QueryExecutionId, NextToken, MaxResults } = pageInput.parse(input);
      return resultsPage(executions.get(QueryExecutionId), NextToken, MaxResults);
    },
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const target = String(request.headers["x-amz-target"]);
    const action = actions[target.replace("AmazonAthena.", "")];
    if (action === undefined) {
      await forward(moto.url, request, body, response); // and moto records it
      return;
    }
    const agent = request.headers["user-agent"] ?? "";
    const sent = { method: "POST", path: "/", query: "", target, agent, body };
    const call: Call = { ...sent, status: 200, stack: false, owner: "", encryption: "", key: "" };
    appendFileSync(moto.record, `${JSON.stringify(call)}\n`);
    try {
      send(response, 200, await action(JSON.parse(body)));
    } catch (error) {
      if (error instanceof AthenaError) send(response, 400, { __type: error.type, ...error.fields });
      else if (error instanceof z.ZodError) {
        send(response, 400, { __type: "InvalidRequestException", Message: z.prettifyError(error) });
      } else throw error;
    }
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      send(response, 500, { __type: "InternalServerException", Message: String(error) });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const stop = async (): Promise<void> => {
    executions.cancelAll();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${address.port}`, executions, stop };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  request.setEncoding("utf8");
  for await (const chunk of request) body += String(chunk);
  return body;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}

async function forward(
  aws: string,
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
): Promise<void> {
  const headers = new Headers({ "content-type": "application/x-amz-json-1.1" });
  for (const name of ["x-amz-target", "authorization", "x-amz-date", "user-agent"]) {
    headers.set(name, String(request.headers[name] ?? ""));
  }
  const answer = await fetch(aws, { method: "POST", headers, body });
  response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.1" });
  response.end(await answer.text());
}
