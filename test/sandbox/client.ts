import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/sandbox.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Json;
}

/** Parsed JSON that tests inspect. */
export interface Json {
  readonly [field: string]: unknown;
}

/** A plain HTTP client for tests: signs in, submits, polls, reads pages. It knows nothing of the sandbox's code. */
export class TestClient {
  readonly sandbox: Sandbox;
  token: string;

  constructor(sandbox: Sandbox, token: string) {
    this.sandbox = sandbox;
    this.token = token;
  }

  static async signIn(
    sandbox: Sandbox,
    credentials: Credentials = sandbox,
    prefix = "",
  ): Promise<TestClient> {
    const { status, json } = await signIn(sandbox, credentials, prefix);
    if (status !== 200) throw new Error(`sign-in answered ${status}`);
    return new TestClient(sandbox, String(json["access_token"]));
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.sandbox.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return answerOf(response);
  }

  get(path: string): Promise<Answer> {
    return this.call("GET", path);
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.call("POST", path, body);
  }

  /** Submits and waits: the first response that is neither Queued nor Running. */
  async submit(path: string, body: unknown): Promise<{ uri: string; first: Answer }> {
    const submitted = await this.post(path, body);
    if (submitted.status >= 300) throw new Error(submitted.text);
    const uri = String(submitted.json["resultsUri"]);
    return { uri, first: await this.wait(uri) };
  }

  async wait(uri: string): Promise<Answer> {
    for (;;) {
      const answer = await this.get(uri);
      const state = answer.json["queryStatus"];
      if (answer.status >= 300 || (state !== "Running" && state !== "Queued")) return answer;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async legacyRows(body: unknown, path = "/api/v2/usage/query"): Promise<Json[]> {
    return (await this.submit(path, body)).first.json["results"] as Json[];
  }

  async jobRows(
    body: unknown,
    path = "/api/v2/usage/aggregates/query/jobs",
    pageSize = 1000,
  ): Promise<Json[]> {
    const { uri } = await this.submit(path, body);
    const rows: Json[] = [];
    for (let next: unknown = `${uri}?pageSize=${pageSize}`; typeof next === "string"; ) {
      const page = await this.get(next);
      rows.push(...(page.json["entities"] as Json[]));
      next = page.json["nextUri"];
    }
    return rows;
  }
}

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

export async function signIn(sandbox: Sandbox, credentials: Credentials, prefix = ""): Promise<Answer> {
  const { clientId, clientSecret } = credentials;
  const response = await fetch(`${sandbox.url}${prefix}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  return answerOf(response);
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: JSON.parse(text) as Json,
  };
}

/** Noon of the day after the last one with data: 2026-11-22. */
export const NOW = Date.parse("2026-11-23T12:00:00Z");

/** Runs a test against its own sandbox. */
export async function withSandbox(
  options: SandboxOptions,
  test: (client: TestClient, sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  const sandbox = await startSandbox({ now: NOW, jobDelayMs: 0, rateLimit: 100_000, ...options });
  try {
    await test(await TestClient.signIn(sandbox), sandbox);
  } finally {
    await sandbox.close();
  }
}
