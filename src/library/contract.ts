import {
  type BillingPeriod,
  type Charge,
  type Contract,
  readCharges,
  readContracts,
} from "../genesys/billing.ts";
import type { GenesysClient } from "../genesys/client.ts";
import type { Optional } from "../genesys/listing.ts";
import { type ErrorKind, GcUsageError, isGcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";
import type { LakeContext } from "./context.ts";
import { type Connected, connectIfPossible, disconnect, type OfflineOptions } from "./organization-api.ts";

/** What the billing endpoints say about the API requests of a billing period. */
export interface ContractFacts {
  readonly contractId: string;
  readonly period: Span;
  /** Open or Closed. */
  readonly status: string | null;
  /** The charge that is assumed to be that of the API requests: which one it is, is not documented. */
  readonly product: string;
  /** Free requests; null if the charge does not say. */
  readonly allowance: number | null;
  /** Prepaid requests among them: that they are added to the free ones is assumed. Null if the charge does not say. */
  readonly prepaid: number | null;
  /** Billable requests. In an open period, up to a day that is not documented. */
  readonly actual: number | null;
  readonly overage: number | null;
  readonly overageRate: number | null;
  readonly overageCharge: number | null;
  readonly currency: string | null;
}

/** The contract, or in one sentence why it is not known. */
export type ContractAnswer =
  | { readonly facts: ContractFacts }
  | { readonly facts: undefined; readonly reason: string; readonly kind: ErrorKind };

export interface ContractRequest extends OfflineOptions {
  /** A day of the billing period. */
  readonly day: Day;
  /** Part of the name or SKU of the charge for API requests. */
  readonly product: string | undefined;
}

/** A charge for API requests, by its name or SKU. */
const API_REQUESTS = /api[\s_.-]*(?:request|call|usage)/i;

/** Failures after which the report can do without the contract. */
const WITHOUT: readonly ErrorKind[] = ["credentials", "permission", "service", "failed", "timeout"];

/**
 * Reads the billing period that contains a day. Without a connection or permission, only says why; undefined if `offline` is set.
 *
 * @throws {GcUsageError} refused, if the credentials belong to another organization than the lake; input, if `product` matches no
 *   charge, or several, and for invalid settings.
 */
export async function readContract(
  context: LakeContext,
  request: ContractRequest,
): Promise<ContractAnswer | undefined> {
  let connected: Connected | undefined;
  try {
    connected = await connectIfPossible(context, request);
    if (connected.client === undefined) {
      const { reason, isIntended } = connected;
      return isIntended ? undefined : { facts: undefined, reason, kind: "credentials" };
    }
    return await contractOf(connected.client, request);
  } catch (error) {
    if (!isGcUsageError(error) || !WITHOUT.includes(error.kind)) throw error;
    return { facts: undefined, reason: error.message, kind: error.kind };
  } finally {
    if (connected !== undefined) await disconnect(context, connected);
  }
}

async function contractOf(
  client: GenesysClient,
  { day, product, signal }: ContractRequest,
): Promise<ContractAnswer> {
  const contracts = await readContracts(client, { from: day, to: day, ...(signal ? { signal } : {}) });
  if (!contracts.available) return refused(contracts);
  const found = contracts.value.flatMap((contract) => periodIn(contract, day));
  if (found.length === 0) return unknown(`No contract has a billing period that contains ${day}.`);
  const seen: string[] = [];
  for (const { contract, period, span } of found) {
    const charges = await readCharges(client, contract.id, period.id, signal);
    if (!charges.available) return refused(charges);
    const charge = chargeIn(charges.value, product);
    seen.push(...charges.value.map(nameOf));
    if (charge !== undefined) return { facts: factsOf(contract, period, span, charge) };
  }
  const names = `The charges are: ${[...new Set(seen)].join(", ") || "none"}.`;
  if (product !== undefined)
    throw new GcUsageError("input", `Invalid --product: no charge matches ${quoted(product)}.`, {
      hint: names,
    });
  return unknown(
    `No charge of the billing period seems to be for API requests. ${names} To choose one, set --product.`,
  );
}

function unknown(reason: string): ContractAnswer {
  return { facts: undefined, reason, kind: "permission" };
}

function refused({ reason, permissions }: Extract<Optional<unknown>, { available: false }>): ContractAnswer {
  const needs = permissions.length > 0 ? ` It needs the permission ${permissions.join(" or ")}.` : "";
  return unknown(`${reason}${reason.includes(permissions[0] ?? "\0") ? "" : needs}`);
}

function periodIn(
  contract: Contract,
  day: Day,
): { readonly contract: Contract; readonly period: BillingPeriod; readonly span: Span }[] {
  return contract.periods.flatMap((period) => {
    const { firstDay, lastDay } = period;
    if (firstDay === undefined || lastDay === undefined || day < firstDay || day > lastDay) return [];
    return [{ contract, period, span: { start: firstDay, end: lastDay } }];
  });
}

/** @throws {GcUsageError} input, if several charges match. */
function chargeIn(charges: readonly Charge[], product: string | undefined): Charge | undefined {
  const isMeant = (text: string | undefined): boolean =>
    text !== undefined &&
    (product === undefined ? API_REQUESTS.test(text) : text.toLowerCase().includes(product.toLowerCase()));
  const matching = charges.filter(({ name, sku, productName }) => [name, sku, productName].some(isMeant));
  if (matching.length < 2) return matching[0];
  throw new GcUsageError(
    "input",
    product === undefined
      ? `Several charges of the billing period seem to be for API requests: ${matching.map(nameOf).join(", ")}.`
      : `Invalid --product: several charges match ${quoted(product)}: ${matching.map(nameOf).join(", ")}.`,
    { hint: "Set --product to the SKU of one of them." },
  );
}

/** `API Requests (apiRequests)`. */
function nameOf({ name, sku, productName }: Charge): string {
  const shown = name ?? productName;
  if (shown === undefined) return sku ?? "without a name";
  return sku === undefined ? shown : `${shown} (${sku})`;
}

function factsOf(contract: Contract, { status }: BillingPeriod, period: Span, charge: Charge): ContractFacts {
  const { fairuseQuantity, prepaidQuantity } = charge;
  const free = fairuseQuantity === undefined ? undefined : fairuseQuantity + (prepaidQuantity ?? 0);
  return {
    contractId: contract.id,
    period,
    status: status ?? null,
    product: nameOf(charge),
    // A figure of 0 means that the contract does not say.
    allowance: free || null,
    prepaid: prepaidQuantity ?? null,
    actual: charge.actualQuantity ?? null,
    overage: charge.overageQuantity ?? null,
    overageRate: charge.overageRate ?? null,
    overageCharge: charge.overageCharge ?? null,
    currency: charge.overageCurrency ?? null,
  };
}
