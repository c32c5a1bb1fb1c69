import { onTestFinished } from "vitest";
import { GenesysClient } from "../../src/genesys/client.ts";
import type { Optional } from "../../src/genesys/listing.ts";
import { type SandboxOptions, startSandbox } from "../../src/sandbox/sandbox.ts";
import { clientFor, type Handler, sendJson, settingsFor, startServer } from "./server.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");

interface SandboxClients {
  /** With every permission. */
  readonly client: GenesysClient;
  /** With the credentials of `Sandbox.others`. */
  readonly as: (other: number) => GenesysClient;
}

/** Clients of a sandbox of its own, on 2026-11-23. */
export async function sandboxClient(options: SandboxOptions = {}): Promise<SandboxClients> {
  const sandbox = await startSandbox({ now: NOW, ...options });
  const clients: GenesysClient[] = [];
  const sign = (credentials: { clientId: string; clientSecret: string }): GenesysClient => {
    const { clientId, clientSecret } = credentials;
    const client = new GenesysClient({
      ...settingsFor(sandbox.url),
      credentials: { kind: "client", clientId, clientSecret },
    });
    clients.push(client);
    return client;
  };
  onTestFinished(async () => {
    for (const client of clients) await client.close();
    await sandbox.close();
  });
  const as = (i: number): GenesysClient => {
    const other = sandbox.others[i];
    if (other === undefined) throw new Error(`no other client ${i}`);
    return sign(other);
  };
  return { client: sign(sandbox), as };
}

/** A client of a service that answers the calls with these, in turn; the last one again and again. */
export async function answering(...answers: unknown[]): Promise<GenesysClient> {
  const handler: Handler = (response, _, n) =>
    sendJson(response, 200, answers[Math.min(n, answers.length) - 1]);
  return serving(handler);
}

/** A client of a service of its own. */
export async function serving(handler: Handler): Promise<GenesysClient> {
  const server = await startServer(handler);
  const client = clientFor(server.base, { retry: { baseMs: 0, maxAttempts: 2 } });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return client;
}

/** @throws if the endpoint is not available. */
export function valueOf<T>(answer: Optional<T>): T {
  if (!answer.available) throw new Error(answer.reason);
  return answer.value;
}
