import { createServer, type Server } from "node:http";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { getRequestListener } from "@hono/node-server";
import { GcUsageError, type Log, type UsageLake } from "../index.ts";
import { silentLog } from "../support/effects.ts";
import { codeOf, messageOf } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { checkToken, listen } from "./access.ts";
import { appOf } from "./app.ts";
import { addressOf, inUrl } from "./guard.ts";
import { Lakes } from "./lakes.ts";
import { PageFiles } from "./page-files.ts";
import { Sessions } from "./sessions.ts";
import { SQL_LIMITS, type SqlLimits } from "./sql.ts";

export interface ServeOptions {
  /** Default: 127.0.0.1, so that only this machine can connect. */
  readonly host?: string | undefined;
  /** Required for a host that other machines can reach. The connection is not encrypted. */
  readonly isPublic?: boolean | undefined;
  /** Default: `DEFAULT_PORT`, or else the next free one; 0 for any free port. */
  readonly port?: number | undefined;
  /** The address that browsers use, if a reverse proxy or a tunnel is in front: `https://usage.example.com`. */
  readonly url?: string | undefined;
  /** The token of a link that works many times, and signs in without SQL. At least 16 characters. */
  readonly readOnlyToken?: string | undefined;
  /** How long a statement may run, in seconds. Default: 60. */
  readonly seconds?: number | undefined;
  /** Receives bugs. Default: they are not shown. */
  readonly log?: Log | undefined;
  /** Called with the next link after a one-time link was used. */
  readonly onSignIn?: ((signInUrl: string) => void) | undefined;
  /** For tests: other limits. */
  readonly limits?: Partial<SqlLimits> | undefined;
  /** The folder of the built page. Default: that of the package. */
  readonly page?: string | undefined;
}

