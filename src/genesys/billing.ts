import * as z from "zod";
import { type Effects, realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { pollUntil } from "../support/poll.ts";
import { addDays, type Day, dayOf } from "../usage/day.ts";
import type { GenesysClient } from "./client.ts";
import {
  ifAvailable,
  listOf,
  NUMBER,
  type Optional,
  oddAnswer,
  parsed,
  pathPart,
  readListing,
  TEXT,
} from "./listing.ts";

const CONTRACTS = "/api/v2/billing/contracts";
/** "Cursor pages of at most 200." */
const CONTRACTS_PER_PAGE = 200;

/** A month of a contract. It need not follow the calendar. */
export interface BillingPeriod {
  readonly id: string;
  /** UTC days, both included. */
  readonly firstDay: Day | undefined;
  readonly lastDay: Day | undefined;
  /** Open or Closed. */
  readonly status?: string | undefined;
}

export interface PlanItem {
  readonly price?: number | undefined;
  readonly overagePrice?: number | undefined;
  readonly quantity?: number | undefined;
  readonly currencyIsoCode?: string | undefined;
  readonly unitOfMeasure?: string | undefined;
}

export interface Contract {
  readonly id: string;
  readonly status?: string | undefined;
  readonly firstDay: Day | undefined;
  readonly lastDay: Day | undefined;
  /** In the order of the answer. */
  readonly periods: readonly BillingPeriod[];
  readonly plans: readonly { readonly product?: string | undefined; readonly items: readonly PlanItem[] }[];
}

const PERIOD = z.object({ id: z.string(), dateStart: TEXT, dateEnd: TEXT, status: TEXT });
/** A product may be a name, or an object with one. */
const PRODUCT = z
  .union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)])
  .optional()
  .catch(undefined);
const CONTRACT = z.object({
  id: z.string(),
  status: TEXT,
  dateStart: TEXT,
  dateEnd: TEXT,
  billingPeriods: listOf(PERIOD),
  plans: listOf(
    z.object({
      product: PRODUCT,
      items: listOf(
        z.object({
          price: NUMBER,
          overagePrice: NUMBER,
          quantity: NUMBER,
          currencyIsoCode: TEXT,
          unitOfMeasure: TEXT,
        }),
      ),
    }),
  ),
});

export interface ContractsQuery {
  /** For example Active. */
  readonly status?: string;
  readonly from?: Day;
  readonly to?: Day;
  readonly signal?: AbortSignal;
}

/** Reads the contracts and their months: `GET /api/v2/billing/contracts`, which needs the permission billing:subscription:view. */
export function readContracts(
  client: GenesysClient,
  query: ContractsQuery = {},
): Promise<Optional<Contract[]>> {
  return ifAvailable(async () => {
    const contracts = await readListing(client, {
      path: CONTRACTS,
      query: {
        pageSize: CONTRACTS_PER_PAGE,
        status: query.status,
        dateStart: query.from,
        dateEnd: query.to,
      },
      entity: CONTRACT,
      purpose: "read the contracts",
      signal: query.signal,
    });
    const excluded = excludesEnds(contracts.flatMap(({ billingPeriods }) => billingPeriods));
    return contracts.map((contract) => ({
      id: contract.id,
      status: contract.status,
      ...daysOf(contract, excluded),
      periods: contract.billingPeriods.map((period) => ({
        id: period.id,
        ...daysOf(period, excluded),
        status: period.status,
      })),
      plans: contract.plans,
    }));
  });
}

interface Dates {
  readonly dateStart?: string | undefined;
  readonly dateEnd?: string | undefined;
}

/**
 * Whether the days of `dateEnd` are excluded, which is not documented: they are if other spans begin on them, and they are not if other
 * spans begin one day later. Undefined if no two spans are adjacent.
 */
function excludesEnds(spans: readonly Dates[]): boolean | undefined {
  const days = spans.map(({ dateStart, dateEnd }) => ({
    start: instantOf(dateStart),
    end: instantOf(dateEnd),
  }));
  const adjacent = (gap: number): boolean =>
    days.some(({ end }, i) =>
      days.some(
        ({ start }, j) =>
          i !== j && start !== undefined && end !== undefined && dayOf(start) === addDays(dayOf(end), gap),
      ),
    );
  if (adjacent(0)) return true;
  return adjacent(1) ? false : undefined;
}

const DAY_MS = 86_400_000;

/** Without adjacent spans, a time at midnight is excluded and a date without a time is included. */
function daysOf({ dateStart, dateEnd }: Dates, excluded: boolean | undefined) {
  const [start, end] = [instantOf(dateStart), instantOf(dateEnd)];
  const isExcluded = end !== undefined && end % DAY_MS === 0 && (excluded ?? dateEnd?.includes("T") === true);
  return {
    firstDay: start === undefined ? undefined : dayOf(start),
    lastDay: end === undefined ? undefined : addDays(dayOf(end), isExcluded ? -1 : 0),
  };
}

function instantOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/** What a product cost in a month. Which product the API requests are is not documented. */
export interface Charge {
  readonly name?: string | undefined;
  readonly sku?: string | undefined;
  readonly productName?: string | undefined;
  readonly unitOfMeasure?: string | undefined;
  readonly prepaidQuantity?: number | undefined;
  readonly fairuseQuantity?: number | undefined;
  readonly actualQuantity?: number | undefined;
  readonly overageQuantity?: number | undefined;
  readonly overageRate?: number | undefined;
  readonly overageCharge?: number | undefined;
  readonly overageCurrency?: string | undefined;
}

const CHARGES = z.object({
  charges: listOf(
    z.object({
      name: TEXT,
      product: z.object({ sku: TEXT, name: TEXT, unitOfMeasure: TEXT }).optional().catch(undefined),
      prepaidQuantity: NUMBER,
      fairuseQuantity: NUMBER,
      actualQuantity: NUMBER,
      overageQuantity: NUMBER,
      overageRate: NUMBER,
      overageCharge: NUMBER,
      overageCurrency: TEXT,
    }),
  ),
});

/** Reads the charges of a month: `GET /api/v2/billing/contracts/{contractId}/billingperiods/{id}`. */
export async function readCharges(
  client: GenesysClient,
  contractId: string,
  periodId: string,
  signal?: AbortSignal,
): Promise<Optional<Charge[]>> {
  const path = `${CONTRACTS}/${pathPart(contractId)}/billingperiods/${pathPart(periodId)}`;
  const purpose = "read the charges of a billing period";
  return ifAvailable(async () => {
    const { charges } = parsed(CHARGES, await client.json("GET", path, { purpose, signal }), purpose, path);
    return charges.map(({ product, ...charge }) => ({
      ...charge,
      sku: product?.sku,
      productName: product?.name,
      unitOfMeasure: product?.unitOfMeasure,
    }));
  });
}

/** How much of a license was used, and by whom. */
export interface BillableUsage {
  readonly name?: string | undefined;
  readonly totalUsage?: number | undefined;
  readonly resources: readonly { readonly name?: string | undefined; readonly date?: string | undefined }[];
}

const REPORT = z.object({
  status: TEXT,
  usages: listOf(
    z.object({ name: TEXT, totalUsage: NUMBER, resources: listOf(z.object({ name: TEXT, date: TEXT })) }),
  ),
});
const REPORT_PATH = "/api/v2/billing/reports/billableusage";
/** In all, about five minutes. */
const MAX_LOOKS = 35;
const pauseMs = (looks: number): number => Math.min(10_000, 1000 * looks);

export interface BillableUsageQuery {
  /** UTC days, both included. */
  readonly from: Day;
  readonly to: Day;
  readonly effects?: Pick<Effects, "sleep">;
  readonly signal?: AbortSignal;
}

/**
 * Reads the billable licenses: `GET /api/v2/billing/reports/billableusage`. Repeats the call while the report is in progress.
 *
 * @throws {GcUsageError} timeout, if it still is after about five minutes.
 */
export function readBillableUsage(
  client: GenesysClient,
  { from, to, effects = realEffects, signal }: BillableUsageQuery,
): Promise<Optional<BillableUsage[]>> {
  const purpose = "read the billable usage";
  let looks = 0;
  const look = async (): Promise<BillableUsage[] | undefined> => {
    const query = { startDate: from, endDate: to };
    const answer = await client.json("GET", REPORT_PATH, { query, purpose, signal });
    const { status, usages } = parsed(REPORT, answer, purpose, REPORT_PATH);
    if (status === "Complete") return usages;
    if (status !== "InProgress")
      throw oddAnswer(purpose, REPORT_PATH, `the report's status is ${JSON.stringify(status ?? null)}.`);
    if (++looks < MAX_LOOKS) return undefined;
    throw new GcUsageError(
      "timeout",
      "The report of the billable usage is still in progress after 5 minutes.",
      {
        hint: "Run the same command again later.",
      },
    );
  };
  return ifAvailable(() => pollUntil(look, { effects, signal, pauseMs }));
}

/** A user, and the names of the licenses that are assigned to it. Assigned is not billable. */
export interface LicensedUser {
  readonly id: string;
  readonly licenses: readonly string[];
}

const USERS_PER_PAGE = 100;

/** Reads the assigned licenses: `GET /api/v2/license/users`. */
export function readLicensedUsers(
  client: GenesysClient,
  signal?: AbortSignal,
): Promise<Optional<LicensedUser[]>> {
  return ifAvailable(() =>
    readListing(client, {
      path: "/api/v2/license/users",
      query: { pageSize: USERS_PER_PAGE },
      entity: z.object({ id: z.string(), licenses: listOf(z.string()) }),
      purpose: "read the assigned licenses",
      signal,
    }),
  );
}
