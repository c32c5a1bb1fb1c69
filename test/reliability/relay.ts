import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import type { Chance } from "./size.ts";

/** A secret with every character that some encoding changes. */
export const SECRET = "s3cr3t/+=&\"q\\u0041%41'<x>#;~";

export const WRONG_SECRET = Buffer.from(SECRET).reverse().toString();

/** A server between the program and a sandbox: knows every secret that passes, and repeats them in its responses. */
export interface Relay {
  readonly env: Record<string, string>;
  readonly clientId: string;
  /** Every form of each secret so far. */
  secrets(): string[];
  close(): Promise<void>;
}

/** @param echo how often a call gets an error that repeats the caller's own secrets, from 0 to 1. */
export async function startRelay(sandbox: Sandbox, chance: Chance, echo: number): Promise<Relay> {
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const authorization = request.headers.authorization ?? "";
    if (chance.next() < echo) {
      response.writeHead(chance.pick([400, 401, 403, 500, 503]), { "content-type": "application/json" });
      const own = ownSecret(authorization);
      const text = `you sent ${authorization} and ${body}, that is ${own} or ${encodeURIComponent(own)}`;
      response.end(
        JSON.stringify({ message: text, code: text, status: 400, contextId: text, access_token: own }),
      );
      return;
    }
    const isSignIn = request.url?.endsWith("/oauth/token") ?? false;
    const headers = { ...request.headers, "accept-encoding": "identity" };
    if (isSignIn && authorization === `Basic ${basic(sandbox.clientId, SECRET)}`) {
      Object.assign(headers, { authorization: `Basic ${basic(sandbox.clientId, sandbox.clientSecret)}` });
    }
    const { port } = new URL(sandbox.url);
    const passed = send(
      { host: "127.0.0.1", port, method: request.method, path: request.url, headers },
      (reply) => {
        void read(reply).then((text) => {
          const token = /"access_token":"([^"]+)"/.exec(text)?.[1];
          if (token !== undefined) tokens.add(token);
          response.writeHead(reply.statusCode ?? 500, { "content-type": "application/json" });
          response.end(text);
        });
      },
    );
    passed.on("error", () => response.destroy());
    passed.end(body);
  }

  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: { ...sandbox.env, GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET, GENESYSCLOUD_GATEWAY_PORT: String(port) },
    clientId: sandbox.clientId,
    secrets: () =>
      [SECRET, WRONG_SECRET, ...tokens].flatMap((secret) => [
        ...formsOf(secret),
        ...formsOf(`${sandbox.clientId}:${secret}`),
      ]),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The caller's own secrets: it cannot know those of others. */
function ownSecret(authorization: string): string {
  const [kind = "", value = ""] = authorization.split(" ");
  return kind === "Basic"
    ? Buffer.from(value, "base64")
        .toString("utf8")
        .replace(/^[^:]*:/, "")
    : value;
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const forms = [
    secret,
    encodeURIComponent(secret),
    json,
    JSON.stringify(json).slice(1, -1),
    bytes.toString("hex"),
  ];
  return [...new Set([...forms, bytes.toString("base64"), bytes.toString("base64url")])];
}

function basic(id: string, secret: string): string {
  return Buffer.from(`${id}:${secret}`).toString("base64");
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
