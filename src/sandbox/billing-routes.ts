import { setImmediate } from "node:timers/promises";
import { type Day, eachDay, minDay, tryDay } from "../usage/day.ts";
import {
  type BillingPeriod,
  billableOn,
  type Contract,
  contractsOn,
  countedUntil,
  licensesOf,
  OVERAGE_RATE,
  overageOf,
} from "./contracts.ts";
import { dayNumber } from "./facts.ts";
import { badField, json, Refusal, type Reply, wholeParam } from "./http.ts";
import { allowanceOf, type LicenseCount, licensesOn, licenseUsersPage, usersWith } from "./licenses.ts";
import { type Organization, userName } from "./organization.ts";
import { get, type Route, type World } from "./route.ts";

const PERMISSIONS = ["billing:subscription:view"];
const CONTRACTS = "/api/v2/billing/contracts";
const CURRENCY = "USD";

/** Contracts, the charges of their months, and licenses. */
export function billingRoutes({ organization, today }: World): Route[] {
  const sums = new Map<string, Promise<number>>();
  const requested = new Set<string>();
  const requestsOf = (period: BillingPeriod): Promise<number> => {
    const last = minDay(period.lastDay, countedUntil(today()));
    const key = `${period.id} ${last}`;
    const sum = sums.get(key) ?? sumBillable(organization, period.firstDay, last);
    sums.set(key, sum);
    return sum;
  };
  return [
    get(CONTRACTS, "billing", PERMISSIONS, ({ query }) =>
      json(200, contractsPage(organization, query, today())),
    ),
    get(
      `${CONTRACTS}/{contractId}/billingperiods/{billingPeriodId}`,
      "billing",
      PERMISSIONS,
      async ({ path: [contractId = "", id = ""] }) => {
        const period = contractsOn(organization, today())
          .find((contract) => contract.id === contractId)
          ?.periods.find((known) => known.id === id);
        if (period === undefined)
          throw new Refusal(404, "not.found", `Unable to find a billing period with id ${id}`, {
            params: { id },
          });
        return json(200, {
          ...periodEntity(period),
          charges: chargesOf(licensesOf(organization, period), await requestsOf(period)),
        });
      },
    ),
    get("/api/v2/billing/reports/billableusage", "billing", PERMISSIONS, ({ query }) =>
      billableUsage(organization, query, requested),
    ),
    get("/api/v2/license/users", "licenses", PERMISSIONS, ({ query }) =>
      json(200, licenseUsersPage(organization, query)),
    ),
  ];
}

async function sumBillable(organization: Organization, first: Day, last: Day): Promise<number> {
  let sum = 0;
  for (const day of eachDay(first, last)) {
    // A month of days must not block other requests.
    await setImmediate();
    sum += billableOn(organization, day);
  }
  return sum;
}

/** Contracts that overlap `dateStart` to `dateEnd`, newest first, in pages. */
function contractsPage(
  organization: Organization,
  query: URLSearchParams,
  today: Day,
): Record<string, unknown> {
  const size = wholeParam(query, "pageSize", { fallback: 200, min: 1, max: 200 });
  const from = wholeParam(query, "after", { fallback: 0, min: 0, max: 1_000_000 });
  const start = dayParam(query, "dateStart");
  const end = dayParam(query, "dateEnd");
  const status = query.get("status") ?? "";
  const matching = contractsOn(organization, today)
    .filter((contract) => status === "" || contract.status === status)
    .filter(({ lastDay }) => start === undefined || lastDay >= start)
    .filter(({ firstDay }) => end === undefined || firstDay <= end);
  const next = new URLSearchParams(query);
  next.set("after", String(from + size));
  return {
    entities: matching.slice(from, from + size).map((contract) => contractEntity(organization, contract)),
    ...(from + size < matching.length ? { nextUri: `${CONTRACTS}?${next.toString()}` } : {}),
    selfUri: CONTRACTS,
  };
}

/** A day, or the day of a time; undefined if it is absent. */
function dayParam(query: URLSearchParams, name: string): Day | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const day = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?$/.test(text) ? tryDay(text.slice(0, 10)) : undefined;
  if (day === undefined) throw badField(name, `${JSON.stringify(text)} is not a UTC day or time`);
  return day;
}

function requiredDay(query: URLSearchParams, name: string): Day {
  const day = dayParam(query, name);
  if (day === undefined) throw badField(name, "it is required");
  return day;
}

/** A span ends with the last millisecond of its last day. */
function datesOf({ firstDay, lastDay }: { firstDay: Day; lastDay: Day }): Record<string, string> {
  return { dateStart: `${firstDay}T00:00:00.000Z`, dateEnd: `${lastDay}T23:59:59.999Z` };
}

function contractEntity(organization: Organization, contract: Contract): Record<string, unknown> {
  const [first] = contract.periods;
  const licenses = first === undefined ? [] : licensesOf(organization, first);
  return {
    id: contract.id,
    status: contract.status,
    ...datesOf(contract),
    billingPeriods: contract.periods.map(periodEntity),
    plans: licenses.map(({ license, committed }) => ({
      product: license.name,
      organizations: [organization.id],
      items: [
        {
          price: PRICE,
          overagePrice: PRICE,
          quantity: committed,
          currencyIsoCode: CURRENCY,
          unitOfMeasure: license.unit,
        },
      ],
    })),
    selfUri: `${CONTRACTS}/${contract.id}`,
  };
}

function periodEntity(period: BillingPeriod): Record<string, unknown> {
  return { id: period.id, ...datesOf(period), status: period.status };
}

/** For each unit of a license, in dollars: invented. */
const PRICE = 75;

/** The charge of the API requests comes last. */
function chargesOf(licenses: readonly LicenseCount[], requests: number): Record<string, unknown>[] {
  const allowance = allowanceOf(licenses);
  const { quantity, charge } = overageOf(requests, allowance);
  return [
    ...licenses.map(({ license, committed, actual }) => {
      const over = Math.max(0, actual - committed);
      return {
        name: license.name,
        product: { sku: license.id, name: license.name, unitOfMeasure: license.unit },
        prepaidQuantity: committed,
        actualQuantity: actual,
        overageQuantity: over,
        overageRate: PRICE,
        overageCharge: over * PRICE,
        overageCurrency: CURRENCY,
      };
    }),
    {
      name: "API Requests",
      product: { sku: "apiRequests", name: "Genesys Cloud API Requests", unitOfMeasure: "request" },
      prepaidQuantity: 0,
      fairuseQuantity: allowance,
      actualQuantity: requests,
      overageQuantity: quantity,
      overageRate: OVERAGE_RATE,
      overageCharge: charge,
      overageCurrency: CURRENCY,
    },
  ];
}

/** The licenses that were used; the first request of a report only starts it. */
function billableUsage(organization: Organization, query: URLSearchParams, requested: Set<string>): Reply {
  const [start, end] = [requiredDay(query, "startDate"), requiredDay(query, "endDate")];
  if (end < start) throw badField("endDate", "it is before startDate");
  const key = `${start}/${end}`;
  if (!requested.has(key)) {
    requested.add(key);
    return json(200, { status: "InProgress" });
  }
  const usages = licensesOn(organization, dayNumber(start), false).map(({ license, actual }) => ({
    name: license.name,
    totalUsage: String(actual),
    resources: usersWith(organization, license).map((user) => ({
      name: userName(user),
      date: `${end}T00:00:00Z`,
    })),
  }));
  return json(200, { status: "Complete", usages });
}
