import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { GcUsageError, type Log, type UsageLake } from "../index.ts";
import { checkToken, isSame, listen } from "../serve/access.ts";
import { realEffects } from "../support/effects.ts";
import { codeOf, messageOf } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { METRICS_TYPE, type MetricsOptions, metricsOf } from "./metrics.ts";

/** Only this machine: a proxy in front can offer it to others. */
const HOST = "127.0.0.1";
/** Metrics are made again when the lake has changed, but not more often. */
const KEPT_MS = 60_000;

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the metrics at /metrics to whoever sends the token as `Authorization: Bearer`.
 *
 * @throws {GcUsageError} input, for a short token, or a port that cannot be used.
 */
export async function serveMetrics(
  lake: UsageLake,
  { port, token, ...options }: MetricsOptions & { readonly port: number; readonly token: string },
): Promise<MetricsServer> {
  checkToken(token, "token");
  const kept = new Kept(lake, options);
  const server = createServer((request, response) => {
    void answer(request, response, { token, kept, log: options.log });
  });
  server.requestTimeout = 10_000;
  const actual = await listen(server, HOST, port).catch((error: unknown) => {
    throw listenError(error, port);
  });
  return {
    url: `http://${HOST}:${actual}/metrics`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { method, url = "", headers }: IncomingMessage,
  response: ServerResponse,
  { token, kept, log }: { readonly token: string; readonly kept: Kept; readonly log: Log },
): Promise<void> {
  const end = (status: number, text: string, type = "text/plain; charset=utf-8"): void => {
    response.writeHead(status, {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(status === 405 ? { allow: "GET, HEAD" } : {}),
    });
    response.end(method === "HEAD" ? undefined : text);
  };
  if (!isSame(headers.authorization ?? "", `Bearer ${token}`))
    return end(401, "The token is missing or wrong.\n");
  if (url.split("?")[0] !== "/metrics") return end(404, "The metrics are at /metrics.\n");
  if (method !== "GET" && method !== "HEAD") return end(405, "Only GET.\n");
  try {
    end(200, await kept.text(), METRICS_TYPE);
  } catch (error) {
    const message = secrets.redact(messageOf(error));
    log.warn(`The metrics could not be made: ${message}`);
    // Prometheus then marks the target as down: old numbers would look like new ones.
    end(503, `${message}\n`);
  }
}

/** The metrics of a moment ago. */
class Kept {
  readonly #lake: UsageLake;
  readonly #options: MetricsOptions;
  #made: { readonly at: number; readonly text: Promise<string> } | undefined;

  constructor(lake: UsageLake, options: MetricsOptions) {
    this.#lake = lake;
    this.#options = options;
  }

  text(): Promise<string> {
    const now = realEffects.now();
    if (this.#made && now - this.#made.at < KEPT_MS) return this.#made.text;
    const made = { at: now, text: metricsOf(this.#lake, this.#options) };
    this.#made = made;
    made.text.catch(() => {
      if (this.#made === made) this.#made = undefined;
    });
    return made.text;
  }
}

function listenError(error: unknown, port: number): GcUsageError {
  const reason = codeOf(error) === "EADDRINUSE" ? "is already in use" : `cannot be used: ${messageOf(error)}`;
  return new GcUsageError("input", `Port ${port} ${reason}.`, {
    hint: "Choose another port with --listen.",
    cause: error,
  });
}
