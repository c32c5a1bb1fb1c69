import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";
import { dayOf } from "../usage/day.ts";
import { Access, credentialsOf } from "./access.ts";
import { FaultDice, type FaultSpec } from "./faults.ts";
import { Jobs } from "./jobs.ts";
import { createOrganization } from "./organization.ts";
import type { OrganizationStatus } from "./route.ts";
import { routesOf } from "./routes.ts";
import { SandboxServer } from "./server.ts";

export { type BillingPeriodTruth, type ContractTruth, contracts } from "./contracts.ts";
export { type Fact, type FactOptions, facts } from "./facts.ts";
export { FAULTS, type Fault, type FaultSpec, PASSING_FAULTS, parseFaults } from "./faults.ts";
export {
  type Incident,
  incidents,
  type RateLimitCase,
  type RateLimitOptions,
  rateLimitCases,
} from "./incidents.ts";
export { ORGANIZATION_STATUSES, type OrganizationStatus } from "./route.ts";

export interface SandboxOptions {
  /** Default: 0, any free port. */
  readonly port?: number;
  readonly seed?: number;
  /** The initial time of its clock, in milliseconds since 1970; the clock then runs on. */
  readonly now?: number;
  /** Requests per minute for each token. */
  readonly rateLimit?: number;
  /** Seconds. */
  readonly tokenTtl?: number;
  readonly faults?: FaultSpec;
  /** The status of `GET /api/v2/organizations/me`: 200, or 403 or 404, as for a token or a gateway without it. */
  readonly organizationStatus?: OrganizationStatus;
  /** Multiplies clients and users: an integer from 1. */
  readonly scale?: number;
  /** Whether some clients also exceed limits of each kind, for a few days at a time. Changes their usage. Default: false. */
  readonly incidents?: boolean;
  /** A delay before every response, in milliseconds. */
  readonly latencyMs?: number;
  /** How long a job stays Queued and Running, plus or minus half, in milliseconds. */
  readonly jobDelayMs?: number;
}

const DEFAULTS = {
  port: 0,
  seed: 1,
  rateLimit: 300,
  tokenTtl: 86_400,
  scale: 1,
  latencyMs: 0,
  jobDelayMs: 400,
  organizationStatus: 200,
  incidents: false,
} as const;

/** A running sandbox. */
export interface Sandbox {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The environment variables that gc-usage needs to use it. */
  readonly env: Record<string, string>;
  /** More credentials, to try permission errors: for only the legacy service, and for nothing at all. */
  readonly others: readonly { clientId: string; clientSecret: string; permissions: readonly string[] }[];
  /** All calls, and those with a fault; calls by kind (token, submit, results, clients …), rate limit errors, faults. */
  counts(): Record<string, number>;
  /** Closes connections and removes its files. */
  close(): Promise<void>;
}

/**
 * Starts a simulated Genesys Cloud organization on 127.0.0.1.
 *
 * @throws {GcUsageError} input, if the port is not available.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port, seed, rateLimit, tokenTtl, scale, latencyMs, jobDelayMs, organizationStatus, incidents } = {
    ...DEFAULTS,
    ...options,
  };
  const monotonic = (): number => performance.now();
  const offset = (options.now ?? Date.now()) - monotonic();
  const clock = (): number => offset + monotonic();
  const organization = createOrganization(seed, scale, incidents);
  const dice = new FaultDice(seed, options.faults ?? {});
  const counts = new Map<string, number>();
  const count = (kind: string): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-sandbox-"));
  const jobs = new Jobs(organization, { folder, delayMs: jobDelayMs, monotonic, faultOf });
  const credentials = credentialsOf(organization);
  const access = new Access(credentials, { seed, rateLimit, tokenTtl, monotonic });
  const routes = routesOf({ organization, jobs, rateLimit, organizationStatus, today: () => dayOf(clock()) });
  const answering = new SandboxServer({ seed, access, routes, dice, clock, latencyMs, count });
  const server = createServer((request, response) => {
    // A client that disconnects is not a bug, and it cannot receive an error.
    answering.handle(request, response).catch(() => response.destroy());
  });
  const removeFiles = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFiles);

  function faultOf(job: number) {
    const fault = dice.forJob(job);
    if (fault !== undefined) count(`fault:${fault}`);
    return fault;
  }

  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await jobs.close();
    removeFiles();
    process.off("exit", removeFiles);
  };
  const listening = await listen(server, port).catch(async (error: unknown) => {
    await close();
    throw portError(error, port);
  });
  const [main, ...others] = credentials;
  if (main === undefined) throw new Error("the organization has no client to sign in with");
  return {
    url: `http://127.0.0.1:${listening}`,
    clientId: main.clientId,
    clientSecret: main.clientSecret,
    env: {
      GENESYSCLOUD_REGION: "us-east-1",
      GENESYSCLOUD_OAUTHCLIENT_ID: main.clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: main.clientSecret,
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PORT: String(listening),
    },
    others,
    counts: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    close,
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function portError(error: unknown, port: number): GcUsageError {
  const inUse = codeOf(error) === "EADDRINUSE";
  return new GcUsageError(
    "input",
    inUse ? `Port ${port} is already in use.` : `Cannot listen on port ${port}: ${messageOf(error)}.`,
    { hint: "Choose another port with --port, or use --port 0 for any free port.", cause: error },
  );
}