/** A running server. */
export interface PageServer {
  /** `http://127.0.0.1:8429`. */
  readonly url: string;
  readonly port: number;
  /** Signs in one browser, once. A getter: after the link was used, it is the next one. */
  readonly signInUrl: string;
  /** Signs in wall displays; null without a token for it. */
  readonly readOnlyUrl: string | null;
  /** Stops statements, ends connections, and closes the lake. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 8429;
/** The token of the wall display's link, for callers that read the environment. */
export const READ_ONLY_TOKEN_VARIABLE = "GC_USAGE_READ_ONLY_TOKEN";
/** How many ports are tried after the default one. */
const OTHER_PORTS = 20;
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

/**
 * Serves the page of a lake until it is closed.
 *
 * @throws {GcUsageError} input, for invalid options or a port that is not available; lake …, if the lake cannot be read.
 */
export async function startServer(lake: UsageLake, options: ServeOptions = {}): Promise<PageServer> {
  const { host = "127.0.0.1", readOnlyToken, log = silentLog } = options;
  const url = urlOf(options.url);
  checkHostOption(host, options.isPublic ?? false);
  if (readOnlyToken !== undefined) checkToken(readOnlyToken, "read-only token");
  const lakes = new Lakes(lake);
  await checkHasData(lakes);
  const stopping = new AbortController();
  const sessions = new Sessions(readOnlyToken);
  const server = createServer({ connectionsCheckingInterval: 5_000 });
  const limits = {
    ...SQL_LIMITS,
    ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
    ...options.limits,
  };
  boundConnections(server, limits.seconds);
  const port = await listenOn(server, host, options.port);
  const shownHost = ["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host;
  const address = url?.origin ?? `http://${inUrl(shownHost)}${port === 80 ? "" : `:${port}`}`;
  const linkWith = (token: string): string => `${address}/sign-in#${encodeURIComponent(token)}`;
  const app = appOf({
    address: addressOf(port, url, namesOf(host)),
    cookie: { name: `gc-usage-${port}`, isSecure: url?.protocol === "https:" },
    lakes,
    sessions,
    page: new PageFiles(options.page),
    limits,
    log,
    signal: stopping.signal,
    onSignIn: () => options.onSignIn?.(linkWith(sessions.token)),
  });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  server.on("request", (incoming, outgoing) => void listener(incoming, outgoing));
  return {
    url: address,
    port,
    get signInUrl() {
      return linkWith(sessions.token);
    },
    readOnlyUrl: readOnlyToken === undefined ? null : linkWith(readOnlyToken),
    close: async () => {
      stopping.abort(new GcUsageError("interrupted", "The server has stopped."));
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      // Requests that were stopped get their answer first.
      const timer = setTimeout(() => server.closeAllConnections(), 1_000);
      await closed;
      clearTimeout(timer);
      await lakes.close();
    },
  };
}

/** An empty page would not explain itself. */
async function checkHasData(lakes: Lakes): Promise<void> {
  const members = await lakes.members();
  const listings = await Promise.all(members.map((member) => lakes.listing(member)));
  if (listings.some(({ series }) => series.length > 0)) return;
  const [first] = members;
  throw new GcUsageError("lake", `The lake ${first?.uri ?? ""} is empty.`, {
    hint: `Fill it with \`gc-usage sync${first?.flags ?? ""}\`, or try \`gc-usage demo\`.`,
  });
}

function checkHostOption(host: string, isPublic: boolean): void {
  if (LOOPBACK.includes(host) || (isIP(host) === 4 && host.startsWith("127.")) || isPublic) return;
  throw new GcUsageError("refused", `Other machines could read the lake at ${quoted(host)}.`, {
    hint: `Add --public if that is intended: the connection is not encrypted. Safer: omit --host, and use an SSH tunnel or a reverse proxy (docs/serve.md).`,
  });
}

function urlOf(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAddress =
    url &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === "/" &&
    url.search + url.hash + url.username === "";
  if (isAddress) return url;
  throw new GcUsageError("input", `Invalid --url: ${quoted(text)} (expected an address without a path).`, {
    hint: "Use for example https://usage.example.com",
  });
}

/** The names of this machine, if the server listens on more than loopback. */
function namesOf(host: string): string[] {
  if (!["0.0.0.0", "::"].includes(host)) return [host];
  const addresses = Object.values(networkInterfaces()).flatMap(
    (all) => all?.map(({ address }) => address) ?? [],
  );
  return [hostname(), ...addresses];
}

/** No client can hold many connections, or one for long. */
function boundConnections(server: Server, seconds: number): void {
  server.maxConnections = 200;
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 10_000;
  // Nothing is sent while a statement runs.
  server.timeout = (seconds + 60) * 1_000;
}

async function listenOn(server: Server, host: string, port: number | undefined): Promise<number> {
  const ports =
    port === undefined ? Array.from({ length: OTHER_PORTS + 1 }, (_, i) => DEFAULT_PORT + i) : [port];
  for (const candidate of ports) {
    try {
      return await listen(server, host, candidate);
    } catch (error) {
      if (codeOf(error) === "EADDRINUSE" && candidate !== ports.at(-1)) continue;
      throw listenError(error, host, candidate);
    }
  }
  throw new RangeError("no port to try");
}

function listenError(error: unknown, host: string, port: number): GcUsageError {
  const code = codeOf(error);
  if (code === "EADDRINUSE") {
    return new GcUsageError("input", `Port ${port} is already in use.`, {
      hint: "Choose another port with --port, or omit it to use the next free one.",
      cause: error,
    });
  }
  const isHost = code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN";
  return new GcUsageError(
    "input",
    isHost
      ? `${quoted(host)} is not an address of this machine.`
      : `Cannot listen on ${host}, port ${port}: ${messageOf(error)}.`,
    {
      hint: isHost
        ? "Omit --host to listen on this machine only, or use --host 0.0.0.0 --public for all of its addresses."
        : "Choose another port with --port.",
      cause: error,
    },
  );
}
