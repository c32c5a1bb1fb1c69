import type { GenesysClient } from "../genesys/client.ts";
import {
  type Limit,
  readChangeRequests,
  readLimitDefaults,
  readLimitDocs,
  readLimitNamespaces,
  readLimits,
} from "../genesys/limits.ts";
import type { Optional } from "../genesys/listing.ts";
import { DOCUMENTED_LIMITS, type KnownLimit, mergedLimits } from "../insight/limits.ts";
import { readClaim } from "../lake/claim.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { compareOrigins, describeOrganization } from "../usage/organization.ts";
import { type JudgedRequest, judgedRequest } from "./change-requests.ts";
import type { LakeContext } from "./context.ts";
import { recordRun } from "./costs.ts";
import { reading } from "./lake-access.ts";
import type { RunOptions } from "./settings.ts";

/** Something that the organization did not answer, and why. */
export interface Unavailable {
  /** `the requests to change limits` */
  readonly what: string;
  /** One sentence. */
  readonly reason: string;
  /** The permissions that would be sufficient, if the service says. */
  readonly permissions: readonly string[];
}

export interface OfflineOptions extends RunOptions {
  /** Do not call the API. */
  readonly offline?: boolean | undefined;
}

/** A client for the lake's organization, or why there is none. */
export type Connected =
  | { readonly client: GenesysClient; readonly connectedMs: number }
  | { readonly client: undefined; readonly reason: string; readonly isIntended: boolean };

/**
 * Connects, unless `offline` is set, or there are no credentials or no region.
 *
 * @throws {GcUsageError} refused, if the credentials belong to another organization than the lake; input, for invalid settings.
 */
export async function connectIfPossible(context: LakeContext, options: OfflineOptions): Promise<Connected> {
  if (options.offline) return { client: undefined, reason: "--offline is set.", isIntended: true };
  const connectedMs = performance.now();
  let client: GenesysClient;
  try {
    client = await context.connect(options.signal);
  } catch (error) {
    if (!isGcUsageError(error) || !isNotSetUp(error)) throw error;
    return { client: undefined, reason: error.message, isIntended: false };
  }
  try {
    await checkOrganization(context, client, options);
  } catch (error) {
    await client.close();
    throw error;
  }
  return { client, connectedMs };
}

/** Without credentials or a region, there is no connection. Invalid ones are an error. */
function isNotSetUp({ kind, details }: GcUsageError): boolean {
  return kind === "credentials" || details["missing"] === "region";
}

/** Closes the client, and records what the run has cost. */
export async function disconnect(context: LakeContext, connected: Connected): Promise<void> {
  if (connected.client === undefined) return;
  const { client, connectedMs } = connected;
  await client.close();
  const { calls, throttled } = client.stats;
  if (calls === 0) return;
  const seconds = (performance.now() - connectedMs) / 1000;
  await recordRun(context, "limits", { calls, throttled, seconds });
}

/** Runs what calls the API. If that fails, the error says how to do without. */
export async function orOffline<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isGcUsageError(error) || !["service", "timeout", "credentials"].includes(error.kind)) throw error;
    const { kind, message, hint, retryable, details } = error;
    throw new GcUsageError(kind, message, {
      hint: [...(hint === undefined ? [] : [hint]), "To do without the API, add --offline."].join(" "),
      retryable,
      details,
      cause: error,
    });
  }
}

/** The limits of one organization would explain nothing about the usage of another. */
async function checkOrganization(
  context: LakeContext,
  client: GenesysClient,
  options: RunOptions,
): Promise<void> {
  const claim = await reading(context, options, readClaim).catch((error: unknown) => {
    // Without a lake there is nothing to compare with. Whoever reads its usage reports it.
    if (isGcUsageError(error) && error.kind === "lake") return undefined;
    throw error;
  });
  const organization = claim?.content?.organization;
  if (organization === undefined) return;
  const { readOrganization } = await import("../genesys/organization.ts");
  const own = await readOrganization(client);
  if (own === undefined || compareOrigins({ organization }, { organization: own }) !== "different") return;
  throw new GcUsageError(
    "refused",
    `The lake belongs to ${describeOrganization(organization)}, but these credentials belong to ${describeOrganization(own)}.`,
    { hint: "Use credentials of the lake's organization, or add --offline." },
  );
}

export interface OrganizationLimits {
  readonly limits: readonly KnownLimit[];
  /** The newest first; null if they could not be read. */
  readonly changeRequests: readonly JudgedRequest[] | null;
  readonly unavailable: readonly Unavailable[];
}

/**
 * @param client undefined for what Genesys documents.
 * @param only the namespaces to read; default: all.
 */
export async function organizationLimits(
  client: GenesysClient | undefined,
  signal: AbortSignal | undefined,
  only?: readonly string[],
): Promise<OrganizationLimits> {
  if (client === undefined) return { limits: DOCUMENTED_LIMITS, changeRequests: null, unavailable: [] };
  const missing = new Missing();
  const docs = missing.valueOf("the descriptions of the limits", await readLimitDocs(client, signal)) ?? [];
  const listed =
    only ?? missing.valueOf("the names of the limits", await readLimitNamespaces(client, signal));
  const known = [...docs, ...DOCUMENTED_LIMITS].map(({ namespace }) => namespace);
  const inForce: Limit[] = [];
  const defaults: Limit[] = [];
  for (const namespace of listed ?? [...new Set(known)]) {
    inForce.push(
      ...(missing.valueOf(`the limits of ${namespace}`, await readLimits(client, namespace, signal)) ?? []),
    );
    // The descriptions have the defaults too.
    if (docs.some((limit) => limit.namespace === namespace && limit.defaultValue !== undefined)) continue;
    const read = await readLimitDefaults(client, namespace, signal);
    defaults.push(...(missing.valueOf(`the default limits of ${namespace}`, read) ?? []));
  }
  const requests = await readChangeRequests(client, signal === undefined ? {} : { signal });
  const changeRequests = missing.valueOf("the requests to change limits", requests)?.map(judgedRequest);
  const limits = mergedLimits(inForce, defaults, docs);
  return {
    limits: limits.length === 0 ? DOCUMENTED_LIMITS : limits,
    changeRequests: changeRequests ?? null,
    unavailable: missing.all,
  };
}

/** Collects what could not be read. */
export class Missing {
  readonly all: Unavailable[] = [];

  valueOf<T>(what: string, read: Optional<T>): T | undefined {
    if (read.available) return read.value;
    this.all.push({ what, reason: read.reason, permissions: read.permissions });
    return undefined;
  }
}
