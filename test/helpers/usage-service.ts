import { afterAll } from "vitest";
import { sendJson, startServer, type TestServer } from "../genesys/server.ts";

/** A request for a query's results. */
export interface Look {
  /** The number of the submitted query, from 1. */
  readonly query: number;
  /** The number of this request for the query's results, from 1. */
  readonly look: number;
  readonly start: string;
  readonly end: string;
  readonly after: string | undefined;
  readonly pageSize: number;
}

export interface UsageService {
  readonly env: Record<string, string>;
  /** Bodies of the submitted queries. */
  readonly submitted: { readonly interval: string }[];
  readonly looks: Look[];
}

export interface Answering {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

const servers: TestServer[] = [];
// Not at the end of a test: among concurrent tests it is unclear which one has just finished.
afterAll(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/**
 * A real server with both usage services, where a test decides the response to each request for a query's results.
 *
 * @param text changes the text of a response's body, to write what no object can represent.
 * @param now the time of its clock when a response is sent, in milliseconds since 1970; default: the real time.
 */
export async function startUsageService(
  answer: (look: Look) => Answering,
  { now = Date.now, text = (json) => json }: { now?: () => number; text?: (json: string) => string } = {},
): Promise<UsageService> {
  const submitted: { interval: string }[] = [];
  const looks: Look[] = [];
  const server: TestServer = await startServer(
    (response, { method, url, body }) => {
      const date = { date: new Date(now()).toUTCString() };
      const { pathname, searchParams } = new URL(url, "http://x");
      if (method === "POST") {
        const n = submitted.push(JSON.parse(body) as { interval: string });
        sendJson(response, 200, { id: `query-${n}`, executionId: `query-${n}` }, date);
        return;
      }
      const id = /query-(\d+)/.exec(pathname)?.[1];
      if (id === undefined) {
        sendJson(response, 200, { id: "0a4a2f2e-1b2c-4d3e-8f4a-5b6c7d8e9f00", name: "Test" }, date);
        return;
      }
      const query = Number(id);
      const [start = "", end = ""] = submitted[query - 1]?.interval.split("/") ?? [];
      const look: Look = {
        query,
        look: looks.filter((earlier) => earlier.query === query).length + 1,
        start,
        end,
        after: searchParams.get("after") ?? undefined,
        pageSize: Number(searchParams.get("pageSize")),
      };
      looks.push(look);
      const { status = 200, body: answered, headers } = answer(look);
      response
        .writeHead(status, { "content-type": "application/json", ...date, ...headers })
        .end(text(JSON.stringify(answered)));
    },
    (response) =>
      sendJson(
        response,
        200,
        { access_token: "token-of-nobody", expires_in: 86_400 },
        { date: new Date(now()).toUTCString() },
      ),
  );
  servers.push(server);
  return {
    env: {
      GENESYSCLOUD_REGION: "us-east-1",
      GENESYSCLOUD_OAUTHCLIENT_ID: "31480be0-4e7b-49fc-accb-f5eeb7d83d5e",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: "secret-of-nobody-at-all",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
    },
    submitted,
    looks,
  };
}

/** A row of the jobs service, by client and method. */
export function jobsRow(date: string, client: string, requests: number): Record<string, unknown> {
  return {
    date,
    httpMethod: "GET",
    requestCount: requests,
    status200: requests,
    status300: 0,
    status400: 0,
    status500: 0,
    status429: 0,
    oauthClient: { id: client, name: client },
  };
}

/** A row of the legacy service, by client. */
export function legacyRow(date: string, client = "a", requests = 1): Record<string, unknown> {
  const counts = { status200: requests, status300: 0, status400: 0, status500: 0, status429: 0, requests };
  return { clientId: client, clientName: client, ...counts, date: `${date}T00:00:00Z` };
}

/** The UTC day this many days before today. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

/** The days from the first to the last, both included. */
export function daysOf({ start, end }: Pick<Look, "start" | "end">): string[] {
  const days: string[] = [];
  for (let ms = Date.parse(start); ms <= Date.parse(end); ms += 86_400_000) {
    days.push(new Date(ms).toISOString().slice(0, 10));
  }
  return days;
}
