import { type IncomingHttpHeaders, request } from "node:http";
import { gunzipSync } from "node:zlib";

/** What a server answered. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Sends a request as it is: unlike fetch, with any Host and Origin, and a path that is not normalized. */
export function send(url: string, path: string, { method = "GET", headers = {}, body, signal }: Sent = {}) {
  return new Promise<Answered>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, path, method, headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const isGzip = response.headers["content-encoding"] === "gzip";
        const text = (isGzip ? gunzipSync(bytes) : bytes).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The page in a browser that has signed in. */
export class Browser {
  readonly #url: string;
  readonly cookie: string;

  private constructor(url: string, cookie: string) {
    this.#url = url;
    this.cookie = cookie;
  }

  static async signIn(link: string): Promise<Browser> {
    const { origin, hash } = new URL(link);
    const answered = await signInWith(origin, decodeURIComponent(hash.slice(1)));
    const [cookie = ""] = answered.headers["set-cookie"] ?? [];
    return new Browser(origin, cookie.split(";")[0] ?? "");
  }

  get(path: string, headers: Sent["headers"] = {}): Promise<Answered> {
    return send(this.#url, path, { headers: { cookie: this.cookie, ...headers } });
  }

  async json<T = unknown>(path: string): Promise<T> {
    return JSON.parse((await this.get(path)).text) as T;
  }

  send(method: string, path: string, body?: unknown, sent: Sent = {}): Promise<Answered> {
    const { headers, ...others } = sent;
    return send(this.#url, path, {
      method,
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: {
        cookie: this.cookie,
        origin: this.#url,
        "sec-fetch-site": "same-origin",
        "content-type": "application/json",
        ...headers,
      },
      ...others,
    });
  }

  sql(sql: string, id = "1", sent: Sent = {}): Promise<Answered> {
    return this.send("POST", "/api/sql", { id, sql }, sent);
  }
}

/** The request of the sign-in page. */
export function signInWith(url: string, token: string, headers: Sent["headers"] = {}): Promise<Answered> {
  return send(url, "/sign-in", {
    method: "POST",
    headers: { origin: url, "content-type": "application/json", ...headers },
    body: JSON.stringify({ token }),
  });
}
